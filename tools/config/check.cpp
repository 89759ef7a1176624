// The walk over schema and config side by side.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <stdexcept>

#include "tools/config/schema.hpp"
#include "tools/mistake.hpp"

namespace volute::tool {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_complaints = 12;

std::string shown(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

std::string list_of(const std::vector<std::string>& words, const char* last) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 == words.size() ? std::string(" ") + last + " " : ", ") + ("\"" + words[i] + "\"");
  return text;
}

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

class Checker {
 public:
  Checker(Source& source, Files files)
      : source_(source), files_(files), folder_(fs::path(source.name()).parent_path()) {}

  void run() {
    value(source_.root, schema(), "");
    std::stable_sort(complaints_.begin(), complaints_.end(), [](const Complaint& a, const Complaint& b) {
      return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
    });
    std::string text;
    for (std::size_t i = 0; i < complaints_.size() && i < most_complaints; ++i)
      text += (i ? "\n" : "") + complaints_[i].text;
    if (complaints_.size() > most_complaints)
      text += "\n" + std::to_string(complaints_.size() - most_complaints) + " more mistakes";
    if (!text.empty()) throw Mistake(text);
  }

 private:
  struct Complaint {
    Place place;
    std::string text;
  };

  void complain(const std::string& path, const std::string& message) {
    complaints_.push_back({source_.place(path), source_.where(path) + message});
  }

  static void know(const Json& part) {
    static const std::set<std::string> known = {
        "$schema", "$id", "$comment", "title", "description", "default", "type", "enum", "minimum", "maximum",
        "exclusiveMinimum", "exclusiveMaximum", "minLength", "minItems", "uniqueItems", "items", "properties",
        "required", "additionalProperties", "oneOf", "not", "x-with", "x-file", "x-resume"};
    for (const auto& [keyword, unused] : part.items())
      if (!known.count(keyword)) throw std::logic_error("the schema uses " + keyword);
  }

  void value(Json& v, const Json& part, const std::string& path) {
    know(part);
    const std::string& type = part.at("type").get_ref<const std::string&>();
    if (type == "integer" && v.is_number_float()) whole(v);
    if (!has_type(v, type)) return complain(path, "must be " + allowed(part) + ", not " + shown(v));
    if (type == "object") return object(v, part, path);
    if (type == "array") return array(v, part, path);
    if (part.contains("enum") ? !is_one_of(v, part["enum"]) : !in_range(v, part)) {
      const std::string hint = part.contains("enum") && v.is_string() ? nearest(v, part["enum"]) : "";
      return complain(path, "must be " + allowed(part) + ", not " + shown(v) + hint);
    }
    if (part.contains("x-file") && files_ == Files::must_exist) file(v.get_ref<const std::string&>(), path);
  }

  /// 3.0 is a whole number to JSON Schema.
  static void whole(Json& v) {
    const double number = v.get<double>();
    if (std::floor(number) == number && std::abs(number) < 9e15) v = static_cast<std::int64_t>(number);
  }

  static bool has_type(const Json& v, const std::string& type) {
    if (type == "object") return v.is_object();
    if (type == "array") return v.is_array();
    if (type == "string") return v.is_string();
    if (type == "boolean") return v.is_boolean();
    return type == "integer" ? v.is_number_integer() : v.is_number();
  }

  static bool is_one_of(const Json& v, const Json& values) {
    return std::find(values.begin(), values.end(), v) != values.end();
  }

  static bool in_range(const Json& v, const Json& part) {
    if (v.is_string()) return v.get_ref<const std::string&>().size() >= part.value("minLength", std::size_t{0});
    if (!v.is_number()) return true;
    return (!part.contains("minimum") || v >= part["minimum"]) && (!part.contains("maximum") || v <= part["maximum"]) &&
           (!part.contains("exclusiveMinimum") || v > part["exclusiveMinimum"]) &&
           (!part.contains("exclusiveMaximum") || v < part["exclusiveMaximum"]);
  }

  void file(const std::string& name, const std::string& path) {
    const fs::path found = folder_ / name;
    std::error_code ignored;
    if (fs::is_directory(found, ignored)) complain(path, "must be a file; " + found.string() + " is a folder");
    else if (!fs::exists(found, ignored)) complain(path, "must be a file that exists; there is no " + found.string());
  }

  void array(Json& v, const Json& part, const std::string& path) {
    if (v.size() < part.value("minItems", std::size_t{0}))
      complain(path, "must be " + allowed(part) + "; the list is empty");
    for (std::size_t i = 0; i < v.size(); ++i) {
      value(v[i], part.at("items"), join(path, i));
      if (part.value("uniqueItems", false) && std::find(v.begin(), v.begin() + i, v[i]) != v.begin() + i)
        complain(join(path, i), "stands in the list twice: " + shown(v[i]));
    }
  }

  void object(Json& v, const Json& part, const std::string& path) {
    const Json& properties = part.at("properties");
    for (auto& [key, inner] : v.items()) {
      if (properties.contains(key)) continue;
      const auto known = keys_of(properties);
      complain(join(path, key), "there is no such key" + nearest(key, known) + "; " +
                                    (path.empty() ? "a config" : path) + " may have " + list_of(known, "and"));
    }
    for (const Json& key : part.value("required", Json::array()))
      if (!v.contains(key.get<std::string>()))
        complain(path, "needs the key " + shown(key) + ", " + allowed(properties.at(key.get<std::string>())));
    alternatives(v, part, path);
    for (const auto& [key, inner] : properties.items())
      if (v.contains(key)) value(v[key], inner, join(path, key));
    for (const auto& [key, inner] : properties.items()) fill(v, key, inner, path);
    for (const auto& [key, inner] : properties.items())
      if (inner.contains("x-with") && v.contains(key)) with(v, key, inner, path);
  }

  void fill(Json& v, const std::string& key, const Json& part, const std::string& path) {
    // Steps and epochs exclude each other: a default must not stand beside what was given.
    if (v.contains(key) || !part.contains("default") || (key == "epochs" && v.contains("steps"))) return;
    v[key] = part["default"];
    if (part.at("type") == "object") object(v[key], part, join(path, key));
  }

  void alternatives(const Json& v, const Json& part, const std::string& path) {
    std::vector<std::string> names, given;
    for (const Json& one : part.value("oneOf", Json::array())) names.push_back(one.at("required").at(0));
    for (const std::string& name : names)
      if (v.contains(name)) given.push_back(name);
    if (!names.empty() && given.empty())
      complain(path, "needs one of the keys " + list_of(names, "or") + ", which say what to learn");
    if (given.size() > 1)
      complain(join(path, given[1]), "must not stand beside \"" + given[0] + "\" of line " +
                                         std::to_string(source_.place(join(path, given[0])).line) + "; one of " +
                                         list_of(names, "or") + " is allowed");
    if (!part.contains("not")) return;
    const Json& both = part["not"]["required"];
    if (std::all_of(both.begin(), both.end(), [&](const Json& key) { return v.contains(key.get<std::string>()); }))
      complain(join(path, both[1].get<std::string>()),
               "must not stand beside " + shown(both[0]) + "; give one of them");
  }

  /// Whether a key has a meaning beside its neighbours' values. A default given in words is no mistake.
  void with(const Json& v, const std::string& key, const Json& part, const std::string& path) {
    if (part.contains("default") && v[key] == part["default"]) return;
    for (const auto& [other, values] : part["x-with"].items()) {
      const bool task = other == "task";
      const Json actual = task ? Json(task_name()) : v.value(other, Json());
      if (actual.is_null() || is_one_of(actual, values)) continue;
      const auto names = values.get<std::vector<std::string>>();
      complain(join(path, key),
               "has no meaning " + (task ? "for " + shown(actual) : "with " + other + " " + shown(actual)) +
                   "; it is for " + (task ? "" : other + " ") + list_of(names, "and"));
    }
  }

  std::string task_name() const {
    for (const Json& one : schema().at("oneOf"))
      if (source_.root.contains(one.at("required").at(0).get<std::string>())) return one["required"][0];
    return {};
  }

  Source& source_;
  Files files_;
  fs::path folder_;
  std::vector<Complaint> complaints_;
};

}  // namespace

void check(Source& source, Files files) { Checker(source, files).run(); }

}  // namespace volute::tool
