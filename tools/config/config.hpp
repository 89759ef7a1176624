// A config that has been checked: what to learn, with which model, trained how.
// Invariant: every key of the schema that has a default is there, in its range; files named in it exist.
#pragma once

#include <string>
#include <vector>
#include <volute/nn.hpp>

#include "tools/config/source.hpp"

namespace volute::tool {

class Config {
 public:
  /// `settings` are "training.lr=0.01", each in place of a key. Throws Mistake.
  static Config load(const std::string& path, const std::vector<std::string>& settings = {});
  /// A config kept in a file of Volute's, whose data need not be there. Throws Mistake.
  static Config parse(const std::string& name, std::string_view text);

  /// "language_model", "classification" or "forecasting"
  const std::string& task() const { return task_; }
  /// The task's own section.
  const Json& data() const { return source_.root.at(task_); }
  const Json& model() const { return source_.root.at("model"); }
  const Json& training() const { return source_.root.at("training"); }
  const std::string& file() const { return source_.name(); }
  /// A file it names, from where the program stands.
  std::string resolve(const std::string& name) const;
  /// The whole, with defaults and absolute paths.
  Json whole() const;
  /// Folder of the run.
  std::string output() const;
  /// Keys that differ from another's and may not where a run goes on.
  std::vector<std::string> differences(const Config& other) const;
  /// Throws Mistake that points at the key.
  [[noreturn]] void complain(const std::string& path, const std::string& message) const;
  /// Runs `function`; what of the engine's complaints names a key of a section, or is about a file, points there.
  template <class Function>
  auto pointing_at(const std::string& path, Function function) const;

 private:
  explicit Config(Source source);
  void check_names() const;
  Source source_;
  std::string task_;
};

template <class Function>
auto Config::pointing_at(const std::string& path, Function function) const {
  try {
    return function();
  } catch (const BadFile& error) {
    complain(path, error.what());
  } catch (const InvalidGraph& error) {
    complain(path, error.what());
  }
}

}  // namespace volute::tool
