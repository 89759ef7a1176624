// Nodes in words, so that a user finds them in what was written: operation, shape, what it is computed from by name.
// Invariant: a description is a line of bounded length, however deep the graph.
#pragma once

#include "engine/graph/node.hpp"

namespace volute {

/// `exp [32, 64] of matmul(input "x", parameter "weight_ih_l0")`; with names further away if those are not enough.
std::string describe(const Node* node);

/// `time step 17 of 64 (forward loop over input "x")`
std::string describe_time(const Scan& scan, std::int64_t time);

}  // namespace volute
