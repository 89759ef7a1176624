// What the stages of one kernel may read of each other: rows and tiles a workgroup owns.
#pragma once

#include <vector>

#include "engine/kernels/stages.hpp"

namespace volute {

/// The views a stage reads (constants aside) and writes.
struct StageViews {
  std::vector<View> reads, writes;
  std::vector<View> tables;  ///< read in any row, whoever writes them
};

StageViews views_of(const Stage& stage);

/// Whether row r of every view of what the stages write is row r of the batch, so that a workgroup which owns
/// rows needs no other's results. `stages` run in order, again and again.
bool is_row_local(const std::vector<Stage>& stages, std::int64_t rows);

/// Gates of `product` that `pointwise` reads at its own row and column, if workgroups may be cut along both: 0 if
/// not. Offsets of the product are those of the step it is run for, and of the pointwise stage those of its own.
std::int64_t gates_shared(const Stage& product, const Stage& pointwise);

}  // namespace volute
