// Precision as a rewrite of the graph, which compiled programs and the float64 reference share.
// Invariant: f16 and bf16 nodes hold values rounded to their type and are stored so; every other operation reads
// them as f32 and gives f32. Leaves, results and whatever is no operand of a product stay as they were.
#pragma once

#include "engine/graph/live.hpp"

namespace volute {

/// Rounds what Precision says, as close to where values are made as possible: a weight once, outside of loops; a
/// state as it leaves a step, as a state of its own; a sequence of a loop inside it. f32 changes nothing.
void narrow(LiveGraph& live, Precision precision);

}  // namespace volute
