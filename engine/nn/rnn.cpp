// The plain recurrent network (Elman 1990), with any activation and an optional projection. State h.

#include <volute/nn.hpp>

namespace volute::nn {
namespace {

// h' = tanh(W x + b_ih + U h + b_hh)
std::vector<Tensor> rnn_step(const CellStep& s) {
  return {s.project(s.activate(s.input()[0] + s.recurrent()[0]))};  // [N, H] -> [N, P]
}

}  // namespace

RNN::RNN(std::int64_t inputs, std::int64_t hidden, RecurrentOptions options)
    : Recurrent({.name = "rnn", .understands = {"projection"}, .step = rnn_step, .kind = Cell::Kind::rnn}, inputs,
                hidden, std::move(options)) {}

}  // namespace volute::nn
