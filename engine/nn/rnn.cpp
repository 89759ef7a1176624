// The plain recurrent network (Elman 1990) with tanh. Two biases, state h.

#include <volute/nn.hpp>

#include "engine/nn/affine.hpp"

namespace volute::nn {

RNN::RNN(std::int64_t inputs, std::int64_t hidden, RecurrentOptions options)
    : Recurrent("rnn", 1, 1, inputs, hidden, options) {}

// h' = tanh(x W_ih^T + b_ih + h W_hh^T + b_hh)
std::vector<Tensor> RNN::cell(Tensor x, std::span<const Tensor> states, const Weights& w) const {
  return {tanh(affine(x, w.w_ih, w.b_ih) + affine(states[0], w.w_hh, w.b_hh))};  // [N, H]
}

}  // namespace volute::nn
