// Time series, their windows, and labelled texts, from tables.
// Invariant: a window never reads a row outside [begin, end), so a split by time cannot leak.
#include <algorithm>
#include <unordered_map>

#include <volute/graph.hpp>
#include <volute/data.hpp>

#include "engine/data/file.hpp"

namespace volute::data {
namespace {

using Numbers = std::vector<std::optional<float>>;  // [rows, C]

/// Fills the gap [first, last) of one column from the values around it.
void fill(Numbers& all, std::size_t C, std::size_t c, std::size_t first, std::size_t last, Missing missing,
          const Csv& table, std::size_t column) {
  const std::size_t rows = all.size() / C;
  const auto before = first > 0 ? all[(first - 1) * C + c] : std::nullopt;
  const auto after = missing == Missing::linear && last < rows ? all[last * C + c] : std::nullopt;
  if (!before && !after) table.complain(first, column, "the value is missing, and there is none to fill it from");
  for (std::size_t row = first; row < last; ++row) {
    const double part = static_cast<double>(row - first + 1) / static_cast<double>(last - first + 1);
    all[row * C + c] = !after    ? *before
                       : !before ? *after
                                 : static_cast<float>(*before + (double{*after} - *before) * part);
  }
}

void fill_gaps(Numbers& all, const std::vector<std::size_t>& columns, Missing missing, const Csv& table) {
  const std::size_t C = columns.size(), rows = all.size() / C;
  for (std::size_t c = 0; c < C; ++c)
    for (std::size_t row = 0; row < rows; ++row) {
      std::size_t last = row;
      while (last < rows && !all[last * C + c]) ++last;
      if (last == row) continue;
      if (missing == Missing::error) table.complain(row, columns[c], "the value is missing");
      fill(all, C, c, row, last, missing, table, columns[c]);
      row = last;
    }
}

std::string text_of(std::int64_t value) { return std::to_string(value); }

}  // namespace

Series Series::from(const Csv& table, const std::vector<std::string>& columns, Missing missing) {
  Series series;
  series.names = columns.empty() ? table.columns() : columns;
  std::vector<std::size_t> chosen;
  for (std::size_t c = 0; c < series.names.size(); ++c)
    chosen.push_back(columns.empty() ? c : table.column(columns[c]));
  Numbers all;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    Numbers values;
    for (std::size_t column : chosen) values.push_back(table.number(row, column));
    const bool whole = std::all_of(values.begin(), values.end(), [](const auto& v) { return v.has_value(); });
    if (whole || missing != Missing::drop) all.insert(all.end(), values.begin(), values.end());
  }
  if (missing != Missing::drop) fill_gaps(all, chosen, missing, table);
  if (all.empty()) throw BadFile("the table has no row without a missing value");
  for (const auto& value : all) series.values.push_back(*value);
  return series;
}

Windows::Windows(const Series& series, WindowOptions options) : series_(&series), options_(std::move(options)) {
  WindowOptions& o = options_;
  const std::size_t rows = series.rows();
  if (o.length < 1 || o.horizon < 1 || o.stride < 1)
    throw InvalidGraph("windows: length, horizon and stride must be positive, got " + text_of(o.length) + ", " +
                       text_of(o.horizon) + " and " + text_of(o.stride));
  if (o.end == 0) o.end = rows;
  if (o.begin >= o.end || o.end > rows)
    throw InvalidGraph("windows: rows " + std::to_string(o.begin) + " to " + std::to_string(o.end) +
                       " are not within the series of " + std::to_string(rows));
  if (o.targets.empty())
    for (std::size_t c = 0; c < series.names.size(); ++c) o.targets.push_back(c);
  for (std::size_t target : o.targets)
    if (target >= series.names.size())
      throw InvalidGraph("windows: target column " + std::to_string(target) + " of " +
                         std::to_string(series.names.size()) + " does not exist");
  const auto available = static_cast<std::int64_t>(o.end - o.begin);
  if (o.length > available || o.horizon > available - o.length)
    throw InvalidGraph("windows: length " + text_of(o.length) + " and horizon " + text_of(o.horizon) +
                       " do not fit into " + text_of(available) + " rows");
  count_ = static_cast<std::size_t>((available - o.length - o.horizon) / o.stride + 1);
}

Windows::Forecast Windows::batch(std::span<const std::size_t> rows) const {
  const std::size_t C = series_->names.size();
  for (std::size_t row : rows)
    if (row >= count_)
      throw InvalidGraph("windows: window " + std::to_string(row) + " of " + std::to_string(count_) +
                         " does not exist");
  const auto start = [&](std::size_t row) { return options_.begin + row * static_cast<std::size_t>(options_.stride); };
  const auto length = static_cast<std::size_t>(options_.length), horizon = static_cast<std::size_t>(options_.horizon);
  Forecast batch;
  for (std::size_t t = 0; t < length; ++t)
    for (std::size_t row : rows) {
      const auto from = series_->values.begin() + static_cast<std::ptrdiff_t>((start(row) + t) * C);
      batch.x.insert(batch.x.end(), from, from + static_cast<std::ptrdiff_t>(C));
    }
  for (std::size_t t = 0; t < horizon; ++t)
    for (std::size_t row : rows)
      for (std::size_t target : options_.targets)
        batch.y.push_back(series_->values[(start(row) + length + t) * C + target]);
  return batch;
}

Labelled Labelled::from(const Csv& table, const std::string& text, const std::string& label,
                        std::vector<std::string> classes) {
  const std::size_t texts = table.column(text), labels = table.column(label);
  Labelled result;
  const bool given = !classes.empty();
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.text(row, labels).empty()) table.complain(row, labels, "the label is missing");
    if (!given) classes.push_back(table.text(row, labels));
  }
  if (!given) {
    std::sort(classes.begin(), classes.end());
    classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
  }
  result.classes = std::move(classes);
  std::unordered_map<std::string_view, std::uint32_t> number;
  for (std::size_t i = 0; i < result.classes.size(); ++i)
    number.emplace(result.classes[i], static_cast<std::uint32_t>(i));
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto found = number.find(table.text(row, labels));
    if (found == number.end())
      table.complain(row, labels, in_quotes(table.text(row, labels)) + " is none of the " +
                                      std::to_string(result.classes.size()) + " classes");
    result.texts.push_back(table.text(row, texts));
    result.labels.push_back(found->second);
  }
  return result;
}

}  // namespace volute::data
