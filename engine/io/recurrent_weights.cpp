// Weights of one layer and direction from and to other frameworks' order; see weight_layout.hpp.
// Invariant: everything is checked and computed before the first parameter is set; outputs are the same on both sides.
#include <algorithm>
#include <functional>
#include <map>

#include "engine/io/tensor.hpp"
#include "engine/io/weight_layout.hpp"

namespace volute::io {
namespace {

using Floats = std::vector<float>;

std::string yes_or_no(bool value) { return value ? "true" : "false"; }

bool all_zero(const Floats& values) {
  return std::all_of(values.begin(), values.end(), [](float value) { return value == 0.0f; });
}

std::string letters(const nn::Recurrent& module) {
  if (module.name() == "lstm") return module.options().coupled ? "igo" : "ifgo";
  return module.name() == "gru" ? "rzn" : "h";
}

std::string letters(const nn::Recurrent& module, const WeightLayout& layout) {
  if (module.name() == "lstm") return layout.lstm;
  return module.name() == "gru" ? layout.gru : "h";
}

/// Both sides of an exchange, found to agree.
class Exchange {
 public:
  Exchange(const nn::Recurrent& module, const WeightLayout& layout, int layer, bool backward)
      : module_(module),
        layout_(layout),
        o_(module.options()),
        suffix_("_l" + std::to_string(layer) + (backward ? "_reverse" : "")),
        weights_(letters(module), letters(module, layout), module.hidden(),
                 layout.z_keeps || o_.layer_norm ? '\0' : 'z'),
        vectors_(letters(module), letters(module, layout), module.hidden(), layout.z_keeps ? '\0' : 'z') {
    check_layout(layout);
    const std::string& cell = module.name();
    if (cell != "rnn" && cell != "lstm" && cell != "gru") fail("has weights of rnn, lstm and gru, not of this cell");
    if (layer < 0 || layer >= o_.layers || (backward && !o_.bidirectional))
      fail("there is no layer " + std::to_string(layer) + (backward ? " backward" : "") + " in the module");
    if (!parameter("weight_ih") || parameter("weight_ih")->shape()[0] != weights_.our_rows())
      fail("the cell is not Volute's own");
    check_cell();
  }

  void set(const RecurrentWeights& from) const;
  RecurrentWeights get() const;

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw InvalidGraph(module_.name() + ", weights" + suffix_ + " of " + layout_.name + ": " + message);
  }

  bool is_gru() const { return module_.name() == "gru"; }
  bool is_lstm() const { return module_.name() == "lstm"; }
  std::int64_t H() const { return module_.hidden(); }
  std::int64_t P() const { return o_.projection ? o_.projection : H(); }

  void check_cell() const {
    const auto resets = [](bool after) { return after ? "true (r (U h + b))" : "false (U (r h) + b)"; };
    if (is_gru() && layout_.reset_after != o_.reset_after)
      fail(std::string("the layout has reset_after = ") + resets(layout_.reset_after) + ", the module " +
           resets(o_.reset_after) + "; no weights make one the other");
    if (is_lstm() && layout_.coupled != o_.coupled)
      fail("the layout has coupled = " + yes_or_no(layout_.coupled) + ", the module " + yes_or_no(o_.coupled));
    if (o_.coupled && o_.layer_norm)
      fail("the module has coupled and layer_norm: its mean is over three gates, the layout's over four; no rows of f "
           "make one the other");
    if (o_.peepholes && layout_.peepholes.empty()) fail("the module has peepholes, the layout has not");
    if (o_.projection && !layout_.projection)
      fail("the module has a projection of " + std::to_string(o_.projection) + ", the layout has none");
    if (o_.layer_norm && !layout_.layer_norm) fail("the module has layer_norm, the layout has not");
    if (!is_gru() || layout_.z_keeps) return;
    if (!o_.gate_activation.is_standard())
      fail("the layout has z_keeps = false, the module a gate_activation of its own: only for the standard sigmoid "
           "does the sign of its input make z into 1 - z");
    if (o_.clip_inputs && o_.clip_inputs->low != -o_.clip_inputs->high)
      fail("the layout has z_keeps = false, the module clip_inputs that are not symmetric about 0");
  }

  const Parameter* parameter(const std::string& name) const {
    for (const Parameter& p : module_.parameters())
      if (p.name() == name + suffix_) return &p;
    return nullptr;
  }

  // From theirs.
  Floats values(const HostArray& array, const char* name, std::vector<Shape> shapes) const;
  Floats matrix(const HostArray& array, const char* name, std::int64_t columns) const;
  Floats vector(const HostArray& array, const char* name) const;
  Floats peepholes(const HostArray& array) const;
  std::pair<Floats, Floats> biases(const RecurrentWeights& from) const;
  Floats bias_of(std::pair<Floats, Floats> both) const;
  std::map<std::string, std::function<Floats()>> sources(const RecurrentWeights& from) const;
  void check_places(const RecurrentWeights& from) const;

  // To theirs.
  HostArray matrix_of(const char* name, std::int64_t columns) const;
  HostArray vector_of(const Floats& ours) const;
  void put_biases(RecurrentWeights& to) const;

  Biases form() const { return is_gru() ? layout_.gru_biases : layout_.biases; }
  GateOrder peephole_order() const { return {o_.coupled ? "io" : "ifo", layout_.peepholes, H()}; }
  /// Where n's rows of a GRU lie in ours.
  std::int64_t candidate() const { return 2 * H(); }
  bool needs_two(const Floats& recurrent) const {
    return is_gru() && o_.reset_after && !recurrent.empty() &&
           !all_zero({recurrent.begin() + candidate(), recurrent.end()});
  }
  Floats summed(const Floats& input, const Floats& recurrent) const;

  const nn::Recurrent& module_;
  const WeightLayout& layout_;
  const nn::RecurrentOptions& o_;
  const std::string suffix_;
  GateOrder weights_, vectors_;  // a layer norm's parts are turned round behind it, by its gamma
};

/// Of one of the shapes, axes of extent 1 in front aside.
Floats Exchange::values(const HostArray& array, const char* name, std::vector<Shape> shapes) const {
  if (array.words.empty()) fail(std::string("there is no ") + name + ", the module needs " + shapes[0].str());
  const auto& dims = array.shape.dims();
  const bool fits = std::any_of(shapes.begin(), shapes.end(), [&](const Shape& shape) {
    const auto extra = static_cast<std::ptrdiff_t>(dims.size()) - shape.rank();
    return extra >= 0 && std::all_of(dims.begin(), dims.begin() + extra, [](std::int64_t d) { return d == 1; }) &&
           std::equal(dims.begin() + extra, dims.end(), shape.dims().begin(), shape.dims().end());
  });
  if (!fits || array.dtype != DType::f32)
    fail(std::string(name) + " must be f32 " + shapes[0].str() + " for the module, got " + name_of(array.dtype) + " " +
         array.shape.str());
  return f32_values(array);
}

Floats Exchange::matrix(const HostArray& array, const char* name, std::int64_t columns) const {
  const std::int64_t rows = weights_.their_rows(), G = rows / H();
  const std::vector<Shape> shapes = layout_.transposed ? std::vector<Shape>{{columns, rows}, {columns, G, H()}}
                                                       : std::vector<Shape>{{rows, columns}, {G, H(), columns}};
  return weights_.ours_of(values(array, name, shapes), columns, layout_.transposed);
}

Floats Exchange::vector(const HostArray& array, const char* name) const {
  const std::int64_t rows = vectors_.their_rows();
  return vectors_.ours_of(values(array, name, {{rows}, {rows / H(), H()}}), 1, false);
}

Floats Exchange::peepholes(const HostArray& array) const {
  return peephole_order().ours_of(values(array, "peepholes", {{3 * H()}, {3, H()}}), 1, false);
}

Floats Exchange::summed(const Floats& input, const Floats& recurrent) const {
  Floats sum = input;
  for (std::size_t i = 0; i < recurrent.size(); ++i) sum[i] += recurrent[i];
  return sum;
}

/// Of W x and of U h in our order; the second is empty if the first has both, both are if there is none.
std::pair<Floats, Floats> Exchange::biases(const RecurrentWeights& from) const {
  const std::int64_t rows = vectors_.their_rows(), G = rows / H();
  const bool has_second = !from.recurrent_bias.words.empty();
  if (has_second && form() != Biases::separate) fail("there is a recurrent_bias, the layout keeps all in bias");
  if (from.bias.words.empty() != from.recurrent_bias.words.empty() && form() == Biases::separate)
    fail("there is one of bias and recurrent_bias, the layout has both");
  if (from.bias.words.empty()) return {};
  if (form() == Biases::single) return {vector(from.bias, "bias"), {}};
  if (form() == Biases::separate) return {vector(from.bias, "bias"), vector(from.recurrent_bias, "recurrent_bias")};
  const bool stacked = form() == Biases::stacked;
  const std::int64_t all = stacked ? 2 * rows : rows + H();
  const std::vector<Shape> shapes = stacked ? std::vector<Shape>{{2, rows}, {all}, {2, G, H()}}
                                            : std::vector<Shape>{{all}, {all / H(), H()}};
  const Floats both = values(from.bias, "bias", shapes);
  const Floats first(both.begin(), both.begin() + rows), rest(both.begin() + rows, both.end());
  Floats second;
  if (stacked) {
    second = vectors_.ours_of(rest, 1, false);
  } else {
    second.assign(static_cast<std::size_t>(rows), 0.0f);
    std::copy(rest.begin(), rest.end(), second.begin() + candidate());
  }
  return {vectors_.ours_of(first, 1, false), second};
}

/// bias_ih of a module that has one bias.
Floats Exchange::bias_of(std::pair<Floats, Floats> both) const {
  if (needs_two(both.second))
    fail("the module has Bias::single, but with reset_after n's two biases cannot be one: the second is not 0");
  return summed(both.first, both.second);
}

void Exchange::check_places(const RecurrentWeights& from) const {
  const auto place = [&](const HostArray& array, const char* name, bool has) {
    if (!array.words.empty() && !has) fail(std::string("there are ") + name + ", the module has no place for them");
  };
  place(from.peepholes, "peepholes", o_.peepholes);
  place(from.projection, "weights of a projection", o_.projection != 0);
  place(from.input_gamma, "gammas of a layer norm", o_.layer_norm);
  place(from.recurrent_gamma, "gammas of a layer norm", o_.layer_norm);
  place(from.cell_gamma, "gammas of the cell's layer norm", o_.layer_norm && is_lstm());
  place(from.cell_beta, "betas of the cell's layer norm", o_.layer_norm && is_lstm());
}

/// What each parameter of the module is made of.
std::map<std::string, std::function<Floats()>> Exchange::sources(const RecurrentWeights& from) const {
  auto both = biases(from);
  if (both.first.empty()) both.first.assign(static_cast<std::size_t>(vectors_.our_rows()), 0.0f);
  if (o_.bias == nn::Bias::none && !(all_zero(both.first) && all_zero(both.second)))
    fail("the weights have a bias, the module Bias::none");
  Floats first = o_.bias == nn::Bias::single ? bias_of(both) : both.first, second = both.second;
  second.resize(first.size(), 0.0f);
  const std::int64_t I = parameter("weight_ih")->shape()[1];
  return {{"weight_ih", [=, this, &from] { return matrix(from.input, "input", I); }},
          {"weight_hh", [this, &from] { return matrix(from.recurrent, "recurrent", P()); }},
          {"bias_ih", [first] { return first; }},
          {"bias_hh", [second] { return second; }},
          {"weight_ch", [this, &from] { return peepholes(from.peepholes); }},
          {"weight_hr",
           [this, &from] {
             const bool turned = layout_.transposed;
             const Floats theirs = values(from.projection, "projection", {turned ? Shape{H(), P()} : Shape{P(), H()}});
             return GateOrder("p", "p", P()).ours_of(theirs, H(), turned);
           }},
          {"gamma_ih", [this, &from] { return vector(from.input_gamma, "input_gamma"); }},
          {"gamma_hh", [this, &from] { return vector(from.recurrent_gamma, "recurrent_gamma"); }},
          {"gamma_h", [this, &from] { return values(from.cell_gamma, "cell_gamma", {{H()}}); }},
          {"beta_h", [this, &from] { return values(from.cell_beta, "cell_beta", {{H()}}); }}};
}

void Exchange::set(const RecurrentWeights& from) const {
  check_places(from);
  std::vector<std::pair<Parameter, Floats>> changes;
  for (const auto& [name, source] : sources(from)) {
    const Parameter* target = parameter(name);
    if (!target) continue;
    changes.emplace_back(*target, source());
    if (const auto where = not_finite(target->shape(), changes.back().second))
      fail("what becomes " + target->name() + " is not finite: " + *where);
  }
  for (auto& [target, floats] : changes) target.set(floats);
}

HostArray Exchange::matrix_of(const char* name, std::int64_t columns) const {
  const Floats theirs = weights_.theirs_of(parameter(name)->values(), columns, layout_.transposed);
  const std::int64_t rows = weights_.their_rows();
  return host_array(layout_.transposed ? Shape{columns, rows} : Shape{rows, columns}, theirs);
}

HostArray Exchange::vector_of(const Floats& ours) const {
  return host_array({vectors_.their_rows()}, vectors_.theirs_of(ours, 1, false));
}

void Exchange::put_biases(RecurrentWeights& to) const {
  if (o_.bias == nn::Bias::none) return;
  const Floats first = parameter("bias_ih")->values();
  const Floats second = o_.bias == nn::Bias::both ? parameter("bias_hh")->values() : Floats(first.size(), 0.0f);
  const std::int64_t rows = vectors_.their_rows();
  if (form() == Biases::separate) {
    to.bias = vector_of(first);
    to.recurrent_bias = vector_of(second);
  } else if (form() == Biases::stacked) {
    Floats both = vectors_.theirs_of(first, 1, false);
    const Floats rest = vectors_.theirs_of(second, 1, false);
    both.insert(both.end(), rest.begin(), rest.end());
    to.bias = host_array({2, rows}, both);
  } else if (form() == Biases::single) {
    if (needs_two(second))
      fail("the layout has one bias, but with reset_after n's two biases cannot be one: the module's second is not 0");
    to.bias = vector_of(summed(first, second));
  } else {
    Floats sums = summed(first, second);
    std::copy(first.begin() + candidate(), first.end(), sums.begin() + candidate());
    Floats theirs = vectors_.theirs_of(sums, 1, false);
    theirs.insert(theirs.end(), second.begin() + candidate(), second.end());
    to.bias = host_array({rows + H()}, theirs);
  }
}

RecurrentWeights Exchange::get() const {
  RecurrentWeights to;
  to.input = matrix_of("weight_ih", parameter("weight_ih")->shape()[1]);
  to.recurrent = matrix_of("weight_hh", P());
  put_biases(to);
  if (o_.peepholes)
    to.peepholes = host_array({3 * H()}, peephole_order().theirs_of(parameter("weight_ch")->values(), 1, false));
  if (o_.projection) {
    const Floats theirs = GateOrder("p", "p", P()).theirs_of(parameter("weight_hr")->values(), H(), layout_.transposed);
    to.projection = host_array(layout_.transposed ? Shape{H(), P()} : Shape{P(), H()}, theirs);
  }
  if (o_.layer_norm) {
    to.input_gamma = vector_of(parameter("gamma_ih")->values());
    to.recurrent_gamma = vector_of(parameter("gamma_hh")->values());
  }
  if (o_.layer_norm && is_lstm()) {
    to.cell_gamma = host_array({H()}, parameter("gamma_h")->values());
    to.cell_beta = host_array({H()}, parameter("beta_h")->values());
  }
  return to;
}

}  // namespace

void set_weights(const nn::Recurrent& module, const RecurrentWeights& weights, const WeightLayout& layout, int layer,
                 bool backward) {
  Exchange(module, layout, layer, backward).set(weights);
}

RecurrentWeights weights_of(const nn::Recurrent& module, const WeightLayout& layout, int layer, bool backward) {
  return Exchange(module, layout, layer, backward).get();
}

}  // namespace volute::io
