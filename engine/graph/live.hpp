// Copies of the part of a graph that targets need, and orders to walk it in.
// Invariant: a copy holds live nodes only; loops whose results nobody reads, and states no result
// depends on, are gone.
#pragma once

#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/graph/node.hpp"

namespace volute {

/// A graph of the compiler's own, with what to compute in it.
struct LiveGraph {
  std::shared_ptr<GraphData> graph = std::make_shared<GraphData>();
  std::vector<Node*> outputs;                        ///< the targets' own, then those of Targets::watched
  std::vector<std::pair<Node*, Node*>> updates;      ///< target (parameter or state), value
  std::unordered_map<const Node*, Node*> from_user;  ///< user's node -> its copy, for inputs, states, outputs
};

/// The nodes of a user's graph that the targets, and the carried states among them, need.
/// Throws InvalidGraph if a target is empty or inside a scan body, or a parameter is updated twice.
LiveGraph live_graph(const Graph& graph, const Targets& targets);

/// From here on updates are made in runs only in which all `watched` ([] f32) are finite; that of the step count always.
void keep_finite(LiveGraph& live, std::span<Node* const> watched);

/// Makes every use of a node a use of its replacement, following chains. Nodes in `except` keep their inputs.
void redirect(LiveGraph& live, const std::unordered_map<const Node*, Node*>& replacements,
              const std::unordered_set<const Node*>& except = {});

/// Drops everything the outputs and updates no longer need. Nodes get new addresses.
void sweep(LiveGraph& live);

/// Nodes of one scope that `roots` need, dependencies first; a loop appears as its Op::scan node,
/// before its stack, last and total nodes and after all it reads.
std::vector<Node*> topological(const std::vector<Node*>& roots, const Scan* scope);

/// The body of a loop, dependencies first: what its states and results need.
std::vector<Node*> body_order(const Scan* scan);

/// Nodes outside the body that the loop reads.
std::vector<Node*> read_from_outside(const Scan* scan);

}  // namespace volute
