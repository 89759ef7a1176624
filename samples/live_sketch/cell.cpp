// One step of each cell, by the equations include/volute/nn.hpp states. A scan cannot hold another scan, so a loop over
// samples needs the step by itself.
#include "samples/live_sketch/cell.hpp"

namespace live_sketch {
namespace {

using volute::Tensor;
using States = std::vector<Tensor>;
namespace nn = volute::nn;

/// W_ih x + b_ih, [R, gates H], column by column of W_ih: a product with so few inputs would be a dispatch of its own
/// in every step, a sum of columns rides with the gates. `bias` is b_ih's place among the parameters, W_ih the first.
Tensor from_input(const nn::Recurrent& layer, const States& x, std::size_t bias = 2) {
  volute::Graph g = graph_of(x[0]);
  const States columns = split(transpose(g.parameter(layer.parameters()[0])), 0, static_cast<int>(x.size()));
  Tensor total = g.parameter(layer.parameters()[bias]);
  for (std::size_t i = 0; i < x.size(); ++i) total = total + x[i] * columns[i];  // [R, 1] [1, gates H]
  return total;
}

/// h W^T + b of two of the layer's parameters, [R, gates H].
Tensor affine(const nn::Recurrent& layer, Tensor h, std::size_t weight, std::size_t bias) {
  volute::Graph g = graph_of(h);
  return matmul(h, g.parameter(layer.parameters()[weight]), false, true) + g.parameter(layer.parameters()[bias]);
}

/// W_hh h + b_hh, the second and fourth parameter.
Tensor from_state(const nn::Recurrent& layer, Tensor h) { return affine(layer, h, 1, 3); }

States gru(const nn::Recurrent& layer, const States& x, const States& states) {
  const States a = split(from_input(layer, x), 1, 3), u = split(from_state(layer, states[0]), 1, 3);  // [R, H] each
  const Tensor r = sigmoid(a[0] + u[0]), z = sigmoid(a[1] + u[1]), n = tanh(a[2] + r * u[2]);         // [R, H]
  return {(1.0f - z) * n + z * states[0]};
}

States lstm(const nn::Recurrent& layer, const States& x, const States& states) {
  const States z = split(from_input(layer, x) + from_state(layer, states[0]), 1, 4);  // [R, H] each
  const Tensor next = sigmoid(z[1]) * states[1] + sigmoid(z[0]) * tanh(z[2]);         // [R, H]
  return {sigmoid(z[3]) * tanh(next), next};
}

States rnn(const nn::Recurrent& layer, const States& x, const States& states) {
  return {tanh(from_input(layer, x) + from_state(layer, states[0]))};
}

/// Two layers: the second's gates see what the first has kept, and so when a corner is due.
States min_gru(const nn::Recurrent& layer, const States& x, const States& states) {
  const auto cell = [](Tensor gates, Tensor h) {
    const States a = split(gates, 1, 2);  // [R, H] each
    const Tensor z = sigmoid(a[0]);       // [R, H]
    return (1.0f - z) * h + z * a[1];
  };
  const Tensor first = cell(from_input(layer, x, 1), states[0]);  // [R, H]
  return {first, cell(affine(layer, first, 2, 3), states[1])};
}

}  // namespace

const char* name_of(Cell cell) {
  static constexpr const char* names[cells] = {"GRU", "LSTM", "RNN", "minGRU"};
  return names[static_cast<int>(cell)];
}

float rate_of(Cell cell) { return cell == Cell::rnn ? 3e-3f : 2e-2f; }

std::unique_ptr<nn::Recurrent> make_layer(Cell cell, std::int64_t inputs, std::int64_t hidden) {
  switch (cell) {
    case Cell::gru: return std::make_unique<nn::GRU>(inputs, hidden);
    case Cell::lstm: return std::make_unique<nn::LSTM>(inputs, hidden, nn::RecurrentOptions{.forget_bias = 1.0f});
    case Cell::rnn: return std::make_unique<nn::RNN>(inputs, hidden);
    case Cell::min_gru: return std::make_unique<nn::MinGRU>(inputs, hidden, nn::RecurrentOptions{.layers = 2});
  }
  throw volute::InvalidGraph("live_sketch: no such cell");
}

States last_states(const volute::nn::RecurrentResult& result) {
  States states;
  for (Tensor last : result.last)  // [layers, N, H]
    for (Tensor h : split(last, 0, static_cast<int>(last.dim(0)))) states.push_back(reshape(h, {h.dim(1), h.dim(2)}));
  return states;
}

States step(Cell cell, const nn::Recurrent& layer, const States& x, const States& states) {
  switch (cell) {
    case Cell::gru: return gru(layer, x, states);
    case Cell::lstm: return lstm(layer, x, states);
    case Cell::rnn: return rnn(layer, x, states);
    case Cell::min_gru: return min_gru(layer, x, states);
  }
  throw volute::InvalidGraph("live_sketch: no such cell");
}

}  // namespace live_sketch
