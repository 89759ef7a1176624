// Tables: any text, under any options, is a table or a BadFile naming a line; and a table holds what it says.
#include <cmath>

#include <volute/data.hpp>

#include "tests/fuzz/input.hpp"

namespace volute::fuzz {
namespace {

using data::Csv;

/// The table as RFC 4180 text, every field in quotes.
std::string written(const Csv& table, char delimiter) {
  std::string text;
  const auto field = [&](const std::string& value) {
    text += '"';
    for (const char c : value) text += c == '"' ? std::string("\"\"") : std::string(1, c);
    text += '"';
  };
  const auto end = [&](std::size_t column) { text += column + 1 < table.columns().size() ? delimiter : '\n'; };
  for (std::size_t c = 0; c < table.columns().size(); ++c) field(table.columns()[c]), end(c);
  for (std::size_t row = 0; row < table.rows(); ++row)
    for (std::size_t c = 0; c < table.columns().size(); ++c) field(table.text(row, c)), end(c);
  return text;
}

void check_same(const Csv& a, const Csv& b) {
  require(a.columns() == b.columns() && a.rows() == b.rows(), "a table that was written has the same columns and rows");
  for (std::size_t row = 0; row < a.rows(); ++row)
    for (std::size_t c = 0; c < a.columns().size(); ++c)
      require(a.text(row, c) == b.text(row, c), "a table that was written has the same fields");
}

/// What a program does with a table next.
struct Uses {
  data::Missing missing;
  std::int64_t length, horizon;
};

void use(const Csv& table, const Uses& uses) {
  try {
    for (std::size_t row = 0; row < table.rows(); ++row)
      for (std::size_t c = 0; c < table.columns().size(); ++c)
        if (const auto value = table.number(row, c)) require(std::isfinite(*value), "numbers are finite");
  } catch (const BadFile&) {
  }
  try {
    const auto series = data::Series::from(table, {}, uses.missing);
    require(series.values.size() == series.rows() * series.names.size(), "a series is rectangular");
    for (float value : series.values) require(std::isfinite(value), "a series is finite");
    const data::Windows windows(series, {.length = uses.length, .horizon = uses.horizon});
    const std::size_t rows[] = {0, windows.count() - 1};
    windows.batch(rows);
  } catch (const BadFile&) {
  } catch (const InvalidGraph&) {
  }
  try {
    const auto labelled = data::Labelled::from(table, table.columns().front(), table.columns().back());
    for (std::uint32_t label : labelled.labels) require(label < labelled.classes.size(), "labels are of a class");
  } catch (const BadFile&) {
  }
}

void run(Input in) {
  const std::uint8_t choice = in.byte();
  data::CsvOptions options{.header = (choice & 1) != 0};
  if (choice & 2) options.delimiter = static_cast<char>(in.byte());
  const Uses uses{static_cast<data::Missing>(choice >> 2 & 3), in.number<std::int8_t>(), in.number<std::int8_t>()};
  try {
    const Csv table = Csv::parse(in.rest(), "fuzz", options);
    require(table.rows() > 0 && !table.columns().empty(), "a table has rows and columns");
    check_same(table, Csv::parse(written(table, options.delimiter), "fuzz", {.delimiter = options.delimiter}));
    use(table, uses);
  } catch (const BadFile& error) {
    require(std::string_view(error.what()).starts_with("fuzz:"), "errors name the file");
    require(std::string_view(error.what()).size() < 2000, "errors are short");
  } catch (const InvalidGraph& error) {
    require(std::string_view(error.what()).find("delimiter") != std::string_view::npos, "only options are refused so");
  }
}

}  // namespace
}  // namespace volute::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  volute::fuzz::run({data, size});
  return 0;
}
