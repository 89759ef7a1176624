// Matrix products: operands by stride, variants by one table, chosen by device class and shape.
// Invariant: every variant computes the same sums; only their rounding order differs between variants.
#pragma once

#include <optional>
#include <span>

#include "engine/kernels/dispatch.hpp"

namespace volute {

/// A batch of matrices as a kernel addresses them; all numbers in texels.
struct MatrixOperand {
  View view;
  bool transposed = false;  ///< columns are contiguous instead of rows
  std::int64_t pitch = 0;   ///< between rows (columns if transposed)
  std::int64_t batch_stride = 0;
};

/// The operand for a view [.., R, C], or nothing if a kernel cannot read it in place.
std::optional<MatrixOperand> matrix_operand(const View& view);

struct MatmulVariant {
  const char* family;  ///< "texel" or "shared"
  const char* shader;  ///< file below shaders/
  std::uint32_t shuffle_lanes;  ///< the subgroup size it is made for; 0: any, without shuffles
  int rows, columns;   ///< results per workgroup
  int tile_rows;       ///< results per invocation: rows, and texels of columns
  int tile_texels;
  double efficiency;   ///< relative speed on large products, measured; picks between tiles of one family
};

std::span<const MatmulVariant> matmul_variants();

/// The variant for a product; shapes decide within the target's family.
const MatmulVariant& choose_matmul(std::int64_t M, std::int64_t N, std::int64_t batches, const KernelTarget& target);

/// c [.., M, N] = a [.., M, K] b [.., K, N]. The place must be natural or have texel-aligned whole rows.
Dispatch matmul_dispatch(const MatrixOperand& a, const MatrixOperand& b, const View& c, const KernelTarget& target,
                         const MatmulVariant* variant = nullptr);

}  // namespace volute
