// Groups nodes into kernels. Invariant: units are in an order in which they can run; a unit reads only
// what earlier units, or leaves, hold.
#pragma once

#include <vector>

#include "engine/compile/passes.hpp"

namespace volute {

/// One kernel, or a loop over kernels.
struct Unit {
  enum class Kind : std::uint8_t { fused, reduce, matmul, scatter, loop } kind = Kind::fused;
  std::vector<const Node*> nodes;  ///< pointwise nodes computed in it; before a reduction, its prologue
  const Node* anchor = nullptr;    ///< the reduction, product, scatter_add or Op::scan node
  std::vector<Unit> body;          ///< of a loop
};

struct FuseLimits {
  int operands = 30;  ///< distinct tensors a generated kernel may touch; each may need one of 32 push words
};

std::vector<Unit> fuse(const LiveGraph& live, const FuseLimits& limits);

}  // namespace volute
