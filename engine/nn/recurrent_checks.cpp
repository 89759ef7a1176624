// Mistakes in the options and inputs of recurrent layers. Invariant: every message starts with the cell's
// name and says what was expected and what was given.

#include <algorithm>
#include <cmath>

#include "engine/nn/check.hpp"
#include "engine/nn/recurrent.hpp"

namespace volute::nn {
namespace {

constexpr int most_layers = 1024;

std::string number(float value) { return std::to_string(value); }

class OptionCheck {
 public:
  OptionCheck(const Cell& cell, std::int64_t hidden, const RecurrentOptions& options)
      : cell_(cell), o_(options), H_(hidden) {}

  void run() const {
    if (o_.layers < 1 || o_.layers > most_layers)
      fail("layers must be 1 to " + std::to_string(most_layers) + ", got " + std::to_string(o_.layers));
    probability("dropout", o_.dropout);
    probability("zoneout", o_.zoneout);
    probability("zoneout_cell", o_.zoneout_cell);
    probability("drop_connect", o_.drop_connect);
    probability("recurrent_dropout", o_.recurrent_dropout);
    bounds("clip_inputs", o_.clip_inputs);
    bounds("clip_cell", o_.clip_cell);
    bounds("clip_state", o_.clip_state);
    directions();
    maths();
    projection();
  }

 private:
  [[noreturn]] void fail(const std::string& message) const { throw InvalidGraph(cell_.name + ": " + message); }

  void probability(const char* option, float p) const {
    if (!(p >= 0.0f && p < 1.0f)) fail(std::string(option) + " must be in [0, 1), got " + number(p));
  }

  void bounds(const char* option, const std::optional<Bounds>& b) const {
    if (b && !(b->low < b->high && std::isfinite(b->high - b->low)))
      fail(std::string(option) + " must be a finite range, got " + number(b->low) + " to " + number(b->high));
  }

  void directions() const {
    if (o_.bidirectional && o_.reverse) fail("reverse is for one direction, not with bidirectional");
    if (!o_.bidirectional && o_.merge != Merge::concat) fail("merge joins two directions, it needs bidirectional");
  }

  bool understands(const char* option) const {
    return std::find(cell_.understands.begin(), cell_.understands.end(), option) != cell_.understands.end();
  }

  void needs(bool used, const char* option, const char* capability) const {
    if (used && !understands(capability)) fail(std::string(option) + " has no meaning for this cell");
  }

  void maths() const {
    needs(o_.peepholes, "peepholes", "peepholes");
    needs(o_.coupled, "coupled", "coupled");
    needs(o_.projection != 0, "projection", "projection");
    needs(!o_.reset_after, "reset_after = false", "reset_before");
    needs(!o_.gate_activation.is_standard(), "gate_activation", "gate_activation");
    needs(!o_.output_activation.is_standard(), "output_activation", "output_activation");
    needs(o_.clip_cell.has_value(), "clip_cell", "clip_cell");
    if (o_.zoneout_cell > 0.0f && cell_.states.size() < 2) fail("zoneout_cell needs a cell state, it has only h");
    const bool product = cell_.gates > 0 && cell_.recurrence != Cell::Recurrence::none;
    if (o_.drop_connect > 0.0f && !product) fail("drop_connect needs recurrent weights, it has none");
    if (o_.recurrent_dropout > 0.0f && !product) fail("recurrent_dropout needs recurrent weights, it has none");
    if (o_.layer_norm && cell_.gates == 0) fail("layer_norm needs weight_ih, a cell with 0 gates has none");
    if (o_.forget_bias && cell_.forget_gate < 0) fail("forget_bias needs a forget gate, it has none");
    if (o_.forget_bias && o_.bias == Bias::none) fail("forget_bias needs a bias, it has Bias::none");
    if (o_.forget_bias && !std::isfinite(*o_.forget_bias)) fail("forget_bias must be finite");
  }

  void projection() const {
    if (o_.projection < 0 || o_.projection >= H_)
      fail("projection must be positive and below hidden, got projection " + std::to_string(o_.projection) +
           ", hidden " + std::to_string(H_));
  }

  const Cell& cell_;
  const RecurrentOptions& o_;
  const std::int64_t H_;
};

std::string described(Tensor t) {
  return t ? name_of(t.dtype()) + (" " + t.shape().str()) : std::string("an empty tensor");
}

}  // namespace

void check_options(const Cell& cell, std::int64_t inputs, std::int64_t hidden, const RecurrentOptions& options) {
  const std::string name = cell.name.empty() ? "recurrent" : cell.name;
  if (cell.name.empty()) throw InvalidGraph(name + ": the cell needs a name");
  if (!cell.step) throw InvalidGraph(name + ": the cell has no step");
  if (cell.states.empty()) throw InvalidGraph(name + ": the cell has no states, it needs at least one");
  if (cell.gates < 0) throw InvalidGraph(name + ": gates must not be negative, got " + std::to_string(cell.gates));
  require_positive(name, "inputs", inputs);
  require_positive(name, "hidden", hidden);
  OptionCheck(cell, hidden, options).run();
}

void check_input(const std::string& name, Tensor x, std::int64_t inputs, bool batch_first) {
  if (!x || x.rank() != 3 || x.dtype() != DType::f32 || x.dim(2) != inputs)
    throw InvalidGraph(name + ": x must be f32 " + (batch_first ? "[N, T, " : "[T, N, ") + std::to_string(inputs) +
                       "], got " + described(x));
}

void check_masks(const std::string& name, Tensor x, const RecurrentInputs& in, bool batch_first) {
  const std::int64_t N = x.dim(batch_first ? 0 : 1);
  if (in.lengths && in.mask)
    throw InvalidGraph(name + ": takes lengths or a mask, not both; got lengths " + described(in.lengths) + ", mask " +
                       described(in.mask));
  if (in.lengths && (in.lengths.dtype() != DType::u32 || in.lengths.shape() != Shape{N}))
    throw InvalidGraph(name + ": lengths must be u32 " + Shape{N}.str() + " for x " + x.shape().str() + ", got " +
                       described(in.lengths));
  const Shape expected{x.dim(0), x.dim(1)};
  if (in.mask && in.mask.shape() != expected)
    throw InvalidGraph(name + ": mask must be " + expected.str() + " for x " + x.shape().str() + ", got " +
                       described(in.mask));
}

void check_initial(const Cell& cell, const RecurrentInputs& in, const std::vector<Shape>& expected) {
  if (in.initial.empty()) return;
  if (in.carried)
    throw InvalidGraph(cell.name + ": initial states are given or carried, not both; got " +
                       std::to_string(in.initial.size()) + " and carried");
  if (in.initial.size() != expected.size())
    throw InvalidGraph(cell.name + ": needs " + std::to_string(expected.size()) + " initial states, got " +
                       std::to_string(in.initial.size()));
  for (std::size_t s = 0; s < expected.size(); ++s) {
    const Tensor state = in.initial[s];
    if (!state || state.shape() != expected[s] || state.dtype() != DType::f32)
      throw InvalidGraph(cell.name + ": initial state " + cell.states[s] + " must be f32 " + expected[s].str() +
                         ", got " + described(state));
  }
}

void check_weights(const std::string& name, const RecurrentInputs& in, std::span<const Parameter> parameters) {
  for (const auto& [key, weight] : in.weights) {
    const auto known = std::find_if(parameters.begin(), parameters.end(),
                                    [&, &key = key](const Parameter& p) { return p.name() == key; });
    if (known == parameters.end())
      throw InvalidGraph(name + ": there is no parameter \"" + key + "\" a weight could stand in for");
    if (!weight || weight.dtype() != DType::f32 || weight.shape() != known->shape())
      throw InvalidGraph(name + ": weight \"" + key + "\" must be f32 " + known->shape().str() + ", got " +
                         described(weight));
  }
}

}  // namespace volute::nn
