// Sums over one rank; see passes.hpp. Invariant: what is left is exchanged, constants too, for ranks may build them from
// the size of their own part of a batch.

#include "engine/compile/passes.hpp"

namespace volute {

void over_ranks(LiveGraph& live, int ranks) {
  if (ranks > 1) return;
  std::unordered_map<const Node*, Node*> replacements;
  for (const Node& node : live.graph->nodes)
    if (node.op == Op::sum_over_ranks) replacements[&node] = node.inputs[0];
  if (replacements.empty()) return;
  redirect(live, replacements);
  sweep(live);
}

}  // namespace volute
