// Checks and node construction shared by all operations; see build.hpp.

#include "engine/graph/build.hpp"

#include <algorithm>

namespace volute {

void invalid(const std::string& operation, const std::string& message, std::span<const Tensor> got) {
  std::string text = operation + ": " + message;
  for (std::size_t i = 0; i < got.size(); ++i) {
    text += i ? ", " : "; got ";
    text += got[i] ? got[i].shape().str() + " " + name_of(got[i].dtype()) : std::string("an empty tensor");
  }
  throw InvalidGraph(text);
}

void invalid(const std::string& operation, const std::string& message, std::initializer_list<Tensor> got) {
  invalid(operation, message, std::span<const Tensor>(got.begin(), got.size()));
}

void require_tensors(const char* operation, std::span<const Tensor> tensors) {
  for (const Tensor& t : tensors) {
    if (!t) invalid(operation, "an operand is an empty tensor", tensors);
    if (t.node()->graph != tensors[0].node()->graph) invalid(operation, "operands belong to different graphs", tensors);
  }
}

void require_f32(const char* operation, std::initializer_list<Tensor> tensors) {
  require_tensors(operation, std::span<const Tensor>(tensors.begin(), tensors.size()));
  for (const Tensor& t : tensors)
    if (t.dtype() == DType::u32) invalid(operation, "operands must be f32", tensors);
}

int checked_axis(const char* operation, Tensor tensor, int axis) {
  const int rank = tensor.rank();
  if (axis < -rank || axis >= rank) {
    invalid(operation, "axis " + std::to_string(axis) + " is outside rank " + std::to_string(rank), {tensor});
  }
  return axis < 0 ? axis + rank : axis;
}

Tensor add_node(Op op, std::vector<Tensor> inputs, Shape shape, DType dtype, NodeOptions options) {
  Node node;
  node.op = op;
  node.dtype = dtype;
  node.shape = std::move(shape);
  node.ints = std::move(options.ints);
  node.value = options.value;
  node.scope = options.scope;
  for (const Tensor& t : inputs) {
    Scan* scope = t.node()->scope;
    if (encloses(node.scope, scope)) {
      node.scope = scope;
    } else if (!encloses(scope, node.scope)) {
      invalid(name_of(op), "an operand belongs to the body of another scan", inputs);
    }
    node.inputs.push_back(t.node());
  }
  return Tensor(inputs.at(0).node()->graph->add(std::move(node)));
}

Tensor constant_like(Tensor like, double value) {
  Node node;
  node.op = Op::constant;
  node.value = value;
  return Tensor(like.node()->graph->add(std::move(node)));
}

Shape broadcast_shape(const char* operation, Tensor a, Tensor b) {
  const int rank = std::max(a.rank(), b.rank());
  std::vector<std::int64_t> dims(rank, 1);
  for (int i = 1; i <= rank; ++i) {
    const std::int64_t x = i <= a.rank() ? a.dim(-i) : 1;
    const std::int64_t y = i <= b.rank() ? b.dim(-i) : 1;
    if (x != y && x != 1 && y != 1) invalid(operation, "shapes do not broadcast", {a, b});
    dims[rank - i] = std::max(x, y);
  }
  return Shape(std::move(dims));
}

namespace {

Node named_leaf(Op op, const std::string& name) {
  Node node;
  node.op = op;
  node.dtype = DType::u32;
  node.name = name;
  return node;
}

/// The u32 scalar of that name, or null if there is none. Throws InvalidGraph if the name is another tensor's.
Node* counter(GraphData* graph, Op op, const char* name) {
  const auto found = graph->names.find(name);
  if (found == graph->names.end()) return nullptr;
  const Node* node = found->second;
  if (node->op != op || node->dtype != DType::u32 || node->shape.rank() != 0)
    invalid("random", std::string("\"") + name + "\" is the name of the " +
                          (op == Op::input ? "seed of random numbers" : "number of runs") + ", a u32 scalar",
            {Tensor(found->second)});
  return found->second;
}

}  // namespace

Tensor seed_of(GraphData* graph) {
  if (Node* known = counter(graph, Op::input, "seed")) return Tensor(known);
  Node* node = graph->add(named_leaf(Op::input, "seed"));
  node->has_default = true;
  graph->names["seed"] = node;
  return Tensor(node);
}

Tensor step_of(GraphData* graph) {
  if (Node* known = counter(graph, Op::state, "step")) return Tensor(known);
  const Tensor step(graph->add(named_leaf(Op::state, "step")));
  Node one = named_leaf(Op::constant, "");
  one.value = 1;
  const Tensor next = add_node(Op::add, {step, Tensor(graph->add(std::move(one)))}, {}, DType::u32);
  graph->carried.push_back({step, next});
  graph->names["step"] = step.node();
  return step;
}

}  // namespace volute
