// Joins dispatches that do not depend on one another: each keeps its kernel, as a part with a range of workgroups.
// Invariant: two dispatches of which one writes what the other touches stay in their order.
#pragma once

#include <vector>

#include "engine/compile/lower.hpp"
#include "engine/kernels/fused.hpp"

namespace volute {

/// A dispatch, and the kernels it was generated from; none if it was not.
struct Lowered {
  Dispatch dispatch;
  std::vector<FusedKernel> parts;
};

/// One dispatch outside of loops, or the dispatches of a loop's step.
struct LoweredSection {
  Section loop;  ///< all but its dispatches
  std::vector<Lowered> dispatches;
  std::int64_t steps_a_dispatch = 1;  ///< of a walk

  bool repeats() const { return loop.length > 0; }
};

/// Joins steps of a loop with steps of the same loop, and dispatches outside of loops with one another.
std::vector<LoweredSection> join_independent(std::vector<LoweredSection> sections, const KernelTarget& target);

}  // namespace volute
