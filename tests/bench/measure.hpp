// Kernels by themselves: dispatches recorded many times in a row with barriers between, as a training step has them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/compile/program_data.hpp"
#include "tests/bench/results.hpp"

namespace volute::bench {

/// Seconds of one pass over what `record` records: median of several submissions of many passes.
double seconds_of(const std::shared_ptr<vk::Context>& context, const std::function<void(vk::CommandList&)>& record);

Ceilings measure_ceilings(Device& device);

/// One kernel to measure, built when asked for: its graph's only dispatches.
struct KernelCase {
  std::string name;
  double flops = 0, bytes = 0;             ///< as in KernelResult
  std::vector<std::int64_t> gemm = {};     ///< M N K and whether A and B are transposed, for the peer
  std::function<Tensor(Graph&)> build;
  bool quick = false;
};

std::vector<KernelCase> kernel_cases();
KernelResult measure_kernel(Device& device, const KernelCase& kernel);

}  // namespace volute::bench
