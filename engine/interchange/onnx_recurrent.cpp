// See onnx_recurrent.hpp. clip follows ONNX Runtime, which leaves out what LSTM's last activation is applied to.
#include "engine/interchange/onnx_recurrent.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "engine/interchange/onnx_builder.hpp"

namespace volute::onnx {
namespace {

using Kind = nn::Cell::Kind;
using nn::Activation;

/// An activation of a node with what its alpha and beta are unless given; NaN: it takes none.
struct Known {
  const char* name;
  float alpha, beta;
};

constexpr float none = std::numeric_limits<float>::quiet_NaN();
constexpr Known known[] = {{"tanh", none, none},      {"sigmoid", none, none},       {"relu", none, none},
                           {"softsign", none, none},  {"softplus", none, none},      {"leakyrelu", 0.01f, none},
                           {"elu", 1.0f, none},       {"thresholdedrelu", 1.0f, none}, {"hardsigmoid", 0.2f, 0.5f},
                           {"scaledtanh", 1.0f, 1.0f}, {"affine", 1.0f, 0.0f}};

Tensor scalar(Tensor like, float value) { return graph_of(like).full({}, value); }

/// Those Volute has by name are taken so: what is exported again stays an operator.
Activation made_of(const Known& f) {
  const std::string name = f.name;
  const float alpha = f.alpha, beta = f.beta;
  if (name == "tanh") return Activation::tanh;
  if (name == "sigmoid") return Activation::sigmoid;
  if (name == "relu") return Activation::relu;
  if (name == "softsign") return Activation::softsign;
  if (name == "softplus") return Activation::softplus;
  if (name == "leakyrelu" && alpha == 0.01f) return Activation::leaky_relu;
  if (name == "elu" && alpha == 1.0f) return Activation::elu;
  if (name == "affine" && alpha == 1.0f && beta == 0.0f) return Activation::identity;
  if (name == "hardsigmoid" && std::abs(alpha - 1.0f / 6.0f) < 1e-7f && beta == 0.5f) return Activation::hard_sigmoid;
  if (name == "affine") return [=](Tensor x) { return x * alpha + beta; };
  if (name == "scaledtanh") return [=](Tensor x) { return tanh(x * beta) * alpha; };
  if (name == "leakyrelu") return [=](Tensor x) { return where(less(x, scalar(x, 0.0f)), x * alpha, x); };
  if (name == "thresholdedrelu")
    return [=](Tensor x) { return where(less(scalar(x, alpha), x), x, scalar(x, 0.0f)); };
  if (name == "hardsigmoid")
    return [=](Tensor x) { return maximum(minimum(x * alpha + beta, scalar(x, 1.0f)), scalar(x, 0.0f)); };
  return [=](Tensor x) {
    Tensor zero = scalar(x, 0.0f);
    return where(less(x, zero), alpha * expm1(minimum(x, zero)), x);
  };
}

Activation clipped(Activation function, float bound) {
  return [=](Tensor x) { return function(maximum(minimum(x, scalar(x, bound)), scalar(x, -bound))); };
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::vector<float> floats(const NodeProto& node, const char* name) {
  const auto* found = find_attribute(node, name);
  if (!found) return {};
  return {found->floats().begin(), found->floats().end()};
}

/// The functions of all directions, one direction after the other.
std::vector<Known> functions_of(const NodeProto& node, std::vector<std::string> names) {
  const auto* given = find_attribute(node, "activations");
  if (given) names.assign(given->strings().begin(), given->strings().end());
  const std::vector<float> alphas = floats(node, "activation_alpha"), betas = floats(node, "activation_beta");
  std::size_t alpha = 0, beta = 0;
  std::vector<Known> made;
  for (const std::string& name : names) {
    const auto found = std::find_if(std::begin(known), std::end(known),
                                    [&](const Known& each) { return each.name == lower(name); });
    if (found == std::end(known))
      throw Unsupported(described(node) + ": the activation " + quoted(name) + " is not supported");
    made.push_back(*found);
    if (!std::isnan(found->alpha) && alpha < alphas.size()) made.back().alpha = alphas[alpha++];
    if (!std::isnan(found->beta) && beta < betas.size()) made.back().beta = betas[beta++];
  }
  return made;
}

bool same(const Known& a, const Known& b) {
  const auto equal = [](float x, float y) { return x == y || (std::isnan(x) && std::isnan(y)); };
  return a.name == std::string(b.name) && equal(a.alpha, b.alpha) && equal(a.beta, b.beta);
}

/// Those of one direction. Throws Unsupported if the other has different ones.
std::vector<Activation> activations_of(const NodeProto& node, Kind kind, int directions) {
  std::vector<std::string> usual = kind == Kind::lstm  ? std::vector<std::string>{"Sigmoid", "Tanh", "Tanh"}
                                   : kind == Kind::gru ? std::vector<std::string>{"Sigmoid", "Tanh"}
                                                       : std::vector<std::string>{"Tanh"};
  const std::size_t count = usual.size();
  if (directions == 2)
    for (std::size_t i = 0; i < count; ++i) usual.push_back(std::string(usual[i]));
  const std::vector<Known> functions = functions_of(node, usual);
  if (functions.size() != usual.size())
    throw BadFile(described(node) + ": needs " + std::to_string(usual.size()) + " activations, there are " +
                  std::to_string(functions.size()));
  std::vector<Activation> made;
  for (std::size_t i = 0; i < functions.size(); ++i) {
    if (i < count) made.push_back(made_of(functions[i]));
    else if (!same(functions[i], functions[i - count]))
      throw Unsupported(described(node) + ": activations that differ between the directions are not supported");
  }
  return made;
}

void set_activations(RecurrentNode& to, const NodeProto& node) {
  std::vector<Activation> functions = activations_of(node, to.kind, to.directions);
  if (find_attribute(node, "clip")) {
    const float clip = attribute(node, "clip", 0.0f);
    if (!(clip > 0.0f)) throw BadFile(described(node) + ": clip must be positive");
    if (to.kind != Kind::lstm) to.options.clip_inputs = nn::Bounds(clip);
    else
      for (const std::size_t i : {0, 1}) functions[i] = clipped(functions[i], clip);
  }
  to.options.activation = functions[to.kind == Kind::rnn ? 0 : 1];
  if (to.kind != Kind::rnn) to.options.gate_activation = functions[0];
  if (to.kind == Kind::lstm) to.options.output_activation = functions[2];
}

}  // namespace

RecurrentNode::RecurrentNode(const NodeProto& node) : where(described(node)) {
  kind = node.op_type() == "LSTM" ? Kind::lstm : node.op_type() == "GRU" ? Kind::gru : Kind::rnn;
  hidden = attribute(node, "hidden_size", std::int64_t{0});
  if (hidden <= 0 || hidden > max_parameter_elements) throw BadFile(where + ": hidden_size must be positive");
  const std::string direction = attribute(node, "direction", std::string("forward"));
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
    throw BadFile(where + ": the direction " + quoted(direction) + " is unknown");
  directions = direction == "bidirectional" ? 2 : 1;
  options.bidirectional = directions == 2;
  options.reverse = direction == "reverse";
  batch_first = attribute(node, "layout", std::int64_t{0}) != 0;
  options.coupled = kind == Kind::lstm && attribute(node, "input_forget", std::int64_t{0}) != 0;
  options.reset_after = kind != Kind::gru || attribute(node, "linear_before_reset", std::int64_t{0}) != 0;
  set_activations(*this, node);
}

std::vector<Shape> RecurrentNode::weight_shapes(std::int64_t inputs) const {
  const std::int64_t rows = gates() * hidden;
  return {{directions, rows, inputs}, {directions, rows, hidden}, {directions, 2 * rows}, {directions, 3 * hidden}};
}

std::unique_ptr<nn::Recurrent> RecurrentNode::layer(std::int64_t inputs, bool bias, bool peepholes) const {
  nn::RecurrentOptions o = options;
  o.bias = bias ? nn::Bias::both : nn::Bias::none;
  o.peepholes = peepholes;
  if (kind == Kind::lstm) return std::make_unique<nn::LSTM>(inputs, hidden, o);
  if (kind == Kind::gru) return std::make_unique<nn::GRU>(inputs, hidden, o);
  return std::make_unique<nn::RNN>(inputs, hidden, o);
}

std::vector<WeightPart> weight_parts(const RecurrentNode& node, int input) {
  const GateOrders orders = node.orders();
  const std::vector<int>& order = input == 7 ? orders.peepholes : orders.gates;
  const auto without = std::count(order.begin(), order.end(), -1);
  std::vector<std::int64_t> rows(order.size() - static_cast<std::size_t>(without));
  for (std::size_t block = 0; block < order.size(); ++block)
    if (order[block] >= 0) rows[static_cast<std::size_t>(order[block])] = static_cast<std::int64_t>(block);
  std::vector<WeightPart> parts;
  for (int d = 0; d < node.directions; ++d) {
    const std::string suffix = d ? "_l0_reverse" : "_l0";
    if (input == 1) parts.push_back({"weight_ih" + suffix, d, rows});
    if (input == 2) parts.push_back({"weight_hh" + suffix, d, rows});
    if (input == 7) parts.push_back({"weight_ch" + suffix, d, rows});
    if (input != 3) continue;
    parts.push_back({"bias_ih" + suffix, d, rows});
    for (std::int64_t& row : rows) row += node.gates();
    parts.push_back({"bias_hh" + suffix, d, rows});
    for (std::int64_t& row : rows) row -= node.gates();
  }
  return parts;
}

LayerParameters layer_parameters(const NodeProto& node, const std::vector<const Constant*>& weights,
                                 const std::string& prefix) {
  const RecurrentNode spec(node);
  if (weights[0]->shape.rank() != 3) throw BadFile(spec.where + ": W must have three axes");
  const std::vector<Shape> shapes = spec.weight_shapes(weights[0]->shape[2]);
  LayerParameters made;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!weights[i]) continue;
    const Constant& from = *weights[i];
    if (from.shape != shapes[i])
      throw BadFile(spec.where + ": W, R, B or P must be " + shapes[i].str() + ", is " + from.shape.str());
    if (!std::all_of(from.values.begin(), from.values.end(), [](double v) { return std::abs(v) <= FLT_MAX; }))
      throw BadFile(spec.where + ": a weight is not finite, or beyond f32");
    const std::int64_t columns = from.shape.rank() == 3 ? from.shape[2] : 1, block = spec.hidden * columns;
    for (const WeightPart& part : weight_parts(spec, i == 3 ? 7 : static_cast<int>(i) + 1)) {
      std::vector<float> values;
      for (const std::int64_t row : part.rows) {
        const auto first = from.values.begin() + part.direction * from.shape[1] * columns + row * block;
        values.insert(values.end(), first, first + block);
      }
      std::vector<std::int64_t> dims = {static_cast<std::int64_t>(part.rows.size()) * spec.hidden};
      if (from.shape.rank() == 3) dims.push_back(columns);
      made.emplace(part.name, Parameter(prefix + "." + part.name, Shape(dims), std::move(values)));
    }
  }
  return made;
}

}  // namespace volute::onnx
