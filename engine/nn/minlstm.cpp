// minLSTM (Feng et al. 2024, "Were RNNs All We Needed?", section 3.2), length independent: gates of the
// input alone and normalised, so a step is one pointwise kernel. Gate order f i n. State h.

#include <volute/nn.hpp>

namespace volute::nn {
namespace {

// f, i = sigmoid(W x + b);  n = W_n x + b_n;  h' = f / (f + i) h + i / (f + i) n
std::vector<Tensor> minlstm_step(const CellStep& s) {
  std::vector<Tensor> a = s.input();         // [N, H] each
  Tensor f = s.keep("f", s.gate(a[0]));      // [N, H]
  Tensor i = s.keep("i", s.gate(a[1]));      // [N, H]
  Tensor n = s.keep("n", s.activate(a[2]));  // [N, H]
  return {(f * s.states[0] + i * n) / (f + i)};
}

}  // namespace

MinLSTM::MinLSTM(std::int64_t inputs, std::int64_t hidden, RecurrentOptions options)
    : Recurrent({.name = "minlstm",
                 .gates = 3,
                 .recurrence = Cell::Recurrence::none,
                 .activation = Activation::identity,
                 .understands = {"gate_activation"},
                 .forget_gate = 0,
                 .step = minlstm_step},
                inputs, hidden, std::move(options)) {}

}  // namespace volute::nn
