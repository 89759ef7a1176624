// Single operations as ONNX nodes. See onnx_exporter.hpp.
#include <cmath>
#include <numeric>

#include "engine/interchange/onnx_exporter.hpp"

namespace volute::onnx {
namespace {

using ::onnx::TensorProto;

bool is_view(const Node* node) { return node->op == Op::broadcast || node->op == Op::transpose; }

/// Written when it is asked for. A view of a view is not, so that asking never goes deep.
bool waits(const Node* node) {
  return node->op == Op::constant || node->op == Op::parameter || (is_view(node) && !is_view(node->inputs[0]));
}

const Node* before_broadcast(const Node* node) { return node->op == Op::broadcast ? node->inputs[0] : node; }

/// Whether the inputs, without the broadcasts before them, broadcast to the shape of the node.
bool broadcasts_by_itself(const Node* node) {
  std::vector<std::int64_t> implied(static_cast<std::size_t>(node->shape.rank()), 1);
  for (const Node* input : node->inputs) {
    const Shape& shape = before_broadcast(input)->shape;
    for (int axis = 1; axis <= shape.rank(); ++axis)
      if (shape[-axis] != 1) implied[implied.size() - static_cast<std::size_t>(axis)] = shape[-axis];
  }
  return implied == node->shape.dims();
}

/// A matrix whose axes a transpose node swaps; else null.
const Node* untransposed(const Node* node) {
  return node->op == Op::transpose && node->shape.rank() == 2 ? node->inputs[0] : nullptr;
}

const char* pointwise_name(Op op) {
  switch (op) {
    case Op::neg: return "Neg";
    case Op::exp: return "Exp";
    case Op::log: return "Log";
    case Op::sqrt: return "Sqrt";
    case Op::abs: return "Abs";
    case Op::tanh: return "Tanh";
    case Op::sigmoid: return "Sigmoid";
    case Op::relu: return "Relu";
    case Op::add: return "Add";
    case Op::sub: return "Sub";
    case Op::mul: return "Mul";
    case Op::div: return "Div";
    case Op::maximum: return "Max";
    case Op::minimum: return "Min";
    default: return nullptr;
  }
}

}  // namespace

std::optional<double> uniform_value(const Node* node) {
  while (node->op == Op::broadcast || node->op == Op::reshape || node->op == Op::slice || node->op == Op::transpose)
    node = node->inputs[0];
  return node->op == Op::constant ? std::optional(node->value) : std::nullopt;
}

std::string Exporter::wanted(const Node* node, const std::string& hint) {
  const auto found = wanted_.find(node);
  return found == wanted_.end() ? writer_.fresh(hint) : found->second;
}

void Exporter::put(const Node* node, const std::string& op, const Names& inputs) {
  names_[node] = writer_.add(op, inputs, wanted(node, op));
}

std::string Exporter::name(const Node* node) {
  const auto known = names_.find(node);
  if (known != names_.end()) return known->second;
  // What waits is written where it belongs, also when a body asks.
  ::onnx::GraphProto* const here = node->scope ? nullptr : writer_.into(&writer_.main());
  if (truths_.contains(node)) names_[node] = writer_.cast(truths_.at(node), TensorProto::FLOAT);
  else if (node->op == Op::parameter) write_parameter(node);
  else if (node->op == Op::constant) names_[node] = writer_.number(node->value, node->dtype);
  else if (node->op == Op::broadcast) put(node, "Expand", {name(node->inputs[0]), writer_.ints(node->shape.dims())});
  else if (node->op == Op::transpose) names_[node] = writer_.transpose(name(node->inputs[0]), node->ints);
  else throw Unsupported(std::string("onnx::save: ") + volute::name_of(node->op) + " has no name yet");
  if (here) writer_.into(here);
  return names_.at(node);
}

Names Exporter::broadcast_names(const Node* node) {
  const bool implied = broadcasts_by_itself(node);
  Names names;
  for (const Node* input : node->inputs) names.push_back(name(implied ? before_broadcast(input) : input));
  return names;
}

void Exporter::write(const Node* node) {
  if (waits(node) || names_.contains(node)) return;
  if (node->op == Op::scan) {
    const RecurrentOperator* made = node->scan->exported_as.get();
    return made && operators_.contains(made) ? write_operator(node->scan) : write_scan(node->scan);
  }
  if (node->op == Op::stack || node->op == Op::last) return;  // named with their loop
  if (!write_leaf(node) && !write_pointwise(node) && !write_shape_op(node))
    refuse(node, "has no ONNX operator in models for inference");
}

std::vector<float> Exporter::finite_values(const Node* parameter) {
  std::vector<float> values = Parameter(parameter->parameter).values();
  for (const float value : values)
    if (!std::isfinite(value)) throw NotFinite("onnx::save: parameter " + quoted(parameter->name) + " is not finite");
  return values;
}

void Exporter::write_parameter(const Node* node) {
  names_[node] = writer_.fresh(node->name);
  writer_.tensor(names_[node], node->shape, finite_values(node));
}

bool Exporter::write_leaf(const Node* node) {
  if (node->op == Op::iota) {
    std::vector<std::int64_t> values(static_cast<std::size_t>(node->shape[0]));
    std::iota(values.begin(), values.end(), 0);
    names_[node] = writer_.ints(values);
    return true;
  }
  if (node->op == Op::stop_gradient || node->op == Op::sum_over_ranks || node->op == Op::copy) {
    names_[node] = name(node->inputs[0]);
    return true;
  }
  return false;
}

bool Exporter::write_pointwise(const Node* node) {
  const bool whole = node->dtype == DType::u32;
  if (const char* op = pointwise_name(node->op); op && !whole) {
    put(node, op, broadcast_names(node));
    return true;
  }
  switch (node->op) {
    case Op::expm1:
      put(node, "Sub", {writer_.add("Exp", {name(node->inputs[0])}), writer_.number(1, DType::f32)});
      return true;
    case Op::to_f32:
    case Op::to_u32:
      names_[node] = writer_.cast(name(node->inputs[0]), element_type(node->dtype));
      return true;
    case Op::less:
    case Op::equal:
      write_comparison(node);
      return true;
    case Op::where:
      write_where(node);
      return true;
    default:
      return false;
  }
}

/// The number is made of it when something asks for a number.
void Exporter::write_comparison(const Node* node) {
  truths_[node] = writer_.add(node->op == Op::less ? "Less" : "Equal", broadcast_names(node));
}

void Exporter::write_where(const Node* node) {
  const bool implied = broadcasts_by_itself(node);
  const Node* condition = implied ? before_broadcast(node->inputs[0]) : node->inputs[0];
  const auto input = [&](int i) { return name(implied ? before_broadcast(node->inputs[i]) : node->inputs[i]); };
  const std::string truth =
      truths_.contains(condition) ? truths_.at(condition) : writer_.cast(name(condition), TensorProto::BOOL);
  put(node, "Where", {truth, input(1), input(2)});
}

bool Exporter::write_shape_op(const Node* node) {
  switch (node->op) {
    case Op::reshape:
      put(node, "Reshape", {name(node->inputs[0]), writer_.ints(node->shape.dims())});
      return true;
    case Op::broadcast:
      put(node, "Expand", {name(node->inputs[0]), writer_.ints(node->shape.dims())});
      return true;
    case Op::transpose:
      names_[node] = writer_.transpose(name(node->inputs[0]), node->ints);
      return true;
    case Op::slice:
      write_slice(node);
      return true;
    case Op::concat: {
      Names parts;
      for (const Node* part : node->inputs) parts.push_back(name(part));
      names_[node] = writer_.concat(parts, node->ints[0]);
      return true;
    }
    case Op::sum:
    case Op::max:
      write_reduction(node);
      return true;
    case Op::matmul:
      write_matmul(node);
      return true;
    case Op::embedding: {
      put(node, "Gather", {name(node->inputs[0]), name(node->inputs[1])});
      return true;
    }
    default:
      return false;
  }
}

void Exporter::write_slice(const Node* node) {
  const std::int64_t axis = node->ints[0], begin = node->ints[1], end = node->ints[2];
  put(node, "Slice", {name(node->inputs[0]), writer_.ints({begin}), writer_.ints({end}), writer_.ints({axis})});
}

/// Axes are an input of ReduceSum and an attribute of ReduceMax in opset 17.
void Exporter::write_reduction(const Node* node) {
  const std::string output = wanted(node, node->op == Op::sum ? "ReduceSum" : "ReduceMax");
  const std::string input = name(node->inputs[0]);
  ::onnx::NodeProto& added = node->op == Op::sum
                                 ? writer_.node("ReduceSum", {input, writer_.ints(node->ints)}, {output})
                                 : writer_.node("ReduceMax", {input}, {output});
  if (node->op == Op::max) set_attribute(added, "axes", node->ints);
  set_attribute(added, "keepdims", std::int64_t{0});
  names_[node] = output;
}

void Exporter::write_matmul(const Node* node) {
  const Node *a = untransposed(node->inputs[0]), *b = untransposed(node->inputs[1]);
  if (node->shape.rank() != 2 || (!a && !b))
    return put(node, "MatMul", {name(node->inputs[0]), name(node->inputs[1])});
  const std::string output = wanted(node, "Gemm");
  const Names inputs = {name(a ? a : node->inputs[0]), name(b ? b : node->inputs[1])};
  ::onnx::NodeProto& added = writer_.node("Gemm", inputs, {output});
  if (a) set_attribute(added, "transA", std::int64_t{1});
  if (b) set_attribute(added, "transB", std::int64_t{1});
  names_[node] = output;
}

}  // namespace volute::onnx
