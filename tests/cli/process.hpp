// The volute program as a user runs it: in a folder of its own, with pipes or with a terminal.
// Invariant: nothing a run writes lands outside of the fixture's folder, which goes with it.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace volute::test {

struct Result {
  int status = -1;  ///< exit status, or 128 + signal
  std::string out, err;
};

struct RunOptions {
  std::vector<std::string> environment = {};    ///< "NO_COLOR=1", besides the test's own
  std::string input = {};                       ///< of standard input
  bool terminal = false;                        ///< standard output and error are one terminal: all in `out`
  bool no_reader = false;                       ///< standard output is a pipe that nobody reads
  std::function<void(pid_t)> watch = {};        ///< called now and then while it runs
};

class Cli : public ::testing::Test {
 protected:
  Cli();
  ~Cli() override;

  Result run(const std::vector<std::string>& arguments, const RunOptions& options = {}) const;
  /// Runs it and expects success, with what it said otherwise.
  Result succeed(const std::vector<std::string>& arguments, const RunOptions& options = {}) const;

  void write(const std::string& name, const std::string& text) const;
  std::string read(const std::string& name) const;
  std::set<std::string> files() const;

  // Data and configs that train in a blink.
  void write_text(const std::string& name = "text.txt") const;
  void write_reviews(const std::string& name = "reviews.csv") const;
  void write_series(const std::string& name = "series.csv") const;
  static std::string language_config(const std::string& training = R"("steps": 12)");
  static std::string classification_config();
  static std::string forecasting_config();

  std::filesystem::path base_, folder_;
};

}  // namespace volute::test
