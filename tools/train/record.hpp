// What a run leaves to look at: metrics, and where the optional component is built in, events for TensorBoard and a
// chart of its losses.
// Invariant: a record that cannot be written ends with a warning, never the training.
#pragma once

#include <optional>
#include <string>
#include <vector>
#include <volute/io.hpp>

#include "tools/console/progress.hpp"
#include "tools/train/folder.hpp"

namespace volute::tool {

class Record {
 public:
  /// Goes on with what a run left that resumes after so many steps. Throws BadFile.
  Record(const RunFolder& folder, std::optional<std::int64_t> resumed, Progress& progress);
  void write(std::int64_t step, const std::vector<io::Metric>& row);
  /// The chart: of the whole run, those parts included that other processes made.
  void finish();

 private:
  void give_up(const std::string& why);

  RunFolder folder_;
  Progress& progress_;
  std::optional<io::MetricsFile> metrics_;
#ifdef VOLUTE_HAS_INTERCHANGE
  std::optional<io::EventFile> events_;
#endif
};

}  // namespace volute::tool
