// Places and messages. A number's end is known only when the character behind it has been read, so a token's place is
// its first character: the first after the token before that is no space and no punctuation.
#include "tools/config/reader.hpp"

#include <cstdio>
#include <cstring>
#include <iterator>

#include "tools/mistake.hpp"

namespace volute::tool {
namespace {

constexpr std::size_t most_levels = 32;

/// Tells where it is through `at`, however often it is copied.
struct CountingIterator {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  const char* position;
  const char** at;

  reference operator*() const { return *position; }
  CountingIterator& operator++() {
    *at = ++position;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return position == other.position; }
  bool operator!=(const CountingIterator& other) const { return position != other.position; }
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string quoted_character(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x20 && byte < 0x7f) return std::string("'") + c + "'";
  char text[16];
  std::snprintf(text, sizeof text, "byte 0x%02x", byte);
  return text;
}

}  // namespace

Json Reader::read() {
  at_ = text_.data();
  const CountingIterator begin{text_.data(), &at_}, end{text_.data() + text_.size(), &at_};
  Json::sax_parse(begin, end, this);
  if (!root_.is_object()) fail(0, "a config is an object: { \"language_model\": ..., ... }");
  return std::move(root_);
}

std::size_t Reader::token() {
  std::size_t begin = last_end_;
  while (begin < text_.size() && (is_space(text_[begin]) || std::strchr(",:", text_[begin]))) ++begin;
  last_end_ = static_cast<std::size_t>(at_ - text_.data());
  // The bracket or comma behind a number has been read already.
  while (last_end_ > begin + 1 && std::strchr(",]} \t\r\n", text_[last_end_ - 1])) --last_end_;
  return begin;
}

Place Reader::place_of(std::size_t offset) const {
  Place place{1, 1};
  for (std::size_t i = 0; i < offset && i < text_.size(); ++i) {
    place.line += text_[i] == '\n';
    place.column = text_[i] == '\n' ? 1 : place.column + 1;
  }
  return place;
}

void Reader::fail(std::size_t offset, const std::string& message) const {
  const Place at = place_of(offset);
  std::string path = levels_.empty() ? "" : levels_.back().path;
  if (!levels_.empty() && levels_.back().value->is_object() && !key_.empty()) path = join(path, key_);
  throw Mistake(name_ + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": " +
                (path.empty() ? "" : path + ": ") + message);
}

std::string Reader::next_path() const {
  if (levels_.empty()) return {};
  const Level& level = levels_.back();
  return level.value->is_array() ? join(level.path, level.value->size()) : join(level.path, key_);
}

Json* Reader::add(Json v) {
  if (levels_.empty()) return &(root_ = std::move(v));
  Json& into = *levels_.back().value;
  if (into.is_object()) return &(into[key_] = std::move(v));
  into.push_back(std::move(v));
  return &into.back();
}

bool Reader::value(Json v) {
  const std::size_t begin = token();
  if (!levels_.empty() && levels_.back().value->is_array()) places_[next_path()] = place_of(begin);
  add(std::move(v));
  return true;
}

bool Reader::open(Json v) {
  const std::size_t begin = token();
  const std::string path = next_path();
  if (levels_.size() == most_levels)
    fail(begin, "brackets are nested deeper than " + std::to_string(most_levels) + " levels; a config has at most 4");
  if (!levels_.empty() && levels_.back().value->is_array()) places_[path] = place_of(begin);
  Json* opened = add(std::move(v));
  levels_.push_back({opened, path, begin});
  key_.clear();
  return true;
}

bool Reader::close() {
  token();
  levels_.pop_back();
  key_.clear();
  return true;
}

bool Reader::key(std::string& k) {
  const std::size_t begin = token();
  key_ = k;
  const std::string path = next_path();
  const auto [before, added] = places_.emplace(path, place_of(begin));
  if (!added) fail(begin, "is given twice, first in line " + std::to_string(before->second.line));
  return true;
}

bool Reader::parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) {
  // The parser has read the offending character, or, of a number or a name, the one behind it.
  const std::size_t offset = std::min(position == 0 ? 0 : position - 1, text_.size());
  fail(offset, reason(offset, error.what()));
}

std::string Reader::unfinished() const {
  std::string text = "the file ends too early";
  for (auto level = levels_.rbegin(); level != levels_.rend(); ++level)
    text += std::string(level == levels_.rbegin() ? "; missing " : ", ") + (level->value->is_array() ? "]" : "}") +
            " for line " + std::to_string(place_of(level->begin).line);
  return text;
}

std::string Reader::reason(std::size_t offset, const std::string& what) const {
  const auto has = [&](const char* part) { return what.find(part) != std::string::npos; };
  if (text_.find_first_not_of(" \t\r\n") == std::string_view::npos)
    return "the file is empty; a config is an object { }";
  if (has("406")) return "a number is too large; at most 1.8e308";
  if (offset >= text_.size() && has("UTF-8")) return "the file ends within a character";
  if (has("UTF-8")) return "the text is not UTF-8: " + quoted_character(text_[offset]) + " cannot stand here";
  if (has("missing closing quote")) return "a text ends with \", which is missing before the end of the file";
  if (has("unexpected end of input")) return unfinished();
  if (has("control character")) return "a text goes over the end of a line; write \\n for a line break within it";
  std::size_t before = offset;
  while (before > 0 && is_space(text_[before - 1])) --before;
  const char here = offset < text_.size() ? text_[offset] : '\0', last = before > 0 ? text_[before - 1] : '\0';
  if (last == ',' && (here == '}' || here == ']')) return std::string("no comma may stand before ") + here;
  if (here == '\'' || (offset > 0 && text_[offset - 1] == '\'')) return "texts and keys stand in \"double quotes\"";
  if (here == '/' || here == '#') return "JSON has no comments";
  if (has("parsing object key")) return "a key in \"double quotes\" is expected here, not " + quoted_character(here);
  if (has("object separator")) return "a ':' is expected between key and value, not " + quoted_character(here);
  if (has("expected ','") || has("expected '}'") || has("expected ']'"))
    return "a ',' or the closing bracket is expected before this";
  if (has("expected end of input")) return "nothing may follow the closing }";
  return "a value is expected here: a number, a text in \"double quotes\", true, false, a list or an object";
}

}  // namespace volute::tool
