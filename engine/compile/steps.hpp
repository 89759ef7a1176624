// Loops over time to sections: one kernel a unit, products together with what is computed from them, or kernels
// that walk time themselves.
// Invariant: whichever way is taken, every value is the same sum in the same order.
#pragma once

#include <functional>
#include <vector>

#include "engine/compile/join.hpp"
#include "engine/compile/tune.hpp"

namespace volute {

/// `plain` lowers one unit to dispatches of its own. Results are appended to `sections`. `tuner`: times both ways of a
/// loop that can be walked; none: a model of CPU Vulkan decides, and GPUs unroll.
void lower_loop(const Unit& loop, Layout& layout, const KernelTarget& target, Tuner* tuner,
                const std::function<void(const Unit&, std::vector<Lowered>&)>& plain,
                std::vector<LoweredSection>& sections);

}  // namespace volute
