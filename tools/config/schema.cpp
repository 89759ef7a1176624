// The schema and its words. The text is embedded when building.
#include "tools/config/schema.hpp"

#include <algorithm>
#include <cmath>
#include <volute/layers.hpp>

#include "tools/config/embedded.hpp"

namespace volute::tool {
namespace {

std::string number_text(const Json& number) { return number.dump(); }

std::string range_text(const Json& part) {
  std::string text;
  if (part.contains("minimum")) text += " from " + number_text(part["minimum"]);
  if (part.contains("exclusiveMinimum")) text += " above " + number_text(part["exclusiveMinimum"]);
  if (part.contains("maximum"))
    text += (part.contains("minimum") ? " to " : ", at most ") + number_text(part["maximum"]);
  if (part.contains("exclusiveMaximum")) {
    text += std::string(text.empty() ? "" : part.contains("minimum") ? "," : " and");
    text += " below " + number_text(part["exclusiveMaximum"]);
  }
  return text;
}

std::vector<std::uint32_t> code_of(const std::string& word) { return {word.begin(), word.end()}; }

}  // namespace

std::string_view schema_text() { return embedded_schema().front().text; }

const Json& schema() {
  static const Json parsed = Json::parse(schema_text());
  return parsed;
}

const Json& schema_of(const std::string& path) {
  const Json* at = &schema();
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    at = &at->at("properties").at(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return *at;
}

std::string allowed(const Json& part) {
  const std::string& type = part.at("type").get_ref<const std::string&>();
  if (part.contains("enum")) {
    std::string text;
    for (const Json& one : part["enum"]) text += (text.empty() ? "one of " : ", ") + one.dump();
    return text;
  }
  if (type == "integer") return "a whole number" + range_text(part);
  if (type == "number") return "a number" + range_text(part);
  if (type == "boolean") return "true or false";
  if (type == "string") return part.contains("minLength") ? "a text that is not empty" : "a text";
  if (type == "object") return "an object { }";
  const std::string items = allowed(part.at("items")) == "a text" ? "texts" : "texts that are not empty";
  return "a list of " + items + (part.contains("minItems") ? ", at least one" : "");
}

std::string nearest(const std::string& word, const std::vector<std::string>& known) {
  const std::string* best = nullptr;
  // Two wrong letters are a slip in a word of four, not in one of three.
  std::int64_t least = static_cast<std::int64_t>((word.size() + 2) / 3) + 1;
  for (const std::string& candidate : known) {
    const bool begins = word.size() >= 4 && candidate.compare(0, word.size(), word) == 0;
    const std::int64_t distance = begins ? 1 : metrics::edit_distance(code_of(word), code_of(candidate));
    if (distance < least) least = distance, best = &candidate;
  }
  return best ? " (did you mean \"" + *best + "\"?)" : std::string();
}

}  // namespace volute::tool
