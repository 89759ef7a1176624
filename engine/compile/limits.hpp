// What kernels can count: they index with 32 bits, and a program is a list of dispatches in memory.
// Invariant: arithmetic on sizes behind these checks stays within its types.
#pragma once

#include <vector>

#include "engine/compile/lower.hpp"

namespace volute {

/// Throws Unsupported if a tensor has 2^31 elements or more, padded rows counted whole.
void check_counts(const LiveGraph& live);

/// The same for what is stored (states and results of all steps of a loop); and for more than 2^24 dispatches.
void check_counts(const Layout& layout, const std::vector<Section>& sections);

}  // namespace volute
