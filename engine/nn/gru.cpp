// Gated recurrent unit (Cho et al. 2014) in the form of PyTorch and cuDNN: the reset gate acts after the
// recurrent product, so h W_hh^T is one matmul for all gates. Gate order r z n, two biases, state h.

#include <volute/nn.hpp>

#include "engine/nn/affine.hpp"

namespace volute::nn {

GRU::GRU(std::int64_t inputs, std::int64_t hidden, RecurrentOptions options)
    : Recurrent("gru", 3, 1, inputs, hidden, options) {}

// a = x W_ih^T + b_ih;  u = h W_hh^T + b_hh
// r = sigmoid(a_r + u_r);  z = sigmoid(a_z + u_z);  n = tanh(a_n + r u_n);  h' = (1 - z) n + z h
std::vector<Tensor> GRU::cell(Tensor x, std::span<const Tensor> states, const Weights& w) const {
  Tensor h = states[0];                                            // [N, H]
  std::vector<Tensor> a = split(affine(x, w.w_ih, w.b_ih), 1, 3);  // [N, H] each
  std::vector<Tensor> u = split(affine(h, w.w_hh, w.b_hh), 1, 3);  // [N, H] each
  Tensor r = sigmoid(a[0] + u[0]);                                 // [N, H]
  Tensor z = sigmoid(a[1] + u[1]);                                 // [N, H]
  Tensor n = tanh(a[2] + r * u[2]);                                // [N, H]
  return {(1.0f - z) * n + z * h};
}

}  // namespace volute::nn
