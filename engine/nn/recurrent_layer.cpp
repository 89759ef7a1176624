// One direction of one layer: a scan whose body is the cell followed by what holds for every cell: clip of the
// state, zoneout, masks, recurrent dropout.
// Invariant: a masked step changes no state, and every choice between an old and a new value is `where`, so
// what a masked step computed, NaN included, reaches neither values nor gradients. The dropped h is a state of
// its own, made at the end of the step before: a step starts with its product, not with a kernel of its own.

#include "engine/nn/affine.hpp"
#include "engine/nn/recurrent.hpp"

namespace volute::nn {
namespace {

class Layer {
 public:
  Layer(const Cell& cell, const RecurrentOptions& options, const LayerWeights& weights, Tensor x, Tensor valid)
      : cell_(cell), options_(options), weights_(weights), graph_(graph_of(x)), valid_(valid) {
    training_ = graph_.training();
    drops_ = training_ && options.recurrent_dropout > 0.0f;
    repeats_ = valid && options.masked == Masked::repeat;
  }

  LayerResult run(Tensor x, const std::vector<Tensor>& start, const ScanOptions& options) {
    std::vector<Tensor> xs = {x}, states = start;
    if (valid_) xs.push_back(valid_);
    if (drops_ && options_.recurrent_variational)
      mask_ = dropout(graph_.full(start[0].shape(), 1.0f), options_.recurrent_dropout);  // [N, P]
    if (drops_) states.push_back(dropped(start[0]));
    if (repeats_) states.push_back(graph_.full(start[0].shape(), 0.0f));
    const auto body = [&](std::span<const Tensor> in, std::span<const Tensor> old) { return step(in, old); };
    const ScanResult scanned = scan(xs, states, body, options);
    LayerResult result{scanned.outputs[0], {}, {}};
    result.last.assign(scanned.last.begin(), scanned.last.begin() + static_cast<std::ptrdiff_t>(start.size()));
    std::size_t i = 1;
    for (const auto& [name, value] : kept_) result.kept[name] = scanned.outputs[i++];
    return result;
  }

 private:
  /// old: the cell's states, then the dropped h, then the last output, each if there is one. [N, size]
  ScanStep step(std::span<const Tensor> in, std::span<const Tensor> old) {
    const std::size_t count = cell_.states.size();
    const CellStep::Data data{cell_,
                              options_,
                              weights_,
                              in[0],
                              {old.begin(), old.begin() + static_cast<long>(count)},
                              drops_ ? old[count] : old[0],
                              kept_};
    std::vector<Tensor> next = cell_.step(CellStep(data));
    check(next, data.states);
    next[0] = clipped(next[0], options_.clip_state);
    next[0] = zoned(next[0], old[0], options_.zoneout);
    if (count > 1) next[1] = zoned(next[1], old[1], options_.zoneout_cell);
    Tensor out = next[0];
    if (valid_) {
      const Tensor valid = in[1];  // [N, 1]
      out = where(valid, out, repeats_ ? old.back() : graph_.full({}, 0.0f));
      for (std::size_t s = 0; s < count; ++s) next[s] = where(valid, next[s], old[s]);
    }
    for (std::size_t s = 0; s < count; ++s) kept_[cell_.states[s]] = next[s];
    if (drops_) next.push_back(dropped(next[0]));
    if (repeats_) next.push_back(out);
    std::vector<Tensor> outputs = {out};
    for (const auto& [name, value] : kept_) outputs.push_back(value);
    return {next, outputs};
  }

  Tensor dropped(Tensor h) const { return mask_ ? h * mask_ : dropout(h, options_.recurrent_dropout); }

  // training: m new + (1 - m) old with m from {0, 1};  inference: the expected value
  Tensor zoned(Tensor next, Tensor old, float p) const {
    if (p == 0.0f) return next;
    if (!training_) return p * old + (1.0f - p) * next;
    Graph graph = graph_;
    return where(less(random_like(next), graph.full({}, p)), old, next);
  }

  void check(const std::vector<Tensor>& next, const std::vector<Tensor>& states) const {
    if (next.size() != states.size())
      throw InvalidGraph(cell_.name + ": the cell's step returned " + std::to_string(next.size()) + " states, it has " +
                         std::to_string(states.size()));
    for (std::size_t s = 0; s < next.size(); ++s)
      if (!next[s] || next[s].shape() != states[s].shape() || next[s].dtype() != DType::f32)
        throw InvalidGraph(cell_.name + ": the cell's step changes state " + cell_.states[s] + " from " +
                           states[s].shape().str() + " to " + (next[s] ? next[s].shape().str() : "an empty tensor"));
  }

  const Cell& cell_;
  const RecurrentOptions& options_;
  const LayerWeights& weights_;
  Graph graph_;
  Tensor valid_, mask_;
  bool training_ = true, drops_ = false, repeats_ = false;
  std::map<std::string, Tensor> kept_;
};

}  // namespace

LayerResult run_layer(const Cell& cell, const RecurrentOptions& options, const LayerWeights& weights, Tensor x,
                      const std::vector<Tensor>& start, Tensor valid, bool reverse,
                      std::shared_ptr<const RecurrentOperator> exported_as) {
  const ScanOptions loop{.reverse = reverse, .exported_as = std::move(exported_as)};
  return Layer(cell, options, weights, x, valid).run(x, start, loop);
}

}  // namespace volute::nn
