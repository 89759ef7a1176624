// minGRU (Feng et al. 2024, "Were RNNs All We Needed?", section 3.1): gates of the input alone, so every
// product is hoisted and a step is one pointwise kernel. Gate order z n. State h.

#include <volute/nn.hpp>

namespace volute::nn {
namespace {

// z = sigmoid(W_z x + b_z);  n = W_n x + b_n;  h' = (1 - z) h + z n
std::vector<Tensor> mingru_step(const CellStep& s) {
  std::vector<Tensor> a = s.input();         // [N, H] each
  Tensor z = s.keep("z", s.gate(a[0]));      // [N, H]
  Tensor n = s.keep("n", s.activate(a[1]));  // [N, H]
  return {(1.0f - z) * s.states[0] + z * n};
}

}  // namespace

MinGRU::MinGRU(std::int64_t inputs, std::int64_t hidden, RecurrentOptions options)
    : Recurrent({.name = "mingru",
                 .gates = 2,
                 .recurrence = Cell::Recurrence::none,
                 .activation = Activation::identity,
                 .understands = {"gate_activation"},
                 .step = mingru_step},
                inputs, hidden, std::move(options)) {}

}  // namespace volute::nn
