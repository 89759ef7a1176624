// Groups nodes into kernels. Invariant: units are in an order in which they can run; a unit reads only
// what earlier units, or leaves, hold.
#pragma once

#include <vector>

#include "engine/compile/passes.hpp"
#include "engine/kernels/dispatch.hpp"

namespace volute {

/// One kernel, a loop over kernels, or values that become sums over ranks.
struct Unit {
  enum class Kind : std::uint8_t { fused, reduce, rows, matmul, scatter, loop, exchange } kind = Kind::fused;
  std::vector<const Node*> nodes;  ///< pointwise nodes computed in it; before a reduction, its prologue; rows: reductions too
  const Node* anchor = nullptr;    ///< the reduction, product, scatter_add, Op::scan or sum over ranks
  std::vector<Unit> body;          ///< of a loop
};

struct FuseLimits {
  int operands = 30;  ///< distinct tensors a generated kernel may touch; each may need one of 32 push words
  bool rows = true;   ///< make row kernels
  int reads = 30, writes = 30, bindings = 30;  ///< of a row kernel, which counts more finely
  int push_words = 32;
};

/// What a kernel for this device may touch.
FuseLimits fuse_limits(const KernelTarget& target);

/// Units of pointwise chains, and of single operations; then joined where they walk the same rows.
std::vector<Unit> fuse(const LiveGraph& live, const FuseLimits& limits);

/// Reductions over the last axis with the pointwise units before, between and after them as one unit.
std::vector<Unit> merge_rows(const LiveGraph& live, std::vector<Unit> units, const FuseLimits& limits);

}  // namespace volute
