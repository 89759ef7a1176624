// See onnx_writer.hpp. Values are written as little-endian raw_data, as ONNX asks of them.
#include "engine/interchange/onnx_writer.hpp"

#include <bit>

namespace volute::onnx {

using ::onnx::AttributeProto;
using ::onnx::TensorProto;

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

::onnx::TensorProto_DataType element_type(DType dtype) {
  return dtype == DType::u32 ? TensorProto::INT64 : TensorProto::FLOAT;
}

void describe(::onnx::ValueInfoProto& info, const std::string& name, DType dtype, const Shape& shape) {
  info.set_name(name);
  auto* type = info.mutable_type()->mutable_tensor_type();
  type->set_elem_type(element_type(dtype));
  type->mutable_shape();
  for (const std::int64_t extent : shape.dims()) type->mutable_shape()->add_dim()->set_dim_value(extent);
}

namespace {

AttributeProto& attribute(::onnx::NodeProto& node, const char* name, ::onnx::AttributeProto_AttributeType type) {
  AttributeProto& added = *node.add_attribute();
  added.set_name(name);
  added.set_type(type);
  return added;
}

}  // namespace

void set_attribute(::onnx::NodeProto& node, const char* name, std::int64_t value) {
  attribute(node, name, AttributeProto::INT).set_i(value);
}

void set_attribute(::onnx::NodeProto& node, const char* name, float value) {
  attribute(node, name, AttributeProto::FLOAT).set_f(value);
}

void set_attribute(::onnx::NodeProto& node, const char* name, const std::string& value) {
  attribute(node, name, AttributeProto::STRING).set_s(value);
}

void set_attribute(::onnx::NodeProto& node, const char* name, const std::vector<std::int64_t>& values) {
  auto& added = attribute(node, name, AttributeProto::INTS);
  for (const std::int64_t value : values) added.add_ints(value);
}

void set_attribute(::onnx::NodeProto& node, const char* name, const std::vector<float>& values) {
  auto& added = attribute(node, name, AttributeProto::FLOATS);
  for (const float value : values) added.add_floats(value);
}

void set_attribute(::onnx::NodeProto& node, const char* name, const std::vector<std::string>& values) {
  auto& added = attribute(node, name, AttributeProto::STRINGS);
  for (const std::string& value : values) added.add_strings(value);
}

std::string Writer::fresh(const std::string& given) {
  const std::string hint = given.empty() ? "unnamed" : given;  // an empty name says that an input is left out
  if (taken_.insert(hint).second) return hint;
  for (int& number = next_.try_emplace(hint, 2).first->second;;) {
    const std::string name = hint + "_" + std::to_string(number++);
    if (taken_.insert(name).second) return name;
  }
}

::onnx::NodeProto& Writer::node(const std::string& op, const Names& inputs, const Names& outputs) {
  ::onnx::NodeProto& added = *graph_->add_node();
  added.set_op_type(op);
  for (const std::string& input : inputs) added.add_input(input);
  for (const std::string& output : outputs) added.add_output(output);
  for (const std::string& output : outputs)
    if (!output.empty() && added.name().empty()) added.set_name(op + "/" + output);
  return added;
}

std::string Writer::cast(const std::string& input, ::onnx::TensorProto_DataType to) {
  const std::string output = fresh("Cast");
  set_attribute(node("Cast", {input}, {output}), "to", static_cast<std::int64_t>(to));
  return output;
}

std::string Writer::transpose(const std::string& input, const std::vector<std::int64_t>& order) {
  const std::string output = fresh("Transpose");
  set_attribute(node("Transpose", {input}, {output}), "perm", order);
  return output;
}

std::string Writer::concat(const Names& parts, std::int64_t axis) {
  if (parts.size() == 1) return parts[0];
  const std::string output = fresh("Concat");
  set_attribute(node("Concat", parts, {output}), "axis", axis);
  return output;
}

std::string Writer::ints(const std::vector<std::int64_t>& values) {
  std::string& name = ints_[values];
  if (!name.empty()) return name;
  name = fresh("ints");
  tensor(name, {static_cast<std::int64_t>(values.size())}, std::span<const std::int64_t>(values));
  return name;
}

std::string Writer::number(double value, DType dtype) {
  std::string& name = numbers_[{std::bit_cast<std::uint64_t>(value), dtype}];
  if (!name.empty()) return name;
  name = fresh("number");
  const auto whole = static_cast<std::int64_t>(dtype == DType::u32 ? value : 0);
  const auto real = static_cast<float>(value);
  if (dtype == DType::u32) tensor(name, {}, std::span(&whole, 1));
  else tensor(name, {}, std::span(&real, 1));
  return name;
}

namespace {

template <class T>
void put(::onnx::TensorProto& tensor, const std::string& name, const Shape& shape, std::span<const T> values) {
  tensor.set_name(name);
  for (const std::int64_t extent : shape.dims()) tensor.add_dims(extent);
  tensor.set_raw_data(values.data(), values.size_bytes());
}

}  // namespace

void Writer::tensor(const std::string& name, const Shape& shape, std::span<const float> values) {
  TensorProto& added = *main_.add_initializer();
  added.set_data_type(TensorProto::FLOAT);
  put(added, name, shape, values);
}

void Writer::tensor(const std::string& name, const Shape& shape, std::span<const std::int64_t> values) {
  TensorProto& added = *main_.add_initializer();
  added.set_data_type(TensorProto::INT64);
  put(added, name, shape, values);
}

}  // namespace volute::onnx
