// Where a run's time goes: one interval of the device's clock per recorded command, and the host's share.
// Invariant: the intervals are recorded in order and without gaps, so they add up to the run. In a profiled program
// a barrier follows every dispatch: nothing overlaps, and what a plain run overlaps shows as time here.
#pragma once

#include <chrono>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/vulkan/commands.hpp"
#include "engine/vulkan/timestamps.hpp"

namespace volute {

class Profile {
 public:
  /// One recorded command, by what it is called and what it costs by estimate.
  struct Span {
    std::string label;
    bool dispatch = false;  ///< else a copy, or the time between parts of the step
    std::int64_t t = -1;    ///< step of its loop; -1 outside of loops
    int part = 0;
    int submission = 0;     ///< of the last run
    double flops = 0, bytes = 0;
  };
  /// Totals of one label over all runs counted.
  struct Row {
    bool dispatch = false;
    std::int64_t count = 0;
    double ns = 0, flops = 0, bytes = 0;
  };

  /// `spans`: how many there will be. Throws Unsupported if the device has no timestamps.
  Profile(const std::shared_ptr<vk::Context>& context, std::size_t spans);

  /// Call at the start of the first command buffer, then after each command with its number and what it was. A mark
  /// may be recorded again in another command buffer.
  void start(vk::CommandList& list);
  void mark(vk::CommandList& list, std::size_t index, Span span);

  /// A run was submitted; the host spent `host_seconds` on it besides waiting.
  void submitted(double host_seconds);
  /// The run last submitted has finished. `submission_of`: by part.
  void collect(std::span<const int> submission_of);

  /// Runs counted: all but the first, in which drivers finish compiling, unless it is the only one.
  std::int64_t runs() const { return runs_; }
  const std::map<std::string, Row>& rows() const { return rows_; }
  const std::vector<Span>& spans() const { return spans_; }
  /// Nanoseconds since the start of the last run: where span i begins (i) and ends (i + 1). Empty before a run.
  const std::vector<double>& times() const { return times_; }
  /// Milliseconds per run, means over the runs counted.
  double device_ms() const;
  double host_ms() const { return runs_ ? host_seconds_ * 1e3 / static_cast<double>(runs_) : 0; }

 private:
  void place(std::span<const int> submission_of);

  vk::Timestamps timestamps_;
  std::vector<Span> spans_;
  std::vector<double> times_;
  std::map<std::string, Row> rows_;
  std::int64_t runs_ = 0;
  bool warmed_ = false, pending_ = false;
  double host_seconds_ = 0, pending_host_ = 0;
};

/// A table in words, the largest share first.
std::string profile_text(const Profile& profile, const std::string& device);

/// The last run as events of the Trace Event Format (chrome://tracing, Perfetto), comma-separated, under `process`.
std::string trace_events(const Profile& profile, int process, const std::string& name);

/// Adds the program's last run to those of this process and writes all of them to the file. Throws BadFile.
void write_trace(const std::string& path, const Profile& profile, const std::string& name);

}  // namespace volute
