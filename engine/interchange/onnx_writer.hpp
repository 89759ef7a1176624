// A GraphProto being written: nodes, constants and names.
// Invariant: no name is given twice in a model, bodies of its scans included; constants are initializers of the model's
// own graph, equal ones only once.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <onnx/onnx_pb.h>

#include <volute/graph.hpp>

namespace volute::onnx {

using Names = std::vector<std::string>;

/// u32 is written as INT64, which every operator that takes indices knows.
::onnx::TensorProto_DataType element_type(DType dtype);
void describe(::onnx::ValueInfoProto& info, const std::string& name, DType dtype, const Shape& shape);

void set_attribute(::onnx::NodeProto& node, const char* name, std::int64_t value);
void set_attribute(::onnx::NodeProto& node, const char* name, float value);
void set_attribute(::onnx::NodeProto& node, const char* name, const std::string& value);
void set_attribute(::onnx::NodeProto& node, const char* name, const std::vector<std::int64_t>& values);
void set_attribute(::onnx::NodeProto& node, const char* name, const std::vector<float>& values);
void set_attribute(::onnx::NodeProto& node, const char* name, const std::vector<std::string>& values);

class Writer {
 public:
  explicit Writer(::onnx::GraphProto& main) : main_(main), graph_(&main) {}

  /// Where nodes are put from here on: the model's graph, or a body in it. Returns where they were put before.
  ::onnx::GraphProto* into(::onnx::GraphProto* graph) { return std::exchange(graph_, graph); }
  ::onnx::GraphProto& main() { return main_; }

  /// The name itself, or one like it that is free.
  std::string fresh(const std::string& given);
  ::onnx::NodeProto& node(const std::string& op, const Names& inputs, const Names& outputs);
  /// A node with one result; its name.
  std::string add(const std::string& op, const Names& inputs) { return add(op, inputs, fresh(op)); }
  std::string add(const std::string& op, const Names& inputs, const std::string& output) {
    node(op, inputs, {output});
    return output;
  }
  std::string cast(const std::string& input, ::onnx::TensorProto_DataType to);
  std::string transpose(const std::string& input, const std::vector<std::int64_t>& order);
  std::string concat(const Names& parts, std::int64_t axis);

  std::string ints(const std::vector<std::int64_t>& values);  ///< [n]
  std::string number(double value, DType dtype);              ///< a scalar
  void tensor(const std::string& name, const Shape& shape, std::span<const float> values);
  void tensor(const std::string& name, const Shape& shape, std::span<const std::int64_t> values);

 private:
  ::onnx::GraphProto& main_;
  ::onnx::GraphProto* graph_;
  std::set<std::string> taken_;
  std::map<std::string, int> next_;  ///< number of the next name like one that is taken
  std::map<std::vector<std::int64_t>, std::string> ints_;
  std::map<std::pair<std::uint64_t, DType>, std::string> numbers_;  ///< by bits
};

}  // namespace volute::onnx
