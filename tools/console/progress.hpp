// What a person sees of long work, on standard error: one updating line on a terminal, plain lines now and then in a
// pipe, nothing with --quiet.
// Invariant: standard output is never touched; escape codes go to terminals only, colours only if they may, and none of
// them is from a file or an argument.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace volute::tool {

/// What the user wishes of messages; main() sets it once.
struct Console {
  bool quiet = false;
  bool colour = true;  ///< on a terminal

  static Console& get();
  /// "volute: message", red on a terminal, to standard error.
  void error(const std::string& message) const;
  bool colours_on(int file) const;
};

/// 75 -> "1:15"
std::string clock_text(double seconds);

class Progress {
 public:
  Progress();
  ~Progress() { end_line(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Cheap; shown by a terminal alone, ten times a second at most. `fraction` of the work is done.
  void update(double fraction, const std::string& line);
  /// Shown everywhere.
  void report(double fraction, const std::string& line);
  /// A line of its own, and what was the updating one stays below.
  void note(const std::string& line);
  void warning(const std::string& line);
  void end_line();
  /// What the updating line shows goes.
  void clear();

 private:
  void show(double fraction, const std::string& line);

  bool terminal_, colour_;
  bool line_open_ = false;
  std::chrono::steady_clock::time_point shown_;
};

}  // namespace volute::tool
