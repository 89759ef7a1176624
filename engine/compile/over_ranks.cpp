// Sums over ranks that need no exchange; see passes.hpp.
// Invariant: those that are left have values that differ from rank to rank.

#include "engine/compile/passes.hpp"
#include "engine/graph/build.hpp"

namespace volute {

void over_ranks(LiveGraph& live, int ranks) {
  std::unordered_map<const Node*, Node*> replacements;
  const std::size_t count = live.graph->nodes.size();
  for (std::size_t id = 0; id < count; ++id) {
    Node* node = &live.graph->nodes[id];
    if (node->op != Op::sum_over_ranks) continue;
    Node* value = node->inputs[0];
    if (ranks == 1) replacements[node] = value;
    else if (value->op == Op::constant)
      replacements[node] = constant_like(Tensor(value), value->value * ranks).node();
  }
  if (replacements.empty()) return;
  redirect(live, replacements);
  sweep(live);
}

}  // namespace volute
