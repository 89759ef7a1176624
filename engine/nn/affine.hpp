// The few lines of maths layers share, in the form the compiler recognises: what does not depend on carried
// state is hoisted out of a scan as one batched matmul, and the bias becomes its epilogue.
// Invariant: bias after product, never folded into another term.
#pragma once

#include <volute/nn.hpp>

namespace volute::nn {

/// x [..., I], w [O, I], b [O] -> x w^T + b, [..., O].
inline Tensor affine(Tensor x, Tensor w, Tensor b) { return matmul(x, w, false, true) + b; }

/// gamma (x - mean) / sqrt(var + 1e-5) over the last axis. x [..., C], gamma [C]. Ba et al. 2016.
inline Tensor layer_norm(Tensor x, Tensor gamma) {
  Tensor centred = x - mean(x, {-1}, true);                      // [..., C]
  Tensor variance = mean(centred * centred, {-1}, true);         // [..., 1]
  return centred * (1.0f / sqrt(variance + 1e-5f)) * gamma;      // [..., C]
}

/// x with every element in the bounds, if there are any. The gradient is cut outside of them.
inline Tensor clipped(Tensor x, const std::optional<Bounds>& bounds) {
  if (!bounds) return x;
  Graph graph = graph_of(x);
  return maximum(minimum(x, graph.full({}, bounds->high)), graph.full({}, bounds->low));
}

}  // namespace volute::nn
