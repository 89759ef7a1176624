// What the user sees while training, and the metrics file.
// Invariant: everything goes to standard error; standard output is kept for the sampled text.
#pragma once

#include <chrono>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

namespace char_lm {

struct Report {
  std::int64_t step = 0;
  double loss = 0;             ///< mean since the last report, nats per character
  double validation_loss = 0;  ///< nats per character
  double tokens_per_second = 0;
  double seconds = 0;  ///< since training began
};

/// One updating line on a terminal, plain lines elsewhere, one JSON object a report in a file.
class Progress {
 public:
  /// Throws UsageError if the metrics file cannot be opened. An empty path: no file. A training that went on after
  /// `resumed` steps keeps the reports up to there, all of them if the path is no regular file.
  Progress(std::int64_t steps, const std::string& metrics_path, std::optional<std::int64_t> resumed = {});
  ~Progress() { end_line(); }

  /// Cheap; only a terminal shows it.
  void update(std::int64_t step, double loss, double tokens_per_second, double seconds_left);
  void report(const Report& report, double seconds_left);
  /// A line of its own in place of the updating one.
  void note(const std::string& line);
  /// What the updating line shows stays.
  void end_line();

 private:
  void show(const std::string& line);

  std::int64_t steps_;
  bool terminal_;
  bool line_open_ = false;
  std::optional<double> validation_loss_;
  std::chrono::steady_clock::time_point shown_;
  std::ofstream metrics_;
};

}  // namespace char_lm
