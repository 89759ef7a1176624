// Reading a config's text. nlohmann's parser says in which order things come; a counting iterator tells where.
#include "tools/config/source.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tools/config/reader.hpp"
#include "tools/mistake.hpp"

namespace volute::tool {
namespace {

constexpr std::uintmax_t most_bytes = 1 << 20;  // a thousand times what a config needs

}  // namespace

bool is_utf8(const std::string& text) {
  try {
    Json(text).dump();
    return true;
  } catch (const Json::type_error&) {
    return false;
  }
}

std::string join(const std::string& path, const std::string& key) { return path.empty() ? key : path + "." + key; }
std::string join(const std::string& path, std::size_t index) { return path + "[" + std::to_string(index) + "]"; }
std::string parent(const std::string& path) {
  const std::size_t cut = path.find_last_of(".[");
  return cut == std::string::npos ? std::string() : path.substr(0, cut);
}

Source Source::parse(const std::string& name, std::string_view text) {
  Source source;
  source.name_ = name;
  Reader reader(name, text, source.places_);
  source.root = reader.read();
  return source;
}

Source Source::load(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) throw Mistake(path + ": is a folder, not a config");
  if (!std::filesystem::exists(path, error)) throw Mistake(path + ": there is no such file");
  if (!std::filesystem::is_regular_file(path, error)) throw Mistake(path + ": is not a regular file");
  const auto size = std::filesystem::file_size(path, error);
  if (!error && size > most_bytes)
    throw Mistake(path + ": has " + std::to_string(size) + " bytes, a config has at most " +
                  std::to_string(most_bytes));
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) throw Mistake(path + ": cannot be read");
  return parse(path, text);
}

void Source::set(const std::string& path, Json value) {
  Json* at = &root;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    const std::string key = path.substr(begin, end - begin);
    if (key.empty() || !at->is_object()) throw Mistake("--set " + path + ": is no key; keys look like training.lr");
    if (end != path.size() && !at->contains(key)) (*at)[key] = Json::object();
    at = &(*at)[key];
    begin = end + 1;
  }
  *at = std::move(value);
  set_[path] = true;
}

Place Source::place(const std::string& path) const {
  for (std::string at = path;; at = parent(at)) {
    if (set_.count(at)) return {};
    if (const auto found = places_.find(at); found != places_.end()) return found->second;
    if (at.empty()) return {1, 1};
  }
}

std::string Source::where(const std::string& path) const {
  const Place at = place(path);
  const std::string file =
      at.line == 0 ? "--set" : name_ + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
  return file + ": " + (path.empty() ? "" : path + ": ");
}

}  // namespace volute::tool
