// The few lines of maths layers share, in the form the compiler recognises: what does not depend on carried
// state is hoisted out of a scan as one batched matmul, and the bias becomes its epilogue.
// Invariant: bias after product, never folded into another term.
#pragma once

#include <volute/nn.hpp>

namespace volute::nn {

/// x [..., I], w [O, I], b [O] -> x w^T + b, [..., O].
inline Tensor affine(Tensor x, Tensor w, Tensor b) { return matmul(x, w, false, true) + b; }

/// Layer norm over the axis the parts [N, H] would have together: gamma (x - mean) / sqrt(var + 1e-5), Ba et
/// al. 2016. gamma [parts H].
std::vector<Tensor> layer_norm(const std::vector<Tensor>& parts, Tensor gamma);

/// x with every element in the bounds, if there are any. The gradient is that of PyTorch's clamp: 1 up to and
/// on the bounds, 0 beyond. One comparison is all the backward pass keeps.
inline Tensor clipped(Tensor x, const std::optional<Bounds>& bounds) {
  if (!bounds) return x;
  Graph graph = graph_of(x);
  const float middle = 0.5f * (bounds->low + bounds->high), half = 0.5f * (bounds->high - bounds->low);
  Tensor offset = x - middle;
  Tensor nearest = where(less(offset, graph.full({}, 0.0f)), graph.full({}, bounds->low), graph.full({}, bounds->high));
  return where(less(graph.full({}, half), abs(offset)), nearest, x);
}

}  // namespace volute::nn
