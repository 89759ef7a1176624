// Long short-term memory with forget gate (Hochreiter and Schmidhuber 1997; Gers et al. 2000).
// Gate order i f g o, two biases, states h and c.

#include <volute/nn.hpp>

#include "engine/nn/affine.hpp"

namespace volute::nn {

LSTM::LSTM(std::int64_t inputs, std::int64_t hidden, RecurrentOptions options)
    : Recurrent("lstm", 4, 2, inputs, hidden, options) {}

// z = x W_ih^T + b_ih + h W_hh^T + b_hh;  i, f, o = sigmoid, g = tanh of its quarters
// c' = f c + i g;  h' = o tanh(c')
std::vector<Tensor> LSTM::cell(Tensor x, std::span<const Tensor> states, const Weights& w) const {
  Tensor h = states[0], c = states[1];                                      // [N, H]
  Tensor z = affine(x, w.w_ih, w.b_ih) + affine(h, w.w_hh, w.b_hh);         // [N, 4H]
  std::vector<Tensor> part = split(z, 1, 4);                                // [N, H] each
  Tensor i = sigmoid(part[0]), f = sigmoid(part[1]), o = sigmoid(part[3]);  // [N, H]
  Tensor g = tanh(part[2]);                                                 // [N, H]
  Tensor c_next = f * c + i * g;                                            // [N, H]
  return {o * tanh(c_next), c_next};
}

}  // namespace volute::nn
