// The folder of a run: what is in it under which name, and how a run is found again by it.
#pragma once

#include <string>
#include <volute/io.hpp>

#include "tools/config/config.hpp"
#include "tools/tasks/task.hpp"

namespace volute::tool {

struct RunFolder {
  std::string path;
  std::string config() const { return path + "/config.json"; }            ///< with all defaults and whole paths
  std::string checkpoint() const { return path + "/checkpoint.safetensors"; }
  std::string model() const { return path + "/model.safetensors"; }       ///< what generate and evaluate take
  std::string metrics() const { return path + "/metrics.jsonl"; }
  std::string chart() const { return path + "/loss.svg"; }                ///< with the component interchange
};

/// A model with what it takes to use it.
struct Trained {
  std::string file;
  io::Metadata metadata;
  Config config;

  /// From a run's folder, or from a model's or checkpoint's file. Throws Mistake.
  static Trained open(const std::string& path);
  /// Its task on the given data, parameters loaded. The result refers to this object.
  std::unique_ptr<Task> task(Data data) const;
};

/// Of a model's file: "config", "data" (the fingerprint of what it learnt from) and what the task needs.
io::Metadata describe(const Config& config, const Task& task);

}  // namespace volute::tool
