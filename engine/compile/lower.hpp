// Units to dispatches. Invariant: items are in the order of execution; a loop's body is dispatched once
// per step with the step's push words.
#pragma once

#include <vector>

#include "engine/compile/layout.hpp"
#include "engine/kernels/dispatch.hpp"

namespace volute {

/// A run of dispatches, repeated over the steps of a scan or made once (length 0).
struct Section {
  std::int64_t length = 0;
  bool reverse = false;
  std::vector<Dispatch> dispatches;
};

class Tuner;

/// `tuner`: times kernels that could do the same; none: the kernels' own models choose.
std::vector<Section> lower(const std::vector<Unit>& units, Layout& layout, const KernelTarget& target,
                           Tuner* tuner = nullptr);

}  // namespace volute
