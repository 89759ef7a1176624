// Attributes of ONNX nodes. See onnx_builder.hpp.
#include "engine/interchange/onnx_builder.hpp"

namespace volute::onnx {
namespace {

using ::onnx::AttributeProto;

const AttributeProto* typed(const NodeProto& node, const char* name, AttributeProto::AttributeType type) {
  const AttributeProto* found = find_attribute(node, name);
  if (found && found->type() != type) throw BadFile(described(node) + ": the attribute " + name + " has a wrong type");
  return found;
}

}  // namespace

const AttributeProto* find_attribute(const NodeProto& node, const char* name) {
  for (const AttributeProto& each : node.attribute())
    if (each.name() == name) return &each;
  return nullptr;
}

std::int64_t attribute(const NodeProto& node, const char* name, std::int64_t otherwise) {
  const AttributeProto* found = typed(node, name, AttributeProto::INT);
  return found ? found->i() : otherwise;
}

float attribute(const NodeProto& node, const char* name, float otherwise) {
  const AttributeProto* found = typed(node, name, AttributeProto::FLOAT);
  return found ? found->f() : otherwise;
}

std::string attribute(const NodeProto& node, const char* name, const std::string& otherwise) {
  const AttributeProto* found = typed(node, name, AttributeProto::STRING);
  return found ? found->s() : otherwise;
}

std::vector<std::int64_t> attribute(const NodeProto& node, const char* name,
                                    const std::vector<std::int64_t>& otherwise) {
  const AttributeProto* found = typed(node, name, AttributeProto::INTS);
  return found ? std::vector<std::int64_t>(found->ints().begin(), found->ints().end()) : otherwise;
}

}  // namespace volute::onnx
