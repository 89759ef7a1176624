// Long short-term memory with forget gate (Hochreiter and Schmidhuber 1997; Gers et al. 2000), peepholes
// (Gers et al. 2002), projection (Sak et al. 2014), coupled gates (Greff et al. 2017) and layer norm of the
// cell state as haste has it. Gate order i f g o, or i g o if coupled. States h and c.

#include <volute/nn.hpp>

#include "engine/nn/affine.hpp"

namespace volute::nn {
namespace {

Tensor normalised_cell(const CellStep& s, Tensor c) {
  return s.options.layer_norm ? layer_norm({c}, s.weight("gamma_h"))[0] + s.weight("beta_h") : c;
}

// z = W x + b_ih + U h + b_hh;  i, f, o = sigmoid, g = tanh of its parts (peepholes: + p_i c, p_f c, p_o c')
// c' = f c + i g;  h' = o tanh(c')
std::vector<Tensor> lstm_step(const CellStep& s) {
  const bool coupled = s.options.coupled, peepholes = s.options.peepholes;
  const int gates = coupled ? 3 : 4;
  Tensor c = s.states[1];                                // [N, H]
  std::vector<Tensor> z = s.input(), u = s.recurrent();  // [N, H] each
  for (int k = 0; k < gates; ++k) z[k] = z[k] + u[k];
  std::vector<Tensor> p;  // [H] each: i f o, or i o
  if (peepholes) p = split(s.weight("weight_ch"), 0, gates - 1);
  const auto peep = [&](Tensor a, int which, Tensor cell) { return peepholes ? a + p[which] * cell : a; };

  Tensor i = s.keep("i", s.gate(peep(z[0], 0, c)));                       // [N, H]
  Tensor f = s.keep("f", coupled ? 1.0f - i : s.gate(peep(z[1], 1, c)));  // [N, H]
  Tensor g = s.keep("g", s.activate(z[gates - 2]));                       // [N, H]
  Tensor next = clipped(f * c + i * g, s.options.clip_cell);              // [N, H]
  Tensor o = s.keep("o", s.gate(peep(z[gates - 1], gates - 2, next)));    // [N, H]
  const Activation& squash = s.options.output_activation;
  Tensor seen = normalised_cell(s, next);  // [N, H]
  Tensor out = squash.is_standard() ? s.activate(seen) : squash(clipped(seen, s.options.clip_inputs));
  return {s.project(o * out), next};
}

Cell cell(const RecurrentOptions& options) {
  const auto weights = [=](const CellSizes& sizes) {
    std::vector<CellWeight> all;
    if (options.peepholes) all.push_back({"weight_ch", {(options.coupled ? 2 : 3) * sizes.hidden}});
    if (options.layer_norm) all.push_back({"gamma_h", {sizes.hidden}, 1.0f});
    if (options.layer_norm) all.push_back({"beta_h", {sizes.hidden}, 0.0f});
    return all;
  };
  return {.name = "lstm",
          .gates = options.coupled ? 3 : 4,
          .states = {"h", "c"},
          .understands = {"peepholes", "projection", "coupled", "gate_activation", "output_activation", "clip_cell"},
          .forget_gate = options.coupled ? 0 : 1,
          .forget_sign = options.coupled ? -1.0f : 1.0f,
          .weights = weights,
          .step = lstm_step,
          .kind = Cell::Kind::lstm};
}

}  // namespace

LSTM::LSTM(std::int64_t inputs, std::int64_t hidden, RecurrentOptions options)
    : Recurrent(cell(options), inputs, hidden, options) {}

}  // namespace volute::nn
