// Sums of rows by index, without atomics: every row of the result has a list of the positions that name it.
// Invariant: a row's terms are added in ascending position, whatever the block they are listed in.
#pragma once

#include <vector>

#include "engine/kernels/dispatch.hpp"

namespace volute {

/// Positions are listed block by block, one list a row and block: so many at most for these indices.
std::int64_t scatter_blocks(const View& indices);

/// out [rows, E]: sums of the values [count, E] by index. `head` and `next` are scratch of rows * scatter_blocks and
/// count elements. Lists of all blocks at once, then one sum a block.
std::vector<Dispatch> scatter_dispatches(const View& indices, const View& values, const View& out,
                                         const Storage* head, const Storage* next, const KernelTarget& target);

}  // namespace volute
