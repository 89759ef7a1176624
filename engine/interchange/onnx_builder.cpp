// See onnx_builder.hpp.
#include "engine/interchange/onnx_builder.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <volute/io.hpp>

namespace volute::onnx {

std::string described(const NodeProto& node) {
  const std::string& name = node.name().empty() && node.output_size() ? node.output(0) : node.name();
  return "onnx: " + io::printable(node.op_type()) + " (node " + quoted(name) + ")";
}

Operand Builder::get(const std::string& name) const {
  for (const Builder* at = this; at; at = at->outer_) {
    const auto found = at->operands_.find(name);
    if (found != at->operands_.end()) return found->second;
  }
  const auto constant = parts_.constants.find(name);
  if (constant != parts_.constants.end()) return constant->second;
  const auto parameter = parts_.parameters.find(name);
  if (parameter == parts_.parameters.end()) throw BadFile("onnx: " + quoted(name) + " is read before it is written");
  Graph graph = graph_;
  return {graph.parameter(parameter->second), {}, Element::real};
}

Builder::Builder(const Builder& outer, const ::onnx::GraphProto& body)
    : parts_(outer.parts_), graph_(outer.graph_), outer_(&outer) {
  for (const auto& tensor : body.initializer())
    set(tensor.name(), read_tensor(tensor, "onnx: " + quoted(tensor.name())));
}

void Builder::run(const ::onnx::GraphProto& graph) {
  for (const NodeProto& node : graph.node()) run(node);
}

void Builder::run(const NodeProto& node) {
  std::vector<Operand> inputs;
  bool constant = true;
  std::int64_t elements = 0;
  for (const std::string& name : node.input()) {
    inputs.push_back(name.empty() ? Operand() : get(name));
    constant = constant && !inputs.back().tensor;
    if (inputs.back().constant) elements += inputs.back().shape().elements();
  }
  const Handler& handler = handlers().at(node.op_type());
  Results results;
  try {
    const bool folds = handler.folds && constant && !inputs.empty() && elements <= max_constant && !scratch_;
    results = folds ? folded(node, handler, inputs) : handler.run(Call(*this, node, std::move(inputs)));
  } catch (const InvalidGraph& error) {
    throw InvalidGraph(described(node) + ": " + error.what());
  }
  if (static_cast<std::size_t>(node.output_size()) > results.size())
    throw Unsupported(described(node) + ": its result " + std::to_string(results.size()) + " is not supported");
  for (const Operand& result : results)
    if (result.constant) constants_ += result.constant->shape.elements();
  if (constants_ > max_constants)
    throw BadFile(described(node) + ": the nodes up to here hold more than " + std::to_string(max_constants) +
                  " values of constants");
  for (int i = 0; i < node.output_size(); ++i)
    if (!node.output(i).empty()) set(node.output(i), results[static_cast<std::size_t>(i)]);
}

/// Runs the handler in a graph of its own, whose tensors the float64 reference evaluates.
Results Builder::folded(const NodeProto& node, const Handler& handler, const std::vector<Operand>& inputs) const {
  Reference reference;
  Builder scratch(parts_, Graph(Mode::inference));
  scratch.scratch_ = &reference;
  Results results = handler.run(Call(scratch, node, inputs));
  for (Operand& result : results) {
    if (!result.tensor) continue;
    if (result.shape().elements() > max_constant)
      throw Unsupported(described(node) + ": a constant of " + result.shape().str() + " is not supported");
    result = constant_operand(result.shape(), reference.evaluate({result.tensor})[0], result.element);
  }
  return results;
}

namespace {

bool is_uniform(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [&](double v) { return v == values[0]; });
}

bool counts_up(const Constant& constant) {
  if (constant.shape.rank() != 1) return false;
  for (std::size_t i = 0; i < constant.values.size(); ++i)
    if (constant.values[i] != static_cast<double>(i)) return false;
  return true;
}

/// A parameter nothing trains. It is saved with the program, so it is finite: infinities are put over it.
Tensor fixed(Graph graph, const Constant& constant) {
  const auto kept = [&](std::vector<float> values) {
    return stop_gradient(graph.parameter(Parameter("constant", constant.shape, std::move(values))));
  };
  std::vector<float> finite(constant.values.begin(), constant.values.end()), signs;  // of infinities; else 0
  for (float& value : finite) {
    if (std::isnan(value)) throw Unsupported("onnx: a constant that is no number is not supported");
    signs.push_back(std::isinf(value) ? std::copysign(1.0f, value) : 0.0f);
    if (std::isinf(value)) value = 0;
  }
  Tensor result = kept(std::move(finite));
  if (std::all_of(signs.begin(), signs.end(), [](float sign) { return sign == 0; })) return result;
  const Tensor which = kept(signs);
  for (const float sign : {1.0f, -1.0f})
    if (std::find(signs.begin(), signs.end(), sign) != signs.end())
      result = where(equal(which, graph.full(constant.shape, sign)),
                     graph.full(constant.shape, sign * std::numeric_limits<float>::infinity()), result);
  return result;
}

Tensor integers(Graph graph, const Constant& constant) {
  for (const double value : constant.values)
    if (!(value >= 0 && value <= 4294967295.0))
      throw Unsupported("onnx: the integer " + std::to_string(value) + " is not supported in a run; Volute has u32");
  if (is_uniform(constant.values))
    return graph.full_u32(constant.shape, static_cast<std::uint32_t>(constant.values[0]));
  if (counts_up(constant)) return graph.iota(constant.shape[0]);
  if (*std::max_element(constant.values.begin(), constant.values.end()) >= 0x1p24)
    throw Unsupported("onnx: different constant integers from 2^24 on are not supported in a run");
  return to_u32(fixed(graph, constant));
}

}  // namespace

Tensor Builder::materialise(const Operand& operand, DType dtype) {
  if (operand.tensor) {
    if (operand.tensor.dtype() == dtype) return operand.tensor;
    if (operand.element == Element::integer)  // one that was computed, or one to compute with
      return dtype == DType::f32 ? to_f32(operand.tensor) : to_u32(maximum(operand.tensor, graph_.full({}, 0.0f)));
    throw InvalidGraph("takes " + std::string(name_of(dtype)) + " here, got " + name_of(operand.tensor.dtype()) + " " +
                       operand.shape().str());
  }
  const Constant& constant = *operand.constant;
  if (constant.values.empty()) throw InvalidGraph("an operand is empty, " + constant.shape.str());
  if (scratch_) {
    const Tensor input = graph_.input("c" + std::to_string(scratch_inputs_++), constant.shape, dtype);
    scratch_->set(input, constant.values);
    return input;
  }
  if (dtype == DType::u32) return integers(graph_, constant);
  if (is_uniform(constant.values)) return graph_.full(constant.shape, static_cast<float>(constant.values[0]));
  return fixed(graph_, constant);
}

Graph Call::graph() const { return builder_.graph(); }
std::int64_t Call::opset() const { return builder_.parts().opset; }

const Operand& Call::operand(std::size_t i) const {
  if (!has(i)) broken("input " + std::to_string(i) + " is missing");
  return inputs[i];
}

Tensor Call::tensor(std::size_t i) const {
  const Operand& from = operand(i);
  return from.tensor ? from.tensor : builder_.materialise(from, DType::f32);
}

Tensor Call::real(std::size_t i) const {
  if (operand(i).tensor && operand(i).tensor.dtype() == DType::u32) refuse("of integers in a run is not supported");
  return builder_.materialise(operand(i), DType::f32);
}

Tensor Call::indices(std::size_t i) const { return builder_.materialise(operand(i), DType::u32); }

void Call::require_constant(std::size_t i) const {
  if (!operand(i).constant)
    refuse("input " + std::to_string(i) + " must be a constant; one that is fed or computed in a run is not supported");
}

std::vector<std::int64_t> Call::integers(std::size_t i) const {
  require_constant(i);
  std::vector<std::int64_t> values;
  for (const double value : operand(i).constant->values) {
    if (std::isnan(value)) broken("input " + std::to_string(i) + " is no number");
    values.push_back(static_cast<std::int64_t>(std::clamp(value, -0x1p62, 0x1p62)));
  }
  return values;
}

double Call::number(std::size_t i) const {
  require_constant(i);
  if (operand(i).constant->values.size() != 1) broken("input " + std::to_string(i) + " must be one number");
  return operand(i).constant->values[0];
}

std::vector<std::int64_t> Call::axes(const char* name, std::size_t i) const {
  return has(i) ? integers(i) : attribute(node, name, std::vector<std::int64_t>{});
}

void Call::refuse(const std::string& why) const { throw Unsupported(described(node) + ": " + why); }
void Call::broken(const std::string& why) const { throw BadFile(described(node) + ": " + why); }

int Call::axis(std::int64_t value, int rank) const {
  if (value < -rank || value >= rank)
    broken("axis " + std::to_string(value) + " is outside rank " + std::to_string(rank));
  return static_cast<int>(value < 0 ? value + rank : value);
}

const Handlers& handlers() {
  static const Handlers all = [] {
    Handlers made;
    add_pointwise(made);
    add_shape_operators(made);
    add_reductions(made);
    add_recurrent(made);
    return made;
  }();
  return all;
}

}  // namespace volute::onnx
