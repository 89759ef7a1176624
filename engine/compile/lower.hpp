// Units to dispatches. Invariant: items are in the order of execution; a loop's body is dispatched once
// per step with the step's push words.
#pragma once

#include <vector>

#include "engine/compile/layout.hpp"
#include "engine/kernels/dispatch.hpp"
#include "engine/kernels/fused.hpp"

namespace volute {

/// A run of dispatches, repeated over steps of a loop or made once (length 0).
struct Section {
  std::int64_t length = 0;  ///< repetitions
  std::int64_t steps = 0;   ///< of the loop ...
  std::int64_t begin = 0;   ///< ... and the first of them that is run here, in the order of running
  bool reverse = false;
  std::int64_t walked = 0;  ///< steps its kernel walks itself, if it does
  bool walks_back = false;
  std::vector<Dispatch> dispatches;

  /// The step t of repetition i.
  std::int64_t step(std::int64_t i) const { return reverse ? steps - 1 - (begin + i) : begin + i; }
};

class Tuner;

/// The kernel of a unit of generated code: fused, reduce or rows.
FusedKernel kernel_of(const Unit& unit, Layout& layout);

/// `tuner`: times kernels that could do the same; none: the kernels' own models choose.
std::vector<Section> lower(const std::vector<Unit>& units, Layout& layout, const KernelTarget& target,
                           Tuner* tuner = nullptr);

}  // namespace volute
