// Loops of layers as ONNX LSTM, GRU and RNN: weights in ONNX's gate order, both directions of a layer as one operator.
// See onnx_exporter.hpp and onnx_gates.hpp.
#include <algorithm>

#include "engine/interchange/onnx_exporter.hpp"
#include "engine/interchange/onnx_gates.hpp"

namespace volute::onnx {
namespace {

using Kind = nn::Cell::Kind;
using Function = nn::Activation::Function;

const char* operator_name(Kind kind) { return kind == Kind::lstm ? "LSTM" : kind == Kind::gru ? "GRU" : "RNN"; }

struct OnnxActivation {
  const char* name;
  std::vector<float> alpha = {}, beta = {};
};

OnnxActivation activation(Function function) {
  switch (function) {
    case Function::identity: return {"Affine", {1.0f}, {0.0f}};
    case Function::sigmoid: return {"Sigmoid"};
    case Function::relu: return {"Relu"};
    case Function::leaky_relu: return {"LeakyRelu", {0.01f}};
    case Function::elu: return {"Elu", {1.0f}};
    case Function::softplus: return {"Softplus"};
    case Function::softsign: return {"Softsign"};
    case Function::hard_sigmoid: return {"HardSigmoid", {1.0f / 6.0f}, {0.5f}};
    default: return {"Tanh"};
  }
}

std::vector<Function> functions_of(const RecurrentOperator& made) {
  if (made.kind == Kind::lstm) return {made.gate, made.candidate, made.output};
  if (made.kind == Kind::gru) return {made.gate, made.candidate};
  return {made.candidate};
}

std::int64_t hidden(const RecurrentOperator& made) { return made.outputs.dim(2); }

}  // namespace

std::vector<Exporter::Direction> Exporter::directions_of(const Scan* scan) const {
  const RecurrentOperator* made = scan->exported_as.get();
  const auto forward = operators_.find(made->forward.get());
  if (forward == operators_.end()) return {{scan, made}};
  return {{forward->second, made->forward.get()}, {scan, made}};
}

/// Rows of one weight, or values of one bias, in ONNX's gate order: [1, gates H, ...].
std::string Exporter::gates(const RecurrentOperator& from, const std::string& which, const std::vector<int>& order) {
  const std::int64_t H = hidden(from);
  const auto found = from.weights.find(which);
  const Node* node = found == from.weights.end() ? nullptr : found->second.node();
  std::vector<std::int64_t> dims = {1, static_cast<std::int64_t>(order.size()) * H};
  if (node && node->shape.rank() == 2) dims.push_back(node->shape[1]);
  const std::int64_t size = dims.size() == 3 ? H * dims[2] : H;
  if (node && node->op != Op::parameter) {  // computed: by the same operations as in the graph
    Names parts;
    for (const int gate : order) {
      const std::string zeros = gate < 0 ? writer_.add("Expand", {writer_.number(0, DType::f32), writer_.ints(
          dims.size() == 3 ? std::vector<std::int64_t>{H, dims[2]} : std::vector<std::int64_t>{H})}) : "";
      parts.push_back(gate < 0 ? zeros
                               : writer_.add("Slice", {name(node), writer_.ints({gate * H}),
                                                       writer_.ints({(gate + 1) * H}), writer_.ints({0})}));
    }
    return writer_.add("Unsqueeze", {writer_.concat(parts, 0), writer_.ints({0})});
  }
  std::vector<float> ordered;
  const std::vector<float> values = node ? finite_values(node) : std::vector<float>();
  for (const int gate : order)
    for (std::int64_t i = 0; i < size; ++i)
      ordered.push_back(gate < 0 || !node ? 0.0f : values[static_cast<std::size_t>(gate * size + i)]);
  const std::string named = writer_.fresh(std::string(operator_name(from.kind)) + "." + which);
  writer_.tensor(named, Shape(dims), ordered);
  return named;
}

std::string Exporter::weights(const std::vector<Direction>& directions, const std::string& which) {
  const RecurrentOperator& first = *directions[0].made;
  const GateOrders orders = gate_orders(first.kind, first.coupled);
  Names parts;
  for (const Direction& direction : directions)
    parts.push_back(gates(*direction.made, which, which == "weight_ch" ? orders.peepholes : orders.gates));
  return writer_.concat(parts, 0);
}

/// [D, 2 gates H]: those of the input, then those of the state. Empty if there are none.
std::string Exporter::biases(const std::vector<Direction>& directions) {
  const RecurrentOperator& first = *directions[0].made;
  if (!first.weights.contains("bias_ih")) return "";
  const GateOrders orders = gate_orders(first.kind, first.coupled);
  Names parts;
  for (const Direction& direction : directions)
    parts.push_back(writer_.concat({gates(*direction.made, "bias_ih", orders.gates),
                                    gates(*direction.made, "bias_hh", orders.gates)}, 1));
  return writer_.concat(parts, 0);
}

/// [D, N, H]. Empty if all are 0, as they are without it.
std::string Exporter::initial(const std::vector<Direction>& directions, std::size_t state) {
  Names parts;
  bool zero = true;
  for (const Direction& direction : directions)
    zero = zero && uniform_value(direction.made->start[state].node()) == 0.0;
  if (zero) return "";
  for (const Direction& direction : directions)
    parts.push_back(writer_.add("Unsqueeze", {name(direction.made->start[state].node()), writer_.ints({0})}));
  return writer_.concat(parts, 0);
}

void Exporter::set_attributes(::onnx::NodeProto& node, const RecurrentOperator& made, const std::string& direction) {
  set_attribute(node, "hidden_size", hidden(made));
  set_attribute(node, "direction", direction);
  Names names;
  std::vector<float> alpha, beta;
  for (int copy = 0; copy < (direction == "bidirectional" ? 2 : 1); ++copy)
    for (const Function function : functions_of(made)) {
      const OnnxActivation as = activation(function);
      names.push_back(as.name);
      alpha.insert(alpha.end(), as.alpha.begin(), as.alpha.end());
      beta.insert(beta.end(), as.beta.begin(), as.beta.end());
    }
  set_attribute(node, "activations", names);
  if (!alpha.empty()) set_attribute(node, "activation_alpha", alpha);
  if (!beta.empty()) set_attribute(node, "activation_beta", beta);
  if (made.clip) set_attribute(node, "clip", *made.clip);
  if (made.kind == Kind::gru) set_attribute(node, "linear_before_reset", std::int64_t{made.reset_after});
  if (made.coupled) set_attribute(node, "input_forget", std::int64_t{1});
}

/// Names the needed results of each direction: slices of result [.., D, ..] along `axis`.
void Exporter::name_results(const std::vector<Direction>& directions, const std::string& result, std::int64_t axis,
                            Op op, int index) {
  Names parts = {result};
  if (directions.size() == 2) {
    parts = {writer_.fresh("forward"), writer_.fresh("backward")};
    set_attribute(writer_.node("Split", {result}, parts), "axis", axis);
  }
  for (std::size_t d = 0; d < directions.size(); ++d)
    for (const Node* node : results_[directions[d].scan])
      if (node->op == op && (op == Op::stack || node->index == index))
        put(node, "Squeeze", {parts[d], writer_.ints({axis})});
}

void Exporter::write_operator(const Scan* scan) {
  const std::vector<Direction> directions = directions_of(scan);
  const RecurrentOperator& made = *scan->exported_as;
  // The forward one of two is written with the backward one, which comes after it.
  for (const auto& [other, its_scan] : operators_)
    if (other->forward.get() == &made) return;
  const std::string lengths =
      made.lengths ? writer_.cast(name(made.lengths.node()), ::onnx::TensorProto::INT32) : "";
  Names inputs = {name(made.x.node()), weights(directions, "weight_ih"), weights(directions, "weight_hh"),
                  biases(directions), lengths, initial(directions, 0)};
  if (made.kind == Kind::lstm) {
    inputs.push_back(initial(directions, 1));
    inputs.push_back(made.weights.contains("weight_ch") ? weights(directions, "weight_ch") : "");
  }
  while (inputs.back().empty()) inputs.pop_back();
  const std::string kind = operator_name(made.kind);
  Names outputs = {writer_.fresh(kind), writer_.fresh(kind + "_h")};
  if (made.kind == Kind::lstm) outputs.push_back(writer_.fresh(kind + "_c"));
  set_attributes(writer_.node(kind, inputs, outputs), made,
                 directions.size() == 2 ? "bidirectional" : scan->reverse ? "reverse" : "forward");
  name_results(directions, outputs[0], 1, Op::stack, 0);
  for (std::size_t state = 0; state + 1 < outputs.size(); ++state)
    name_results(directions, outputs[state + 1], 0, Op::last, static_cast<int>(state));
}

}  // namespace volute::onnx
