// Functions along the last axis, each one row kernel: for comparison with the reference and with the kernels that a row
// kernel stands for. Invariant: a function takes x [R, V], y [R] u32 and w [V], positive.
#pragma once

#include "engine/check/case.hpp"

namespace volute::check {

struct RowFunction {
  const char* name;
  Build build;
  int dispatches = 1;  ///< forward
};

const std::vector<RowFunction>& row_functions();
Leaves row_leaves(std::int64_t R, std::int64_t V);

/// Row kernels give the bits of their parts, rows with some and with nothing but -inf among them.
void check_row_bits(const Device& device, const RowFunction& function, Findings& findings);

}  // namespace volute::check
