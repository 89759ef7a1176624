// From a file and settings of the command line to a checked config.
#include "tools/config/config.hpp"

#include <algorithm>
#include <filesystem>

#include "tools/config/schema.hpp"
#include "tools/mistake.hpp"

namespace volute::tool {
namespace {

namespace fs = std::filesystem;

/// A setting takes the place of the keys it may not stand beside: steps that of epochs.
void drop_rivals(Source& source, const std::string& path) {
  const std::string section = parent(path);
  const Json& sections = schema().at("properties");
  if (!sections.contains(section) || !sections[section].contains("not")) return;
  const auto rivals = sections[section]["not"]["required"].get<std::vector<std::string>>();
  const std::string key = path.substr(section.size() + 1);
  if (std::find(rivals.begin(), rivals.end(), key) == rivals.end()) return;
  for (const std::string& rival : rivals)
    if (rival != key && source.place(join(section, rival)).line != 0) source.root[section].erase(rival);
}

void apply(Source& source, const std::string& setting) {
  const std::size_t equals = setting.find('=');
  if (equals == std::string::npos || equals == 0)
    throw Mistake("--set " + setting + ": must be KEY=VALUE, for example training.lr=0.01");
  if (!is_utf8(setting)) throw Mistake("--set " + setting + ": is not UTF-8");
  const std::string text = setting.substr(equals + 1);
  Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const std::string path = setting.substr(0, equals);
  source.set(path, value.is_discarded() ? Json(text) : std::move(value));
  drop_rivals(source, path);
}

/// Calls `visit` for each file name, by the schema's x-file.
template <class Visit>
void for_each_file(Json& value, const Json& part, Visit visit) {
  if (part.contains("x-file")) visit(value);
  if (value.is_array())
    for (Json& item : value) for_each_file(item, part.at("items"), visit);
  if (value.is_object())
    for (const auto& [key, inner] : part.at("properties").items())
      if (value.contains(key)) for_each_file(value[key], inner, visit);
}

void compare(const Json& a, const Json& b, const Json& part, const std::string& path, std::vector<std::string>& out) {
  for (const auto& [key, inner] : part.at("properties").items()) {
    if (inner.contains("x-resume")) continue;
    const Json one = a.value(key, Json()), other = b.value(key, Json());
    if (one == other) continue;
    if (one.is_object() && other.is_object()) compare(one, other, inner, join(path, key), out);
    else out.push_back(join(path, key));
  }
}

}  // namespace

Config::Config(Source source) : source_(std::move(source)) {
  for (const Json& one : schema().at("oneOf")) {
    const std::string name = one.at("required").at(0);
    if (source_.root.contains(name)) task_ = name;
  }
}

Config Config::load(const std::string& path, const std::vector<std::string>& settings) {
  Source source = Source::load(path);
  for (const std::string& setting : settings) apply(source, setting);
  check(source);
  Config config(std::move(source));
  config.check_names();
  return config;
}

Config Config::parse(const std::string& name, std::string_view text) {
  Source source = Source::parse(name, text);
  check(source, Files::may_be_missing);
  return Config(std::move(source));
}

std::string Config::resolve(const std::string& name) const {
  return (fs::path(source_.name()).parent_path() / name).string();
}

/// Names in the text are UTF-8; that of the folder they are relative to need not be.
void Config::check_names() const {
  Json all = source_.root;
  for_each_file(all, schema(), [&](const Json& name) {
    if (const std::string file = fs::absolute(resolve(name)).string(); !is_utf8(file))
      throw Mistake(file + ": its name is not UTF-8, as those that a run's config keeps must be");
  });
}

Json Config::whole() const {
  Json all = source_.root;
  for_each_file(all, schema(),
                [&](Json& name) { name = fs::absolute(resolve(name)).lexically_normal().string(); });
  return all;
}

std::string Config::output() const {
  if (source_.root.contains("output")) return resolve(source_.root.at("output"));
  return fs::path(source_.name()).stem().string() + "-run";
}

std::vector<std::string> Config::differences(const Config& other) const {
  std::vector<std::string> out;
  compare(whole(), other.whole(), schema(), "", out);
  return out;
}

void Config::complain(const std::string& path, const std::string& message) const {
  throw Mistake(source_.where(path) + message);
}

}  // namespace volute::tool
