// An imported model on its way into a graph: operands by name, and the call of one node.
// Invariant: what depends on constants alone is computed once, on the host, with the same operators in a graph of its
// own; so axes and shapes are known however a file came to compute them.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <unordered_map>

#include <volute/reference.hpp>

#include "engine/interchange/onnx_operand.hpp"
#include "engine/interchange/onnx_recurrent.hpp"

namespace volute::onnx {

using ::onnx::NodeProto;

/// "LSTM (node "encoder")"
std::string described(const NodeProto& node);

/// Attributes with their defaults. Throw BadFile naming the node if one is of another type.
std::int64_t attribute(const NodeProto& node, const char* name, std::int64_t otherwise);
float attribute(const NodeProto& node, const char* name, float otherwise);
std::string attribute(const NodeProto& node, const char* name, const std::string& otherwise);
std::vector<std::int64_t> attribute(const NodeProto& node, const char* name,
                                    const std::vector<std::int64_t>& otherwise);
const ::onnx::AttributeProto* find_attribute(const NodeProto& node, const char* name);

class Builder;

/// One node with its operands.
class Call {
 public:
  Call(Builder& builder, const NodeProto& called, std::vector<Operand> operands)
      : node(called), inputs(std::move(operands)), builder_(builder) {}

  const NodeProto& node;
  const std::vector<Operand> inputs;

  Builder& builder() const { return builder_; }
  Graph graph() const;
  std::int64_t opset() const;
  std::size_t count() const { return inputs.size(); }
  bool has(std::size_t i) const { return i < inputs.size() && inputs[i]; }
  /// Throws BadFile if it was left out.
  const Operand& operand(std::size_t i) const;
  Tensor tensor(std::size_t i) const;
  /// f32: also of integers that are constants.
  Tensor real(std::size_t i) const;
  /// u32.
  Tensor indices(std::size_t i) const;
  /// Values known before a run. Throws Unsupported naming the node if they are not.
  std::vector<std::int64_t> integers(std::size_t i) const;
  double number(std::size_t i) const;
  /// An attribute in older opsets, an input in newer.
  std::vector<std::int64_t> axes(const char* name, std::size_t i) const;
  [[noreturn]] void refuse(const std::string& why) const;
  [[noreturn]] void broken(const std::string& why) const;
  int axis(std::int64_t value, int rank) const;

 private:
  void require_constant(std::size_t i) const;
  Builder& builder_;
};

using Results = std::vector<Operand>;

inline Operand real(Tensor tensor) { return {tensor, {}, Element::real}; }
/// Of the first operand's type: integers are only computed with where they are constants.
inline Operand like(const Call& c, Tensor tensor) { return {tensor, {}, c.operand(0).element}; }

struct Handler {
  Results (*run)(const Call&) = nullptr;
  bool folds = true;  ///< computed on the host if all operands are constants
};

using Handlers = std::map<std::string, Handler>;
/// Of the operators Volute has maths for, by their ONNX names.
const Handlers& handlers();
void add_pointwise(Handlers& to);
void add_shape_operators(Handlers& to);
void add_reductions(Handlers& to);
void add_recurrent(Handlers& to);

/// A model without its inputs and outputs: what its initializers became.
struct ModelParts {
  ::onnx::GraphProto graph;
  std::int64_t opset = 0;
  std::unordered_map<std::string, Operand> constants;
  std::unordered_map<std::string, Parameter> parameters;
  std::unordered_map<const NodeProto*, LayerParameters> layers;  ///< of recurrent nodes that share none
};

class Builder {
 public:
  Builder(const ModelParts& parts, Graph graph) : parts_(parts), graph_(std::move(graph)) {}
  /// A body in the graph of `outer`, whose names it sees.
  Builder(const Builder& outer, const ::onnx::GraphProto& body);

  void set(const std::string& name, Operand operand) { operands_[name] = std::move(operand); }
  /// Throws BadFile if there is none.
  Operand get(const std::string& name) const;
  void run(const ::onnx::GraphProto& graph);

  Tensor materialise(const Operand& operand, DType dtype);
  Graph graph() const { return graph_; }
  const ModelParts& parts() const { return parts_; }

 private:
  Results folded(const NodeProto& node, const Handler& handler, const std::vector<Operand>& inputs) const;
  void run(const NodeProto& node);

  const ModelParts& parts_;
  Graph graph_;
  const Builder* outer_ = nullptr;
  std::unordered_map<std::string, Operand> operands_;
  Reference* scratch_ = nullptr;  ///< of a graph made to compute constants
  int scratch_inputs_ = 0;
  std::int64_t constants_ = 0;  ///< values of all that were computed
};

}  // namespace volute::onnx
