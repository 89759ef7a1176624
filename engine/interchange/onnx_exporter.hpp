// A graph on its way to ONNX: which nodes are needed, which loops become operators, and the names of what is written.
// Invariant: nodes are written in the order they were made, which puts each after what it reads. What only changes how
// elements are read (broadcast, transpose) and constants are written when something asks for them, so that those that
// ONNX's operators imply are not written.
#pragma once

#include <unordered_map>
#include <unordered_set>

#include <volute/io.hpp>

#include "engine/graph/node.hpp"
#include "engine/interchange/onnx_operand.hpp"
#include "engine/interchange/onnx_writer.hpp"
#include "engine/nn/recurrent_operator.hpp"

namespace volute::onnx {

/// The value of a tensor whose elements are all one constant.
std::optional<double> uniform_value(const Node* node);

class Exporter {
 public:
  Exporter(::onnx::GraphProto& graph, const std::vector<Output>& outputs, const SaveOptions& options);
  void run();

 private:
  // What is needed: onnx_reach.cpp.
  void reach();
  void choose_operators(const std::unordered_set<const Node*>& reached);
  std::unordered_set<const Node*> reached_from(std::vector<const Node*> roots) const;
  void push_inputs(const Node* node, std::vector<const Node*>& pending) const;

  // Nodes: onnx_export.cpp, onnx_export_ops.cpp.
  void write_input(const Node* node);
  void write_outputs();
  void write(const Node* node);
  void write_parameter(const Node* node);
  /// Throws NotFinite naming the parameter.
  static std::vector<float> finite_values(const Node* parameter);
  bool write_leaf(const Node* node);
  bool write_pointwise(const Node* node);
  bool write_shape_op(const Node* node);
  void write_slice(const Node* node);
  void write_reduction(const Node* node);
  void write_comparison(const Node* node);
  void write_where(const Node* node);
  void write_matmul(const Node* node);
  /// The name of a value, written first if it was waiting to be asked for.
  std::string name(const Node* node);
  /// Of inputs that broadcast by themselves to the shape of `node`.
  Names broadcast_names(const Node* node);
  void put(const Node* node, const std::string& op, const Names& inputs);
  std::string wanted(const Node* node, const std::string& hint);
  [[noreturn]] void refuse(const Node* node, const std::string& why) const;

  // Time: onnx_export_scan.cpp, onnx_export_recurrent.cpp.
  struct Direction {
    const Scan* scan;
    const RecurrentOperator* made;
  };
  void write_scan(const Scan* scan);
  void write_body(const Scan* scan, ::onnx::GraphProto& body);
  void write_operator(const Scan* scan);
  std::vector<Direction> directions_of(const Scan* scan) const;
  std::string weights(const std::vector<Direction>& directions, const std::string& which);
  std::string biases(const std::vector<Direction>& directions);
  std::string initial(const std::vector<Direction>& directions, std::size_t state);
  std::string gates(const RecurrentOperator& from, const std::string& which, const std::vector<int>& order);
  void set_attributes(::onnx::NodeProto& node, const RecurrentOperator& made, const std::string& direction);
  void name_results(const std::vector<Direction>& directions, const std::string& result, std::int64_t axis, Op op,
                    int index);

  Writer writer_;
  const std::vector<Output>& outputs_;
  const SaveOptions& options_;
  const GraphData* graph_;
  std::unordered_set<const Node*> needed_;
  std::unordered_map<const Scan*, std::vector<const Node*>> results_;   ///< needed stack and last nodes
  std::unordered_map<const RecurrentOperator*, const Scan*> operators_;  ///< that are written as such
  std::unordered_map<const Node*, std::string> names_;
  std::unordered_map<const Node*, std::string> truths_;  ///< BOOL results of comparisons
  std::unordered_map<const Node*, std::string> wanted_;  ///< names of outputs
};

}  // namespace volute::onnx
