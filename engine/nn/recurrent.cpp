// A stack of recurrent layers: layer l + 1 is a scan over the outputs of layer l.
// Invariant: parameters are PyTorch's, four a layer in the order weight_ih, weight_hh, bias_ih, bias_hh, all
// from U(+-1/sqrt(H)); states enter and leave as [layers, N, H]. Cells only say what one step computes.

#include <array>
#include <cmath>

#include <volute/nn.hpp>

#include "engine/nn/init.hpp"

namespace volute::nn {
namespace {

constexpr int per_layer = 4;  // parameters of one layer
constexpr std::array state_letters = {'h', 'c'};

/// A name no state of the graph begins with: "lstm", then "lstm2", "lstm3", ... in the order of use, so it
/// is the same in every process that builds the same graph.
std::string free_name(const Graph& graph, const std::string& name) {
  std::string candidate = name;
  for (int k = 2; graph.has(candidate + ".h"); ++k) candidate = name + std::to_string(k);
  return candidate;
}

/// state [layers, N, H] -> [N, H] of one layer.
Tensor layer_of(Tensor state, int layer) {
  return reshape(slice(state, 0, layer, layer + 1), {state.dim(1), state.dim(2)});
}

/// layers of [N, H] -> [layers, N, H].
Tensor stack_layers(std::vector<Tensor> layers) {
  for (Tensor& layer : layers) layer = reshape(layer, {1, layer.dim(0), layer.dim(1)});
  return layers.size() == 1 ? layers[0] : concat(layers, 0);
}

}  // namespace

Recurrent::Recurrent(std::string name, int gates, int states, std::int64_t inputs, std::int64_t hidden,
                     RecurrentOptions options)
    : name_(std::move(name)), gates_(gates), states_(states), hidden_(hidden), options_(options) {
  if (inputs <= 0 || hidden <= 0)
    throw InvalidGraph(name_ + ": sizes must be positive, got inputs " + std::to_string(inputs) + ", hidden " +
                       std::to_string(hidden));
  if (options.layers < 1)
    throw InvalidGraph(name_ + ": layers must be at least 1, got " + std::to_string(options.layers));
  if (!(options.dropout >= 0.0f && options.dropout < 1.0f))
    throw InvalidGraph(name_ + ": dropout must be in [0, 1), got " + std::to_string(options.dropout));
  const double bound = 1.0 / std::sqrt(static_cast<double>(hidden));
  auto add = [&](const std::string& parameter, Shape shape) {
    parameters_.emplace_back(parameter, shape, uniform(shape.elements(), bound));
  };
  for (int layer = 0; layer < options.layers; ++layer) {
    const std::string suffix = "_l" + std::to_string(layer);
    add("weight_ih" + suffix, {gates * hidden, layer == 0 ? inputs : hidden});
    add("weight_hh" + suffix, {gates * hidden, hidden});
    add("bias_ih" + suffix, {gates * hidden});
    add("bias_hh" + suffix, {gates * hidden});
  }
}

Recurrent::Weights Recurrent::weights(const Graph& graph, int layer) const {
  Graph g = graph;
  auto at = [&](int i) { return g.parameter(parameters_[per_layer * layer + i]); };
  Weights w;
  w.w_ih = at(0);  // [G*H, I]
  w.w_hh = at(1);  // [G*H, H]
  w.b_ih = at(2);  // [G*H]
  w.b_hh = at(3);  // [G*H]
  return w;
}

void Recurrent::check_input(Tensor x) const {
  const std::int64_t inputs = parameters_[0].shape()[1];
  if (x.rank() != 3 || x.dtype() != DType::f32 || x.dim(2) != inputs)
    throw InvalidGraph(name_ + ": x must be f32 [T, N, " + std::to_string(inputs) + "], got " + name_of(x.dtype()) +
                       " " + x.shape().str());
}

void Recurrent::check_states(Tensor x, const std::vector<Tensor>& initial) const {
  if (static_cast<int>(initial.size()) != states_)
    throw InvalidGraph(name_ + ": needs " + std::to_string(states_) + " initial states, got " +
                       std::to_string(initial.size()));
  const Shape expected{options_.layers, x.dim(1), hidden_};
  for (Tensor state : initial)
    if (state.shape() != expected || state.dtype() != DType::f32)
      throw InvalidGraph(name_ + ": an initial state must be f32 " + expected.str() + " for x " + x.shape().str() +
                         ", got " + name_of(state.dtype()) + " " + state.shape().str());
}

std::vector<Tensor> Recurrent::zero_states(Tensor x) const {
  Tensor zero = graph_of(x).full({options_.layers, x.dim(1), hidden_}, 0.0f);  // [layers, N, H]
  return std::vector<Tensor>(states_, zero);
}

Tensor Recurrent::operator()(Tensor x) const {
  check_input(x);
  return run(x, zero_states(x)).outputs;  // [T, N, H]
}

Tensor Recurrent::operator()(Tensor x, Carried) const {
  check_input(x);
  Graph graph = graph_of(x);
  const std::string name = free_name(graph, name_);
  std::vector<Tensor> initial;  // leaves of the graph, so no gradient reaches the previous run
  for (int s = 0; s < states_; ++s)
    initial.push_back(graph.state(name + "." + state_letters[s], {options_.layers, x.dim(1), hidden_}));
  RecurrentResult result = run(x, initial);
  for (int s = 0; s < states_; ++s) graph.carry(initial[s], result.last[s]);
  return result.outputs;  // [T, N, H]
}

RecurrentResult Recurrent::run(Tensor x, const std::vector<Tensor>& initial) const {
  check_input(x);
  check_states(x, initial);
  const Graph graph = graph_of(x);
  std::vector<std::vector<Tensor>> last(states_);  // by state, then layer: [N, H]
  for (int layer = 0; layer < options_.layers; ++layer) {
    const Weights w = weights(graph, layer);
    std::vector<Tensor> start;
    for (Tensor state : initial) start.push_back(layer_of(state, layer));  // [N, H]
    ScanResult result = scan({x}, start, [&](std::span<const Tensor> xs, std::span<const Tensor> states) {
      std::vector<Tensor> next = cell(xs[0], states, w);  // [N, H] each
      return ScanStep{next, {next[0]}};
    });
    x = result.outputs[0];  // [T, N, H]
    if (layer + 1 < options_.layers && options_.dropout > 0.0f) x = dropout(x, options_.dropout);
    for (int s = 0; s < states_; ++s) last[s].push_back(result.last[s]);
  }
  RecurrentResult result{x, {}};
  for (auto& layers : last) result.last.push_back(stack_layers(std::move(layers)));
  return result;
}

}  // namespace volute::nn
