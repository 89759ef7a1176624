// onnx::Model: what a file must keep to, its parameters, and its place in a graph.
// Invariant: a model that was loaded has known operators alone, every name is written once and before it is read.
#include <algorithm>
#include <cmath>
#include <set>

#include <volute/io.hpp>

#include "engine/interchange/onnx_builder.hpp"
#include "engine/interchange/onnx_file.hpp"

namespace volute::onnx {
namespace {

using Scope = std::set<std::string>;

constexpr std::int64_t oldest_opset = 9, newest_opset = 21;

bool is_standard(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

std::int64_t opset_of(const ::onnx::ModelProto& model) {
  for (const auto& each : model.opset_import())
    if (is_standard(each.domain())) {
      if (each.version() < oldest_opset || each.version() > newest_opset)
        throw Unsupported("onnx: opset " + std::to_string(each.version()) + " is not supported; " +
                          std::to_string(oldest_opset) + " to " + std::to_string(newest_opset) + " are");
      return each.version();
    }
  if (model.opset_import_size() == 0) throw BadFile("onnx: the model names no opset");
  throw Unsupported("onnx: operators of the domain " + quoted(model.opset_import(0).domain()) + " are not supported");
}

void declare(Scope& scope, const std::string& name) {
  if (name.empty() || !scope.insert(name).second)
    throw BadFile("onnx: the name " + quoted(name) + " is empty or written twice");
}

/// Operators are known and names in order, in bodies too, which see the names of `outer`. Counts reads of each.
void check_graph(const ::onnx::GraphProto& graph, Scope scope, const Scope* outer, std::map<std::string, int>& reads) {
  const auto read = [&](const std::string& name) {
    if (!scope.contains(name) && !(outer && outer->contains(name)))
      throw BadFile("onnx: " + quoted(name) + " is read before it is written");
    ++reads[name];
  };
  if (outer) {
    for (const auto& input : graph.input()) declare(scope, input.name());
    for (const auto& tensor : graph.initializer()) declare(scope, tensor.name());
  }
  for (const NodeProto& node : graph.node()) {
    if (!is_standard(node.domain()) || !handlers().contains(node.op_type()))
      throw Unsupported(described(node) + ": the operator is not supported" +
                        (is_standard(node.domain()) ? "" : ", of domain " + io::printable(node.domain())));
    if (node.output_size() == 0) throw BadFile(described(node) + ": has no outputs");
    for (const std::string& name : node.input())
      if (!name.empty()) read(name);
    for (const auto& attribute : node.attribute())
      if (attribute.has_g()) {
        if (outer) throw Unsupported(described(node) + ": a body inside a body is not supported");
        check_graph(attribute.g(), {}, &scope, reads);
      }
    for (const std::string& name : node.output())
      if (!name.empty()) declare(scope, name);
  }
  for (const auto& output : graph.output()) read(output.name());
}

Value value_of(const ::onnx::ValueInfoProto& info) {
  const std::string where = "onnx: " + quoted(info.name());
  if (!info.type().has_tensor_type()) throw Unsupported(where + ": only tensors are supported");
  const auto& type = info.type().tensor_type();
  Value value;
  value.name = info.name();
  value.dtype = dtype_of(element_of(type.elem_type(), where));
  value.any_shape = !type.has_shape();
  if (type.shape().dim_size() > max_rank) throw BadFile(where + ": has too many axes");
  for (const auto& dim : type.shape().dim()) {
    if (dim.has_dim_value() && dim.dim_value() < 0) throw BadFile(where + ": has a negative extent");
    value.extents.push_back(dim.has_dim_value() ? dim.dim_value() : -1);
  }
  return value;
}

/// Trained on if it is f32 with axes and finite: scalars and masks are not.
bool is_parameter(const Operand& operand, bool is_float) {
  const Constant& constant = *operand.constant;
  return is_float && constant.shape.rank() > 0 && !constant.values.empty() &&
         std::all_of(constant.values.begin(), constant.values.end(), [](double v) { return std::isfinite(v); });
}

bool fits(const Value& value, const Shape& shape) {
  if (value.any_shape) return true;
  if (static_cast<int>(value.extents.size()) != shape.rank()) return false;
  for (int i = 0; i < shape.rank(); ++i) {
    const std::int64_t extent = value.extents[static_cast<std::size_t>(i)];
    if (extent != -1 && extent != shape[i]) return false;
  }
  return true;
}

std::string text_of(const Value& value) {
  if (value.any_shape) return std::string(name_of(value.dtype)) + " of any shape";
  std::string text = std::string(name_of(value.dtype)) + " [";
  for (std::size_t i = 0; i < value.extents.size(); ++i)
    text += (i ? ", " : "") + (value.extents[i] < 0 ? std::string("?") : std::to_string(value.extents[i]));
  return text + "]";
}

void check_input(const Value& value, Tensor given, const Graph& graph) {
  const bool right = given && graph_of(given).data() == graph.data() && given.dtype() == value.dtype;
  if (!right || !fits(value, given.shape()))
    throw InvalidGraph("onnx: the input " + quoted(value.name) + " must be " + text_of(value) + " of the graph" +
                       (given ? ", got " + std::string(name_of(given.dtype())) + " " + given.shape().str() : ""));
}

}  // namespace

struct Model::Data {
  ModelParts parts;
  std::vector<Value> inputs, outputs;
  std::vector<Element> input_elements;
  io::Metadata metadata;
  std::vector<Parameter> parameters;

  explicit Data(::onnx::ModelProto model) {
    parts.opset = opset_of(model);
    for (const auto& entry : model.metadata_props()) metadata[entry.key()] = entry.value();
    const bool lists_weights = model.ir_version() < 4;  // which had to name every initializer as an input
    parts.graph.Swap(model.mutable_graph());
    if (parts.graph.sparse_initializer_size()) throw Unsupported("onnx: sparse initializers are not supported");
    Scope scope = read_inputs(lists_weights);
    std::map<std::string, int> reads;
    check_graph(parts.graph, std::move(scope), nullptr, reads);
    for (const auto& output : parts.graph.output()) outputs.push_back(value_of(output));
    if (outputs.empty()) throw BadFile("onnx: the model has no outputs");
    make_layers(reads);
    make_parameters();
  }

  bool knows(const std::string& input) const {
    return std::any_of(inputs.begin(), inputs.end(), [&](const Value& value) { return value.name == input; });
  }

 private:
  Scope read_inputs(bool lists_weights) {
    Scope scope;
    for (const auto& tensor : parts.graph.initializer()) {
      declare(scope, tensor.name());
      parts.constants[tensor.name()] = read_tensor(tensor, "onnx: " + quoted(tensor.name()));
    }
    Scope declared;
    for (const auto& input : parts.graph.input()) {
      const bool optional = parts.constants.contains(input.name());
      declare(optional ? declared : scope, input.name());
      if (optional && lists_weights) continue;
      inputs.push_back(value_of(input));
      inputs.back().optional = optional;
      input_elements.push_back(element_of(input.type().tensor_type().elem_type(), ""));
    }
    return scope;
  }

  const Constant* floats(const NodeProto& node, int input) const {
    if (input >= node.input_size()) return nullptr;
    const auto found = parts.constants.find(node.input(input));
    return found == parts.constants.end() || found->second.element != Element::real ? nullptr
                                                                                     : found->second.constant.get();
  }

  /// Whether an initializer other than the node's own would be taken for one of its layer's.
  bool is_taken(const std::string& prefix, const NodeProto& node) const {
    return std::any_of(parts.constants.begin(), parts.constants.end(), [&](const auto& entry) {
      return entry.first.starts_with(prefix + ".") &&
             std::find(node.input().begin(), node.input().end(), entry.first) == node.input().end();
    });
  }

  /// Layers of nodes whose weights are initializers that nothing else reads and no input replaces.
  void make_layers(const std::map<std::string, int>& reads) {
    std::set<std::string> names, fed;
    for (const Value& input : inputs) fed.insert(input.name);
    for (const NodeProto& node : parts.graph.node()) {
      if (!is_recurrent(node)) continue;
      std::vector<const Constant*> weights;
      bool own = true;
      for (const int input : {1, 2, 3, 7}) {
        const bool there = input < node.input_size() && !node.input(input).empty();
        weights.push_back(there ? floats(node, input) : nullptr);
        if (there) own = own && weights.back() && reads.at(node.input(input)) == 1 && !fed.contains(node.input(input));
      }
      if (!own || !weights[0] || !weights[1]) {
        RecurrentNode checked(node);
        continue;
      }
      const std::string named = node.name().empty() ? node.op_type() : node.name();
      std::string prefix = named;
      for (int k = 2; is_taken(prefix, node) || !names.insert(prefix).second; ++k)
        prefix = named + std::to_string(k);
      const auto made = layer_parameters(node, weights, prefix);
      for (const auto& [name, parameter] : made) parameters.push_back(parameter);
      parts.layers.emplace(&node, made);
      for (const int input : {1, 2, 3, 7})
        if (input < node.input_size()) held_.insert(node.input(input));
    }
  }

  /// In the order of the file, before those of the layers.
  void make_parameters() {
    std::vector<Parameter> plain;
    for (auto& tensor : *parts.graph.mutable_initializer()) {
      const std::string& name = tensor.name();
      const Operand& operand = parts.constants.at(name);
      const bool is_float = tensor.data_type() == ::onnx::TensorProto::FLOAT;
      if (!held_.contains(name) && is_parameter(operand, is_float)) {
        const auto& values = operand.constant->values;
        plain.emplace_back(name, operand.constant->shape, std::vector<float>(values.begin(), values.end()));
        parts.parameters.emplace(name, plain.back());
        parts.constants.erase(name);
      } else if (held_.contains(name)) {
        parts.constants[name] = constant_operand(operand.constant->shape, {}, Element::real);
      }
    }
    parts.graph.clear_initializer();
    parameters.insert(parameters.begin(), plain.begin(), plain.end());
  }

  std::set<std::string> held_;  ///< initializers that layers hold
};

Model::Model(std::shared_ptr<const Data> data) : data_(std::move(data)) { parameters_ = data_->parameters; }

Model Model::load(const std::string& path) {
  try {
    return Model(std::make_shared<const Data>(read_model(path)));
  } catch (const InvalidGraph& error) {  // of a layer or parameter that cannot be
    throw BadFile(path + ": " + error.what());
  } catch (const Unsupported& error) {
    throw Unsupported(path + ": " + error.what());
  } catch (const BadFile& error) {
    const std::string text = error.what();
    throw BadFile(text.starts_with(path) ? text : path + ": " + text);
  }
}

const std::vector<Value>& Model::inputs() const { return data_->inputs; }
const std::vector<Value>& Model::outputs() const { return data_->outputs; }
const io::Metadata& Model::metadata() const { return data_->metadata; }

std::map<std::string, Tensor> Model::operator()(Graph graph, const std::map<std::string, Tensor>& inputs) const {
  for (const auto& [name, tensor] : inputs)
    if (!data_->knows(name)) throw InvalidGraph("onnx: the model has no input " + quoted(name));
  Builder builder(data_->parts, graph);
  for (std::size_t i = 0; i < data_->inputs.size(); ++i) {
    const Value& value = data_->inputs[i];
    const auto given = inputs.find(value.name);
    if (given != inputs.end()) {
      check_input(value, given->second, graph);
      builder.set(value.name, {given->second, {}, data_->input_elements[i]});
    } else if (!value.optional) {
      throw InvalidGraph("onnx: the input " + quoted(value.name) + ", " + text_of(value) + ", is missing");
    }
  }
  builder.run(data_->parts.graph);
  std::map<std::string, Tensor> results;
  for (const Value& output : data_->outputs) {
    const Operand result = builder.get(output.name);
    const bool whole = result.element == Element::integer || !result.tensor;
    results[output.name] = builder.materialise(result, whole ? dtype_of(result.element) : result.tensor.dtype());
  }
  return results;
}

}  // namespace volute::onnx
