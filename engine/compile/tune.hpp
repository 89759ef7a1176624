// Chooses between lowerings of the same work by timing them, once for a device and its driver.
// Invariant: candidates have the same effects; what was chosen stays chosen while its file is kept, so that a program
// runs the same kernels every time. VOLUTE_TUNE=off, or a kept file, pins the choice.
#pragma once

#include <map>
#include <mutex>

#include "engine/compile/lower.hpp"
#include "engine/vulkan/context.hpp"

namespace volute {

/// One way to do the work.
struct Candidate {
  std::string name;               ///< what the file keeps; the same from run to run, unlike the others' names
  std::vector<Section> sections;  ///< a loop may be cut to a few steps ...
  double scale = 1;               ///< ... then the work is so many times what is timed
};

struct Choice {
  std::size_t index = 0;
  bool timed = false;  ///< by a measurement, of this process or kept; else the first was taken
};

/// The choices of one device. Thread-safe.
class Tuner {
 public:
  /// `file`: where choices are kept; by default one for the device and driver in the cache directory.
  Tuner(std::shared_ptr<vk::Context> context, vk::PipelineCache& pipelines, std::string file = default_file());
  ~Tuner();

  /// The fastest candidate for `work`, named for who reads the file; choices are known by it and the kernels' text.
  /// What is not known is timed, for about 50 ms each, on memory of its own filled with zeros. The first candidate, the
  /// one to prefer, is kept unless another is 3 % faster, and taken untimed where the memory does not suffice.
  Choice pick(const std::string& work, const std::vector<Candidate>& candidates);
  /// Candidates timed so far.
  int timings() const { return timings_; }

  /// Stands for the file in the cache directory.
  static std::string default_file() { return "default"; }

 private:
  struct Kept {
    std::string name;
    std::map<std::string, double> seconds;
  };

  std::map<std::string, Kept> load() const;
  void store();

  std::shared_ptr<vk::Context> context_;
  vk::PipelineCache& pipelines_;
  std::string file_;
  std::map<std::string, Kept> kept_;
  int timings_ = 0;
  std::mutex mutex_;
};

}  // namespace volute
