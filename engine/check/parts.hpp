// The parts of a self-check, in the order they run: memory first, then kernels, then what is built of them.
// Invariant: a part runs what tests run, by the same functions; it asks nothing of the device but what `lacks` names.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <volute/device.hpp>

#include "engine/check/findings.hpp"

namespace volute::check {

struct Scene {
  const Device& device;
  bool thorough = false;
  Findings& findings;
};

struct Part {
  std::string name;
  std::function<void(const Scene&)> run;
  std::string lacks = {};  ///< what the device lacks for it; empty: nothing
};

std::vector<Part> parts_for(const Device& device);

std::vector<Part> memory_parts();
std::vector<Part> operation_parts(const Device& device);
std::vector<Part> product_parts(const Device& device);
std::vector<Part> row_parts();
std::vector<Part> loop_parts(const Device& device);
std::vector<Part> random_parts();
std::vector<Part> rounding_parts();
std::vector<Part> gradient_parts();
std::vector<Part> layer_parts();
std::vector<Part> optimizer_parts();
std::vector<Part> determinism_parts();

}  // namespace volute::check
