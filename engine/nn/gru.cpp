// Gated recurrent unit (Cho et al. 2014). Reset after the recurrent product (PyTorch, cuDNN): h W_hh^T is one
// matmul for all gates. Reset before (Cho, ONNX's default): the candidate's product waits for r. Gate order
// r z n. State h.

#include <volute/nn.hpp>

namespace volute::nn {
namespace {

// a = W x + b_ih;  r = sigmoid(a_r + (U h + b_hh)_r);  z the same
// after:  n = tanh(a_n + r (U_n h + b_n));  before: n = tanh(a_n + U_n (r h) + b_n);  h' = (1 - z) n + z h
std::vector<Tensor> gru_step(const CellStep& s) {
  const bool after = s.options.reset_after;
  Tensor h = s.states[0];                                             // [N, H]
  std::vector<Tensor> a = s.input();                                  // [N, H] each
  std::vector<Tensor> u = after ? s.recurrent() : s.recurrent(0, 2);  // [N, H] each
  Tensor r = s.keep("r", s.gate(a[0] + u[0]));                        // [N, H]
  Tensor z = s.keep("z", s.gate(a[1] + u[1]));                        // [N, H]
  Tensor reset = after ? r * u[2] : s.recurrent(2, 1, r)[0];          // [N, H]
  Tensor n = s.keep("n", s.activate(a[2] + reset));                   // [N, H]
  return {(1.0f - z) * n + z * h};
}

}  // namespace

GRU::GRU(std::int64_t inputs, std::int64_t hidden, RecurrentOptions options)
    : Recurrent({.name = "gru",
                 .gates = 3,
                 .understands = {"reset_before", "gate_activation"},
                 .step = gru_step,
                 .kind = Cell::Kind::gru},
                inputs, hidden, std::move(options)) {}

}  // namespace volute::nn
