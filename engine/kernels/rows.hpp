// Row kernels: reductions over the last axis and the pointwise work around them, a row at a time.
// Invariant: what is between passes stays in registers; a pass computes what it needs again from memory, in the
// same order; results are stored in the last pass, after everything read at their texel.
#pragma once

#include <string>

#include "engine/kernels/emitter.hpp"

namespace volute {

/// Shapes of a kernel over rows of `wide` [R.., V]: one value a row has the shape [R..] or [R.., 1].
struct RowSpace {
  Shape wide;

  bool is_wide(const Shape& shape) const { return shape == wide; }
  bool is_row(const Shape& shape) const { return is_list(shape) || is_column(shape); }
  bool is_list(const Shape& shape) const;    ///< [R..]
  bool is_column(const Shape& shape) const;  ///< [R.., 1]
  std::int64_t rows() const { return wide.elements() / wide[-1]; }
};

/// A sum or max over the last axis alone, of more than one element, with an axis before it.
bool is_row_reduction(const Node* node);

/// Invocations that share a row, a power of two.
std::uint32_t row_lanes(const Shape& wide, const KernelTarget& target);

/// Statements of a row kernel for the invocation numbered `id` (an expression), a workgroup of `local` at a time.
std::string row_kernel(const FusedKernel& kernel, KernelInterface& io, const KernelTarget& target,
                       const std::string& id, std::uint32_t local);

/// Shape [R.., V] of a row kernel.
const Shape& wide_shape(const FusedKernel& kernel);

}  // namespace volute
