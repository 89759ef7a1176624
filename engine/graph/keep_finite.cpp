// Updates that wait for the run to be finite; see live.hpp.
// Invariant: in a run that is finite an update stores the bits it would have stored anyway.

#include <limits>

#include "engine/graph/build.hpp"
#include "engine/graph/live.hpp"

namespace volute {

// finite = all |watched| < max, which NaN is not;  target = finite ? value : target
void keep_finite(LiveGraph& live, std::span<Node* const> watched) {
  Tensor finite;  // []
  for (Node* node : watched) {
    const Tensor value(node);
    const Tensor one = less(abs(value), constant_like(value, std::numeric_limits<float>::max()));
    finite = finite ? finite * one : one;
  }
  for (auto& [target, value] : live.updates) {
    if (counts_runs(*target)) continue;  // whatever came of it, so that random numbers go on
    const Tensor condition = broadcast_to(finite, target->shape);
    value = add_node(Op::where, {condition, Tensor(value), Tensor(target)}, target->shape, target->dtype).node();
  }
}

}  // namespace volute
