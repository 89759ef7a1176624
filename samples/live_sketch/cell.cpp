// One step of each cell, by the equations include/volute/nn.hpp states. A scan cannot hold another scan, so a loop over
// samples needs the step by itself.
#include "samples/live_sketch/cell.hpp"

namespace live_sketch {
namespace {

using volute::Tensor;
using States = std::vector<Tensor>;
namespace nn = volute::nn;

/// x W^T + b of the layer's parameters `weight` and `weight` + `bias`, in their order: w_ih w_hh b_ih b_hh.
Tensor affine(const nn::Recurrent& layer, Tensor x, std::size_t weight, std::size_t bias) {
  volute::Graph g = graph_of(x);
  return matmul(x, g.parameter(layer.parameters()[weight]), false, true) + g.parameter(layer.parameters()[bias]);
}
Tensor from_input(const nn::Recurrent& layer, Tensor x) { return affine(layer, x, 0, 2); }
Tensor from_state(const nn::Recurrent& layer, Tensor h) { return affine(layer, h, 1, 3); }

States gru(const nn::Recurrent& layer, Tensor x, const States& states) {
  const States a = split(from_input(layer, x), 1, 3), u = split(from_state(layer, states[0]), 1, 3);  // [R, H] each
  const Tensor r = sigmoid(a[0] + u[0]), z = sigmoid(a[1] + u[1]), n = tanh(a[2] + r * u[2]);         // [R, H]
  return {(1.0f - z) * n + z * states[0]};
}

States lstm(const nn::Recurrent& layer, Tensor x, const States& states) {
  const States z = split(from_input(layer, x) + from_state(layer, states[0]), 1, 4);      // [R, H] each
  const Tensor next = sigmoid(z[1]) * states[1] + sigmoid(z[0]) * tanh(z[2]);  // [R, H]
  return {sigmoid(z[3]) * tanh(next), next};
}

States rnn(const nn::Recurrent& layer, Tensor x, const States& states) {
  return {tanh(from_input(layer, x) + from_state(layer, states[0]))};
}

States min_gru(const nn::Recurrent& layer, Tensor x, const States& states) {
  const States a = split(affine(layer, x, 0, 1), 1, 2);  // [R, H] each
  const Tensor z = sigmoid(a[0]);                        // [R, H]
  return {(1.0f - z) * states[0] + z * a[1]};
}

}  // namespace

const char* name_of(Cell cell) {
  static constexpr const char* names[cells] = {"GRU", "LSTM", "RNN", "minGRU"};
  return names[static_cast<int>(cell)];
}

std::unique_ptr<nn::Recurrent> make_layer(Cell cell, std::int64_t inputs, std::int64_t hidden) {
  switch (cell) {
    case Cell::gru: return std::make_unique<nn::GRU>(inputs, hidden);
    case Cell::lstm: return std::make_unique<nn::LSTM>(inputs, hidden);
    case Cell::rnn: return std::make_unique<nn::RNN>(inputs, hidden);
    case Cell::min_gru: return std::make_unique<nn::MinGRU>(inputs, hidden);
  }
  throw volute::InvalidGraph("live_sketch: no such cell");
}

States step(Cell cell, const nn::Recurrent& layer, Tensor x, const States& states) {
  switch (cell) {
    case Cell::gru: return gru(layer, x, states);
    case Cell::lstm: return lstm(layer, x, states);
    case Cell::rnn: return rnn(layer, x, states);
    case Cell::min_gru: return min_gru(layer, x, states);
  }
  throw volute::InvalidGraph("live_sketch: no such cell");
}

}  // namespace live_sketch
