// What the user sees while training.
// Invariant: everything goes to standard error; standard output is kept for the sampled text.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "samples/char_lm/log.hpp"

namespace char_lm {

/// One updating line on a terminal, plain lines elsewhere; and the files of a Log.
class Progress {
 public:
  /// Throws what Log does.
  Progress(const Options& options, const Model& model, std::optional<std::int64_t> resumed = {})
      : steps_(options.steps), quiet_(options.quiet), terminal_(is_terminal() && !quiet_), log_(options, model, resumed) {}
  ~Progress() { end_line(); }

  /// Cheap; only a terminal shows it.
  void look(const Report& report, double seconds_left);
  void report(const Report& report, double seconds_left);
  /// A line of its own in place of the updating one.
  void note(const std::string& line);
  /// What the updating line shows stays.
  void end_line();

 private:
  static bool is_terminal();
  void show(const std::string& line);
  void tell(const std::vector<std::string>& problems);

  std::int64_t steps_;
  bool quiet_;
  bool terminal_;
  bool line_open_ = false;
  std::optional<double> validation_loss_;
  std::chrono::steady_clock::time_point shown_;
  Log log_;
};

}  // namespace char_lm
