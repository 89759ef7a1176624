// A stack of recurrent layers: layer l + 1 is a scan, or two, over the merged outputs of layer l.
// Invariant: states enter and leave as [layers D, N, size], direction fastest; masked steps of x are zeroed
// before anything reads them. The cell only says what one step computes.

#include "engine/nn/recurrent.hpp"

#include "engine/nn/recurrent_operator.hpp"

namespace volute::nn {
namespace {

/// A name no state of the graph begins with: "lstm", then "lstm2", "lstm3", ... in the order of use, so it
/// is the same in every process that builds the same graph.
std::string free_name(const Graph& graph, const Cell& cell) {
  std::string candidate = cell.name;
  for (int k = 2; graph.has(candidate + "." + cell.states[0]); ++k) candidate = cell.name + std::to_string(k);
  return candidate;
}

/// state [L D, N, size] -> [N, size] of one layer and direction.
Tensor row_of(Tensor state, int row) { return reshape(slice(state, 0, row, row + 1), {state.dim(1), state.dim(2)}); }

/// Many of [N, size] -> [L D, N, size].
Tensor stack_rows(std::vector<Tensor> rows) {
  for (Tensor& row : rows) row = reshape(row, {1, row.dim(0), row.dim(1)});
  return rows.size() == 1 ? rows[0] : concat(rows, 0);
}

Tensor merged(Merge how, const std::vector<Tensor>& parts) {
  if (parts.size() == 1) return parts[0];
  switch (how) {
    case Merge::sum:
      return parts[0] + parts[1];
    case Merge::mul:
      return parts[0] * parts[1];
    case Merge::average:
      return 0.5f * (parts[0] + parts[1]);
    default:
      return concat(parts, -1);
  }
}

Tensor swapped(Tensor x) { return transpose(x, {1, 0, 2}); }

/// 1 where a step counts, else 0: [T, N, 1]. Empty if all do. T is the first axis of x [T, N, I].
Tensor valid_steps(Tensor x, const RecurrentInputs& in, bool batch_first) {
  const std::int64_t T = x.dim(0), N = x.dim(1);
  if (in.lengths) return less(reshape(graph_of(x).iota(T), {T, 1, 1}), reshape(in.lengths, {1, N, 1}));
  if (!in.mask) return {};
  Tensor mask = to_f32(in.mask);
  return reshape(batch_first ? transpose(mask) : mask, {T, N, 1});
}

}  // namespace

Tensor RecurrentResult::step(const std::string& name, int layer, bool backward) const {
  const int layers = static_cast<int>(kept.size()) / directions;
  const int at = layer < 0 ? layer + layers : layer;
  if (at < 0 || at >= layers || (backward && directions == 1))
    throw InvalidGraph(cell + ": no step values of layer " + std::to_string(layer) + (backward ? " backward" : "") +
                       "; there are " + std::to_string(layers) + " layers in " + std::to_string(directions) +
                       (directions == 1 ? " direction" : " directions"));
  const auto& values = kept[static_cast<std::size_t>(at * directions + (backward ? 1 : 0))];
  const auto found = values.find(name);
  if (found != values.end()) return found->second;
  std::string known;
  for (const auto& [key, value] : values) known += (known.empty() ? "" : ", ") + key;
  throw InvalidGraph(cell + ": keeps no \"" + name + "\" of a step; it keeps " + known);
}

/// One run of the layers.
struct Recurrent::Stack {
  const Recurrent& layer;
  const RecurrentInputs& in;
  Graph graph;
  Tensor valid;                 ///< [T, N, 1] or empty
  std::vector<Tensor> initial;  ///< [L D, N, size] each
  RecurrentResult result = {};
  std::vector<std::vector<Tensor>> last = {};  ///< by state, then layer and direction: [N, size]

  LayerWeights weights(int row) {
    LayerWeights w;
    const std::string suffix =
        "_l" + std::to_string(row / layer.directions()) + (row % layer.directions() ? "_reverse" : "");
    for (std::size_t i = layer.first_parameter_[row]; i < layer.first_parameter_[row + 1]; ++i) {
      const std::string& name = layer.parameters_[i].name();
      const auto given = in.weights.find(name);
      w[name.substr(0, name.size() - suffix.size())] =
          given == in.weights.end() ? graph.parameter(layer.parameters_[i]) : given->second;
    }
    if (layer.options_.drop_connect > 0.0f) w.at("weight_hh") = dropout(w.at("weight_hh"), layer.options_.drop_connect);
    return w;
  }

  /// Null where no operator says the same: training may drop what inference does not, and a mask is no length.
  std::shared_ptr<RecurrentOperator> operator_of(const LayerWeights& weights, Tensor x,
                                                 const std::vector<Tensor>& start) const {
    auto made = graph.training() || in.mask ? nullptr : nn::operator_of(layer.cell_, layer.options_);
    if (!made) return made;
    made->weights = weights;
    made->x = x;
    made->lengths = in.lengths;
    made->start = start;
    return made;
  }

  /// x [T, N, I], with zeros in masked steps or without -> the outputs of each direction.
  std::vector<Tensor> one_layer(Tensor x, Tensor unmasked, int index) {
    const RecurrentOptions& o = layer.options_;
    std::vector<Tensor> outputs;
    std::shared_ptr<RecurrentOperator> forward;
    for (int d = 0; d < layer.directions(); ++d) {
      const int row = index * layer.directions() + d;
      std::vector<Tensor> start;
      for (Tensor state : initial) start.push_back(row_of(state, row));
      const LayerWeights w = weights(row);
      const auto exported_as = operator_of(w, unmasked, start);
      LayerResult run = run_layer(layer.cell_, o, w, x, start, valid, d == 1 || o.reverse, exported_as);
      if (exported_as) {
        exported_as->outputs = run.outputs;
        exported_as->forward = std::exchange(forward, exported_as);
      }
      for (std::size_t s = 0; s < run.last.size(); ++s) last[s].push_back(run.last[s]);
      if (o.batch_first)
        for (auto& [name, value] : run.kept) value = swapped(value);
      result.kept.push_back(std::move(run.kept));
      outputs.push_back(run.outputs);
    }
    return outputs;
  }

  /// Dropout between layers: a mask an element and step, or one an element for all steps.
  Tensor dropped(Tensor x) {
    const RecurrentOptions& o = layer.options_;
    if (o.dropout == 0.0f || !graph.training()) return x;
    if (!o.variational) return dropout(x, o.dropout);
    return x * dropout(graph.full({x.dim(1), x.dim(2)}, 1.0f), o.dropout);
  }

  RecurrentResult run(Tensor x) {
    const RecurrentOptions& o = layer.options_;
    last.resize(initial.size());
    const Tensor unmasked = x;
    if (valid) x = where(valid, x, graph.full({}, 0.0f));
    for (int index = 0; index < o.layers; ++index) {
      if (index > 0) x = dropped(x);
      x = merged(o.merge, one_layer(x, index == 0 ? unmasked : x, index));  // [T, N, D H]
    }
    const auto first = last[0].end() - layer.directions();
    result.last_output = merged(o.merge, {first, last[0].end()});
    result.outputs = o.batch_first ? swapped(x) : x;
    for (auto& rows : last) result.last.push_back(stack_rows(std::move(rows)));
    result.cell = layer.cell_.name;
    result.directions = layer.directions();
    return std::move(result);
  }
};

/// x is time-major here.
std::vector<Tensor> Recurrent::initial_states(Tensor x, const RecurrentInputs& in) const {
  Graph graph = graph_of(x);
  const std::int64_t rows = options_.layers * directions(), N = x.dim(1);
  std::vector<Shape> shapes;
  for (std::size_t s = 0; s < cell_.states.size(); ++s) shapes.push_back({rows, N, s == 0 ? sizes(0).output : hidden_});
  check_initial(cell_, in, shapes);
  if (!in.initial.empty()) return in.initial;
  std::vector<Tensor> states;
  const std::string name = free_name(graph, cell_);
  for (std::size_t s = 0; s < shapes.size(); ++s) {
    if (in.carried) {  // leaves of the graph, so no gradient reaches the previous run
      states.push_back(graph.state(name + "." + cell_.states[s], shapes[s]));
    } else if (options_.learned_states) {
      Tensor learned = graph.parameter(parameters_[first_parameter_.back() + s]);  // [L D, size]
      states.push_back(broadcast_to(reshape(learned, {rows, 1, shapes[s][2]}), shapes[s]));
    } else {
      states.push_back(graph.full(shapes[s], 0.0f));
    }
  }
  return states;
}

RecurrentResult Recurrent::run(Tensor x, const RecurrentInputs& inputs) const {
  check_input(cell_.name, x, inputs_, options_.batch_first);
  check_masks(cell_.name, x, inputs, options_.batch_first);
  check_weights(cell_.name, inputs, std::span(parameters_).first(first_parameter_.back()));
  if (options_.batch_first) x = swapped(x);  // [T, N, I]
  Graph graph = graph_of(x);
  const std::vector<Tensor> initial = initial_states(x, inputs);
  RecurrentResult result = Stack{*this, inputs, graph, valid_steps(x, inputs, options_.batch_first), initial}.run(x);
  if (inputs.carried)
    for (std::size_t s = 0; s < initial.size(); ++s) graph.carry(initial[s], result.last[s]);
  return result;
}

}  // namespace volute::nn
