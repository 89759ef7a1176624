// Layer norm inside a cell, on the parts of a product.
// Invariant: everything between the two reductions has the shape [N, H] of one part, so a step needs no kernels
// but the reductions and those that read them anyway; and neither reduction's gradient waits for the other's.

#include "engine/nn/affine.hpp"

namespace volute::nn {
namespace {

Tensor sum_of(const std::vector<Tensor>& parts) {
  Tensor total = parts[0];
  for (std::size_t k = 1; k < parts.size(); ++k) total = total + parts[k];
  return total;
}

/// The mean over all elements of a row, at every element of a part.
Tensor row_mean(const std::vector<Tensor>& parts) {
  const float count = static_cast<float>(parts.size()) * static_cast<float>(parts[0].dim(-1));
  return broadcast_to(sum(sum_of(parts), {-1}, true), parts[0].shape()) * (1.0f / count);  // [N, H]
}

}  // namespace

std::vector<Tensor> layer_norm(const std::vector<Tensor>& parts, Tensor gamma) {
  Tensor mean = row_mean(parts);  // [N, H], equal along H
  std::vector<Tensor> squares;
  for (Tensor part : parts) {
    Tensor centred = part - stop_gradient(mean);  // d var / d mean = 0: deviations add up to nothing
    squares.push_back(centred * centred);
  }
  Tensor scale = 1.0f / sqrt(row_mean(squares) + 1e-5f);  // [N, H], equal along H
  const std::vector<Tensor> gammas = split(gamma, 0, static_cast<int>(parts.size()));
  std::vector<Tensor> out;
  for (std::size_t k = 0; k < parts.size(); ++k) out.push_back((parts[k] - mean) * scale * gammas[k]);  // [N, H]
  return out;
}

}  // namespace volute::nn
