// Tables of comma separated values, after RFC 4180.
// Invariant: a row knows the line of the file on which it begins, so every complaint about it can name it.
#include <charconv>
#include <cmath>
#include <set>

#include <volute/graph.hpp>
#include <volute/data.hpp>

#include "engine/data/file.hpp"

namespace volute::data {
namespace {

/// Reads field by field. A field ends at a delimiter, a line break or the end of the text.
class Reader {
 public:
  Reader(std::string_view text, std::string name, char delimiter)
      : text_(text), name_(std::move(name)), delimiter_(delimiter) {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
  }

  /// The fields of the next row that is not empty; false at the end.
  bool row(std::vector<std::string>& fields) {
    while (at_ < text_.size() && end_of_line()) skip_line_break();
    if (at_ >= text_.size()) return false;
    row_line_ = line_;
    fields.clear();
    while (true) {
      if (fields.size() == max_columns)
        fail(line_, fields.size(), "there are too many: the limit is " + std::to_string(max_columns));
      fields.push_back(field(fields.size()));
      if (at_ >= text_.size()) return true;
      if (text_[at_] != delimiter_) {
        skip_line_break();
        return true;
      }
      ++at_;
    }
  }
  std::size_t row_line() const { return row_line_; }

 private:
  [[noreturn]] void fail(std::size_t line, std::size_t field, const std::string& message) const {
    throw BadFile(name_ + ":" + std::to_string(line) + ": field " + std::to_string(field + 1) + ": " + message);
  }
  bool end_of_line() const {
    return text_[at_] == '\n' || (text_[at_] == '\r' && (at_ + 1 == text_.size() || text_[at_ + 1] == '\n'));
  }
  void skip_line_break() {
    if (text_[at_] == '\r') ++at_;
    if (at_ < text_.size() && text_[at_] == '\n') ++at_;
    ++line_;
  }

  /// Of the byte to be read next, with `size` bytes of its field before it.
  void check_byte(std::size_t line, std::size_t number, std::size_t size) const {
    if (text_[at_] == '\0') fail(line, number, "a NUL byte; the file must be text, in UTF-8 or another 8-bit encoding");
    if (size == max_field_bytes)
      fail(line, number, "is too long: the limit is " + std::to_string(max_field_bytes) + " bytes");
  }

  std::string field(std::size_t number) {
    if (at_ < text_.size() && text_[at_] == '"') return quoted_field(number);
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != delimiter_ && !end_of_line()) {
      if (text_[at_] == '"') fail(line_, number, "a quote within a field that does not begin with one");
      check_byte(line_, number, at_ - begin);
      ++at_;
    }
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string quoted_field(std::size_t number) {
    const std::size_t opened = line_;
    std::string value;
    for (++at_;; ++at_) {
      if (at_ >= text_.size()) fail(opened, number, "the quote is never closed");
      if (text_[at_] == '"') {
        if (at_ + 1 == text_.size() || text_[at_ + 1] != '"') break;
        ++at_;
      }
      check_byte(line_, number, value.size());
      if (text_[at_] == '\n') ++line_;
      value += text_[at_];
    }
    ++at_;
    if (at_ < text_.size() && text_[at_] != delimiter_ && !end_of_line())
      fail(line_, number, "text follows the closing quote");
    return value;
  }

  std::string_view text_;
  std::string name_;
  char delimiter_;
  std::size_t at_ = 0, line_ = 1, row_line_ = 1;
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_missing(std::string_view text) {
  for (const char* sign : {"", "NA", "N/A", "NaN", "nan", "null", "NULL", "?", "-"})
    if (text == sign) return true;
  return false;
}

void refuse_twins(const std::vector<std::string>& columns, const std::string& file, std::size_t line) {
  std::set<std::string_view> seen;
  for (const std::string& column : columns)
    if (!seen.insert(column).second)
      throw BadFile(file + ":" + std::to_string(line) + ": two columns are named " + in_quotes(column));
}

}  // namespace

Csv Csv::load(const std::string& path, CsvOptions options) { return parse(read_file(path), path, options); }

Csv Csv::parse(std::string_view text, const std::string& name, CsvOptions options) {
  if (options.delimiter == '"' || options.delimiter == '\n' || options.delimiter == '\r' || options.delimiter == '\0')
    throw InvalidGraph("csv: the delimiter must not be a quote, a line break or NUL");
  Reader reader(text, name, options.delimiter);
  Csv table;
  table.name_ = name;
  std::vector<std::string> fields;
  while (reader.row(fields)) {
    if (table.columns_.empty()) {
      for (std::size_t i = 0; i < fields.size(); ++i)
        table.columns_.push_back(options.header ? std::string(trimmed(fields[i])) : std::to_string(i));
      refuse_twins(table.columns_, name, reader.row_line());
      if (options.header) continue;
    }
    if (fields.size() != table.columns_.size())
      throw BadFile(name + ":" + std::to_string(reader.row_line()) + ": has " + std::to_string(fields.size()) +
                    " fields, the first line has " + std::to_string(table.columns_.size()));
    if (table.cells_.size() + fields.size() > max_cells)
      throw BadFile(name + ":" + std::to_string(reader.row_line()) + ": the table is too large: the limit is " +
                    std::to_string(max_cells) + " fields");
    table.lines_.push_back(reader.row_line());
    for (std::string& field : fields) table.cells_.push_back(std::move(field));
  }
  if (table.lines_.empty()) throw BadFile(name + ": has no rows");
  return table;
}

std::size_t Csv::column(const std::string& name) const {
  constexpr std::size_t listed = 20;
  std::string all;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i] == name) return i;
    if (i < listed) all += (i ? ", " : "") + in_quotes(columns_[i]);
  }
  if (columns_.size() > listed) all += " and " + std::to_string(columns_.size() - listed) + " more";
  throw BadFile(name_ + ": has no column " + in_quotes(name) + "; there are " + all);
}

std::optional<float> Csv::number(std::size_t row, std::size_t column) const {
  std::string_view value = trimmed(text(row, column));
  if (is_missing(value)) return std::nullopt;
  if (value.starts_with('+') && !value.starts_with("+-")) value.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  const bool whole = end == value.data() + value.size();
  if (error == std::errc::invalid_argument || !whole)
    complain(row, column, in_quotes(text(row, column)) + " is not a number");
  if (error == std::errc() && !std::isfinite(number))
    complain(row, column, in_quotes(text(row, column)) + " is not a finite number");
  if (error != std::errc() || !std::isfinite(static_cast<float>(number)))
    complain(row, column, in_quotes(text(row, column)) + " is beyond the range of a float");
  return static_cast<float>(number);
}

void Csv::complain(std::size_t row, std::size_t column, const std::string& message) const {
  throw BadFile(name_ + ":" + std::to_string(lines_[row]) + ": column " + in_quotes(columns_[column]) + ": " + message);
}

}  // namespace volute::data
