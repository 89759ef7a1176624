// The public handles: Tensor, Parameter, Graph.
// Invariant: names of inputs and states are unique in a graph; a parameter has one node per graph.

#include <volute/graph.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_set>

#include "engine/graph/build.hpp"

namespace volute {

const Shape& Tensor::shape() const { return node_->shape; }
DType Tensor::dtype() const { return node_->dtype; }
std::int64_t Tensor::dim(int axis) const { return node_->shape[axis]; }

Parameter::Parameter(std::string name, Shape shape, std::vector<float> values)
    : data_(std::make_shared<ParameterData>()) {
  if (static_cast<std::int64_t>(values.size()) != shape.elements()) {
    throw InvalidGraph("parameter " + name + ": shape " + shape.str() + " needs " + std::to_string(shape.elements()) +
                       " values; got " + std::to_string(values.size()));
  }
  if (shape.rank() > max_rank || shape.elements() > max_parameter_elements) {
    throw InvalidGraph("parameter " + name + ": has at most " + std::to_string(max_rank) + " axes and " +
                       std::to_string(max_parameter_elements) + " elements; got " + shape.str());
  }
  data_->name = std::move(name);
  data_->shape = std::move(shape);
  data_->host = std::move(values);
}

const std::string& Parameter::name() const { return data_->name; }
const Shape& Parameter::shape() const { return data_->shape; }

std::vector<float> Parameter::values() const {
  data_->leave_lost_device();
  data_->require_values();
  if (data_->device) {
    data_->device->read(data_->host);
    data_->host_at = data_->changes;
  }
  return data_->host;
}

void Parameter::set(std::span<const float> values) {
  if (values.size() != data_->host.size()) {
    throw InvalidGraph("parameter " + data_->name + ": needs " + std::to_string(data_->host.size()) + " values; got " +
                       std::to_string(values.size()));
  }
  data_->leave_lost_device();
  if (data_->device) data_->device->write(values);
  data_->set_host(values);
}

void ParameterData::set_host(std::span<const float> values) {
  std::copy(values.begin(), values.end(), host.begin());
  ++sets;
  host_at = ++changes;
  lost = false;
}

void ParameterData::will_change(bool keeping) {
  ++changes;
  if (!keeping) kept.reset();
}

void ParameterData::leave_lost_device() {
  if (!device || !device->lost()) return;
  device.reset();
  device_owner = nullptr;
  if (changes_unseen || host_at != changes) {
    if (kept) std::memcpy(host.data(), kept->data(), kept->size() * sizeof(float));
    else lost = true;
  }
  changes_unseen = false;
  host_at = changes;
}

void ParameterData::require_values() const {
  if (lost)
    throw DeviceLost("the values of parameter \"" + name +
                     "\" were lost with their device; set them, or restore a snapshot or checkpoint");
}

namespace {

void check_extents(const std::string& what, const Shape& shape) {
  for (std::int64_t d : shape.dims())
    if (d <= 0) throw InvalidGraph(what + ": every extent must be positive; got " + shape.str());
}

Node named_node(Op op, const std::string& name, Shape shape, DType dtype, double value) {
  Node node;
  node.op = op;
  node.dtype = dtype;
  node.shape = std::move(shape);
  node.name = name;
  node.value = value;
  return node;
}

Tensor add_named(GraphData& graph, Node node) {
  const std::string what = std::string(name_of(node.op)) + " \"" + node.name + "\"";
  check_extents(what, node.shape);
  if (is_half(node.dtype))
    throw InvalidGraph(what + ": must be f32 or u32, got " + name_of(node.dtype) + "; Precision keeps products in 16 bits");
  if (graph.names.contains(node.name)) throw InvalidGraph(what + ": the graph already has that name");
  Node* added = graph.add(std::move(node));
  graph.names[added->name] = added;
  return Tensor(added);
}

}  // namespace

Graph::Graph(Mode mode) : data_(std::make_shared<GraphData>()) { data_->mode = mode; }

bool Graph::training() const { return data_->mode == Mode::training; }

Tensor Graph::input(const std::string& name, Shape shape, DType dtype) {
  return add_named(*data_, named_node(Op::input, name, std::move(shape), dtype, 0));
}

Tensor Graph::scalar(const std::string& name, float value) {
  Node node = named_node(Op::input, name, {}, DType::f32, value);
  node.has_default = true;
  return add_named(*data_, std::move(node));
}

Tensor Graph::parameter(const Parameter& parameter) {
  const auto known = data_->parameters.find(parameter.data().get());
  if (known != data_->parameters.end()) return Tensor(known->second);
  check_extents("parameter " + parameter.name(), parameter.shape());
  Node node = named_node(Op::parameter, parameter.name(), parameter.shape(), DType::f32, 0);
  node.parameter = parameter.data();
  Node* added = data_->add(std::move(node));
  data_->parameters[parameter.data().get()] = added;
  return Tensor(added);
}

Tensor Graph::state(const std::string& name, Shape shape, float initial, DType dtype) {
  if (dtype == DType::u32 && !(initial >= 0 && initial < 0x1p32f && initial == std::trunc(initial)))
    throw InvalidGraph("state \"" + name + "\": a u32 state begins with a whole number below 2^32; got " +
                       std::to_string(initial));
  return add_named(*data_, named_node(Op::state, name, std::move(shape), dtype, initial));
}

void Graph::carry(Tensor target, Tensor value) {
  const bool persistent = target && (target.node()->op == Op::state || target.node()->op == Op::parameter);
  if (!persistent || target.node()->graph != data_.get())
    invalid("carry", "the target must be a state or parameter of this graph", {target});
  if (!value || value.node()->graph != data_.get() || value.node()->scope)
    invalid("carry", "the value must be a tensor of this graph, outside of scan bodies", {value});
  if (value.shape() != target.shape() || value.dtype() != target.dtype())
    invalid("carry", "target and value must agree in shape and type", {target, value});
  for (const Update& update : data_->carried)
    if (update.target == target) invalid("carry", "\"" + target.node()->name + "\" is already carried", {target});
  data_->carried.push_back({target, value});
}

Tensor Graph::full(Shape shape, float value) {
  check_extents("full", shape);
  Node node;
  node.op = Op::constant;
  node.value = value;
  return broadcast_to(Tensor(data_->add(std::move(node))), std::move(shape));
}

Tensor Graph::full_u32(Shape shape, std::uint32_t value) {
  check_extents("full_u32", shape);
  Node node = named_node(Op::constant, "", {}, DType::u32, value);
  return broadcast_to(Tensor(data_->add(std::move(node))), std::move(shape));
}

Tensor Graph::iota(std::int64_t length) {
  check_extents("iota", {length});
  Node node = named_node(Op::iota, "", {length}, DType::u32, 0);
  return Tensor(data_->add(std::move(node)));
}

Tensor Graph::step() { return step_of(data_.get()); }

bool Graph::has(const std::string& name) const { return data_->names.contains(name); }

std::string label(Tensor tensor) { return tensor ? tensor.node()->name : std::string(); }

Graph graph_of(Tensor tensor) {
  require_tensors("graph_of", std::span<const Tensor>(&tensor, 1));
  return Graph(tensor.node()->graph->shared_from_this());
}

}  // namespace volute
