// Parameters of a recurrent stack: names, order, shapes, first values.
// Invariant: for each layer and direction PyTorch's weight_ih, weight_hh, bias_ih, bias_hh, weight_hr as far as
// the cell and the options have them, then gamma_ih and gamma_hh, then the cell's own; learned states last.

#include <algorithm>
#include <cmath>

#include "engine/nn/init.hpp"
#include "engine/nn/recurrent.hpp"

namespace volute::nn {
namespace {

/// The parameters of one layer and direction with their first values.
class LayerParameters {
 public:
  LayerParameters(const Cell& cell, const RecurrentOptions& options, const CellSizes& sizes, std::string suffix,
                  std::vector<Parameter>& out)
      : cell_(cell), options_(options), sizes_(sizes), suffix_(std::move(suffix)), out_(out) {}

  void add() {
    const std::int64_t rows = cell_.gates * sizes_.hidden, P = sizes_.output;
    if (cell_.gates > 0) usual(rows, P);
    if (options_.projection) matrix("weight_hr", {P, sizes_.hidden}, false);
    if (options_.layer_norm) put("gamma_ih", {rows}, std::vector<float>(rows, 1.0f));
    if (options_.layer_norm && has_matrix()) put("gamma_hh", {rows}, std::vector<float>(rows, 1.0f));
    if (!cell_.weights) return;
    for (const CellWeight& weight : cell_.weights(sizes_)) {
      const auto count = static_cast<std::size_t>(weight.shape.elements());
      if (weight.fill)
        put(weight.name, weight.shape, std::vector<float>(count, *weight.fill));
      else if (weight.shape.rank() == 2)
        matrix(weight.name, weight.shape, false);
      else
        vector(weight.name, weight.shape);
    }
  }

 private:
  bool keras() const { return options_.initialiser == Initialiser::keras; }
  bool has_matrix() const { return cell_.gates > 0 && cell_.recurrence == Cell::Recurrence::matrix; }
  double bound() const { return 1.0 / std::sqrt(static_cast<double>(sizes_.hidden)); }

  void usual(std::int64_t rows, std::int64_t P) {
    matrix("weight_ih", {rows, sizes_.inputs}, false);
    if (has_matrix()) matrix("weight_hh", {rows, P}, true);
    // Li et al. 2018, section 3.2: from [0, 1], so that units remember over different spans
    if (cell_.recurrence == Cell::Recurrence::vector) put("weight_hh", {rows}, shifted(uniform(rows, 0.5), 0.5f));
    if (options_.bias != Bias::none) bias("bias_ih", rows, true);
    if (options_.bias == Bias::both && has_matrix()) bias("bias_hh", rows, false);
  }

  static std::vector<float> shifted(std::vector<float> values, float by) {
    for (float& v : values) v += by;
    return values;
  }

  void matrix(const std::string& name, const Shape& shape, bool recurrent) {
    if (!keras()) return put(name, shape, uniform(shape.elements(), bound()));
    if (recurrent) return put(name, shape, orthogonal(shape[0], shape[1]));
    put(name, shape, uniform(shape.elements(), std::sqrt(6.0 / static_cast<double>(shape[0] + shape[1]))));
  }

  void vector(const std::string& name, const Shape& shape) {
    const std::int64_t n = shape.elements();
    put(name, shape, keras() ? std::vector<float>(static_cast<std::size_t>(n), 0.0f) : uniform(n, bound()));
  }

  void bias(const std::string& name, std::int64_t rows, bool input) {
    std::vector<float> values = keras() ? std::vector<float>(rows, 0.0f) : uniform(rows, bound());
    std::optional<float> forget = options_.forget_bias;
    if (!forget && keras()) forget = 1.0f;
    if (forget && cell_.forget_gate >= 0) {
      const auto first = values.begin() + cell_.forget_gate * sizes_.hidden;
      std::fill(first, first + sizes_.hidden, input ? *forget * cell_.forget_sign : 0.0f);
    }
    put(name, {rows}, std::move(values));
  }

  void put(const std::string& name, const Shape& shape, std::vector<float> values) {
    const std::string full = name + suffix_;
    for (const Parameter& p : out_)
      if (p.name() == full) throw InvalidGraph(cell_.name + ": two weights are called \"" + name + "\"");
    for (std::int64_t extent : shape.dims())
      if (extent <= 0) throw InvalidGraph(cell_.name + ": weight \"" + name + "\" has the shape " + shape.str());
    out_.emplace_back(full, shape, std::move(values));
  }

  const Cell& cell_;
  const RecurrentOptions& options_;
  const CellSizes sizes_;
  const std::string suffix_;
  std::vector<Parameter>& out_;
};

}  // namespace

Recurrent::Recurrent(Cell cell, std::int64_t inputs, std::int64_t hidden, RecurrentOptions options)
    : cell_(std::move(cell)), inputs_(inputs), hidden_(hidden), options_(std::move(options)) {
  check_options(cell_, inputs, hidden, options_);
  add_parameters();
}

std::int64_t Recurrent::features() const {
  const std::int64_t output = options_.projection ? options_.projection : hidden_;
  return options_.bidirectional && options_.merge == Merge::concat ? 2 * output : output;
}

CellSizes Recurrent::sizes(int layer) const {
  return {layer == 0 ? inputs_ : features(), hidden_, options_.projection ? options_.projection : hidden_};
}

void Recurrent::add_parameters() {
  for (int layer = 0; layer < options_.layers; ++layer)
    for (int d = 0; d < directions(); ++d) {
      first_parameter_.push_back(parameters_.size());
      const std::string suffix = "_l" + std::to_string(layer) + (d ? "_reverse" : "");
      LayerParameters(cell_, options_, sizes(layer), suffix, parameters_).add();
    }
  first_parameter_.push_back(parameters_.size());
  if (!options_.learned_states) return;
  for (std::size_t s = 0; s < cell_.states.size(); ++s) {
    const Shape shape{options_.layers * directions(), s == 0 ? sizes(0).output : hidden_};  // [L D, size]
    parameters_.emplace_back(cell_.states[s] + "_0", shape,
                             std::vector<float>(static_cast<std::size_t>(shape.elements()), 0.0f));
  }
}

}  // namespace volute::nn
