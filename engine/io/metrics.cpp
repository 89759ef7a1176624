// The figures of a run, as CSV or JSON Lines.
// Invariant: what is in the file ends with a whole line after each write, also one that failed; rows that are there
// change only by empty fields for columns that came later.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string_view>

#include <volute/io.hpp>

#include "engine/io/file.hpp"
#include "engine/io/header.hpp"

namespace volute::io {
namespace {

template <class Number>
std::string shortest(Number value) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

double decimal(float value) {
  if (!std::isfinite(value)) return value;
  const std::string text = shortest(value);
  double read = 0;
  std::from_chars(text.data(), text.data() + text.size(), read);
  return read;
}

std::string csv_number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return shortest(value);
}

nlohmann::ordered_json json_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

void check_names(const std::vector<Metric>& metrics) {
  for (auto metric = metrics.begin(); metric != metrics.end(); ++metric) {
    const std::string& name = metric->name;
    const auto complain = [&](const char* why) {
      throw InvalidGraph("metrics: the name '" + printable(name) + "' " + why);
    };
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (name.empty()) complain("is empty");
    if (name == "step") complain("is the row's own");
    if (name.find_first_of(",\"") != std::string::npos || std::any_of(name.begin(), name.end(), is_control))
      complain("has a comma, a quote or a control character in it");
    if (std::any_of(metrics.begin(), metric, [&](const Metric& before) { return before.name == name; }))
      complain("is there twice");
  }
}

std::vector<std::string> split(std::string_view line) {
  std::vector<std::string> fields;
  for (std::size_t at = 0;;) {
    const std::size_t end = std::min(line.find(',', at), line.size());
    fields.emplace_back(line.substr(at, end - at));
    if (end == line.size()) return fields;
    at = end + 1;
  }
}

/// The step of a row, or nothing if the line is none.
std::optional<std::int64_t> csv_step(std::string_view line, std::size_t columns) {
  const std::vector<std::string> fields = split(line);
  const std::string& first = fields.front();
  std::int64_t step = 0;
  const auto [end, error] = std::from_chars(first.data(), first.data() + first.size(), step);
  if (fields.size() != columns || error != std::errc() || end != first.data() + first.size()) return std::nullopt;
  return step;
}

std::optional<std::int64_t> json_step(std::string_view line) {
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  const auto found = json.is_object() ? json.find("step") : json.end();
  if (found == json.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

/// Calls `look` with each whole line and its number, from 1.
void for_each_line(std::string_view text, const std::function<void(std::string_view, int)>& look) {
  int number = 0;
  for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string_view::npos; at = end + 1)
    look(text.substr(at, end - at), ++number);
}

/// Behind a link, so that the link stays one.
std::string behind_links(const std::string& path) {
  std::error_code ignored;
  const std::filesystem::path target = std::filesystem::canonical(path, ignored);
  return target.empty() ? path : target.string();
}

void replace(const std::string& path, const std::string& text) {
  try {
    replace_file(behind_links(path), text);
  } catch (const Unsettled&) {
    // It is written, and no row is promised to outlive the machine.
  }
}

}  // namespace

Metric::Metric(std::string n, float v) : Metric(std::move(n), decimal(v)) {}

struct MetricsFile::Data {
  std::string path;
  bool csv = false;
  std::vector<std::string> columns = {};  // of a CSV, "step" first; none before its first row
  std::optional<AppendingFile> file = {};

  void open(AppendingFile::Start start) { file.emplace(path, start); }

  bool is_regular() const {
    std::error_code ignored;
    return std::filesystem::is_regular_file(path, ignored);
  }

  /// Drops rows after `step`, and what is left of a line at the end.
  void cut(std::int64_t step) {
    const std::string text = read_file(path);
    std::string kept;
    for_each_line(text, [&](std::string_view line, int number) {
      const bool is_names = csv && number == 1;
      if (is_names) columns = split(line);
      const auto found = is_names ? step : csv ? csv_step(line, columns.size()) : json_step(line);
      if (!found || (is_names && columns.front() != "step"))
        throw BadFile(path + ":" + std::to_string(number) + ": is no row of metrics to go on from: " + printable(line));
      if (*found <= step) kept.append(line) += '\n';
    });
    if (kept != text) replace(path, kept);
  }

  std::string names() const {
    std::string line;
    for (const std::string& name : columns) line += (line.empty() ? "" : ",") + name;
    return line + '\n';
  }

  /// Gives names that are new a column; the rows before, if there are some, get empty fields.
  void widen(const std::vector<Metric>& metrics) {
    const std::size_t before = columns.size();
    std::vector<std::string> wider = before == 0 ? std::vector<std::string>{"step"} : columns;
    for (const Metric& metric : metrics)
      if (std::find(wider.begin(), wider.end(), metric.name) == wider.end()) wider.push_back(metric.name);
    if (wider.size() == before) return;
    if (before > 0 && !is_regular())
      throw BadFile(path + ": cannot be written: the column '" + wider[before] + "' is new, and this is no file");
    std::swap(columns, wider);
    if (before == 0) return;
    try {
      std::string text = names();
      for_each_line(read_file(path), [&](std::string_view line, int number) {
        if (number > 1) text.append(line).append(columns.size() - before, ',') += '\n';
      });
      replace(path, text);
    } catch (const BadFile&) {
      std::swap(columns, wider);
      throw;
    }
    open(AppendingFile::Start::as_it_is);
  }

  std::string csv_row(std::int64_t step, const std::vector<Metric>& metrics) const {
    std::string line = std::to_string(step);
    for (std::size_t i = 1; i < columns.size(); ++i) {
      line += ',';
      for (const Metric& metric : metrics)
        if (metric.name == columns[i]) line += csv_number(metric.value);
    }
    return line + '\n';
  }
};

MetricsFile::MetricsFile(std::string path, MetricsOptions options)
    : data_(std::make_unique<Data>(Data{.path = std::move(path)})) {
  data_->csv = std::filesystem::path(data_->path).extension() == ".csv";
  if (options.resume_after && data_->is_regular()) data_->cut(*options.resume_after);
  data_->open(options.resume_after ? AppendingFile::Start::as_it_is : AppendingFile::Start::empty);
}

MetricsFile::~MetricsFile() = default;
MetricsFile::MetricsFile(MetricsFile&&) noexcept = default;
MetricsFile& MetricsFile::operator=(MetricsFile&&) noexcept = default;

const std::string& MetricsFile::path() const { return data_->path; }

void MetricsFile::write(std::int64_t step, const std::vector<Metric>& metrics) {
  check_names(metrics);
  if (data_->csv) {
    const bool begins = data_->columns.empty();
    data_->widen(metrics);
    try {
      data_->file->append((begins ? data_->names() : "") + data_->csv_row(step, metrics));
    } catch (const BadFile&) {
      if (begins) data_->columns.clear();
      throw;
    }
    return;
  }
  nlohmann::ordered_json row = {{"step", step}};
  for (const Metric& metric : metrics) row[metric.name] = json_number(metric.value);
  data_->file->append(row.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n');
}

}  // namespace volute::io
