// The product every layer is made of, in the form the compiler recognises: what does not depend on carried
// state is hoisted out of a scan as one batched matmul, and the bias becomes its epilogue.
// Invariant: bias after product, never folded into another term.
#pragma once

#include <volute/ops.hpp>

namespace volute::nn {

/// x [..., I], w [O, I], b [O] -> x w^T + b, [..., O].
inline Tensor affine(Tensor x, Tensor w, Tensor b) { return matmul(x, w, false, true) + b; }

}  // namespace volute::nn
