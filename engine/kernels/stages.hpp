// Kernels of several stages over the rows of a batch: products and generated pointwise code, one after the
// other in one dispatch, for one step of a loop or for all of them.
// Invariant: a workgroup owns some rows (and, if cut along columns, the same columns of every gate); of what
// the kernel writes, a stage reads only what the same workgroup has written.
#pragma once

#include "engine/kernels/fused.hpp"
#include "engine/kernels/matmul.hpp"

namespace volute {

/// c [rows, gates * width] = a [rows, K] b [K, gates * width]; a is stored by rows.
struct ProductStage {
  MatrixOperand a, b;
  View c;
};

/// A product, or a pointwise kernel over [rows, W].
struct Stage {
  std::optional<ProductStage> product;
  FusedKernel pointwise;
};

struct StagedKernel {
  std::vector<Stage> stages;
  std::int64_t rows = 0;
  /// If not 0, workgroups are cut along columns too: the stages are a product of `gates` times this width (a
  /// multiple of 4 if there are several gates), and one computed from its gates. 0: workgroups own whole rows.
  std::int64_t width = 0;
  std::int64_t gates = 1;
  std::int64_t steps = 0;  ///< if not 0, the kernel walks the steps of the loop itself ...
  bool reverse = false;
  std::int64_t steps_per_dispatch = 0;  ///< ... so many at a time, dispatched as step 0, 1, ... of a loop
};

/// Whether the target has such kernels: subgroup shuffles on CPU Vulkan, shared memory elsewhere.
bool has_stages(const KernelTarget& target);
/// Steps one dispatch can make on the target, within its bound on loops; 0: none.
std::int64_t most_steps(const StagedKernel& kernel, const KernelTarget& target);
/// Rough time of one step, in results of full tiles one after the other, for comparing ways to cut.
double staged_cost(const StagedKernel& kernel, const KernelTarget& target);
/// A product and the stage computed from its gates, which stay in registers: on shared memory tiles, if one of them
/// can hold that many gates and the words fit.
std::optional<Dispatch> epilogue_dispatch(const StagedKernel& kernel, const KernelTarget& target);
Dispatch staged_dispatch(const StagedKernel& kernel, const KernelTarget& target);

}  // namespace volute
