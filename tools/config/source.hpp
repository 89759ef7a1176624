// JSON with the places of its keys and values, for messages that point at them.
// Invariant: a Source that parse() returned has no key twice, UTF-8 texts, finite numbers and a bounded depth.
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace volute::tool {

using Json = nlohmann::ordered_json;

/// Counted from 1; line 0 is no place in the file (a default, the command line).
struct Place {
  std::size_t line = 0, column = 0;
};

class Source {
 public:
  /// Throws Mistake "name:line:column: ...".
  static Source parse(const std::string& name, std::string_view text);
  /// Throws Mistake if the file cannot be read or is larger than 1 MiB, and as parse does.
  static Source load(const std::string& path);

  const std::string& name() const { return name_; }
  /// "--set" in place of a value: `path` is "model.hidden". Throws Mistake if the path goes through what is no object.
  void set(const std::string& path, Json value);
  /// "name:line:column: path: " of a key, of the nearest one around it that has a place, or of the command line.
  std::string where(const std::string& path) const;
  Place place(const std::string& path) const;

  Json root;

 private:
  std::string name_;
  std::map<std::string, Place> places_;  ///< of keys, and of elements "text[2]"
  std::map<std::string, bool> set_;      ///< paths from the command line
};

bool is_utf8(const std::string& text);
/// "model" and "hidden" -> "model.hidden"
std::string join(const std::string& path, const std::string& key);
std::string join(const std::string& path, std::size_t index);
/// What surrounds a path; empty for the root's keys.
std::string parent(const std::string& path);

}  // namespace volute::tool
