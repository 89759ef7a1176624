// Loops without an operator of their own as ONNX Scan. The body is a graph that reads what it needs of the outer one by
// name, as bodies do in Volute. See onnx_exporter.hpp.
#include <algorithm>

#include "engine/interchange/onnx_exporter.hpp"

namespace volute::onnx {
namespace {

/// Stacked body nodes, each once, in the order they were made.
std::vector<const Node*> stacked(const std::vector<const Node*>& results) {
  std::vector<const Node*> bodies;
  for (const Node* result : results)
    if (result->op == Op::stack) bodies.push_back(result->body);
  std::sort(bodies.begin(), bodies.end(), [](const Node* a, const Node* b) { return a->id < b->id; });
  bodies.erase(std::unique(bodies.begin(), bodies.end()), bodies.end());
  return bodies;
}

}  // namespace

void Exporter::write_body(const Scan* scan, ::onnx::GraphProto& body) {
  ::onnx::GraphProto* const outer = writer_.into(&body);
  body.set_name(writer_.fresh("body"));
  const auto add_input = [&](const Node* node, const char* hint) {
    names_[node] = writer_.fresh(hint);
    describe(*body.add_input(), names_[node], node->dtype, node->shape);
  };
  for (const Node* carry : scan->carries) add_input(carry, "state");
  for (const Node* element : scan->elements) add_input(element, "element");
  if (scan->elements.empty()) describe(*body.add_input(), writer_.fresh("step"), DType::f32, {});
  std::vector<const Node*> order;
  for (const Node* node : needed_)
    if (node->scope == scan && !names_.contains(node)) order.push_back(node);
  std::sort(order.begin(), order.end(), [](const Node* a, const Node* b) { return a->id < b->id; });
  for (const Node* node : order) write(node);
  // A result of its own for each, also for what only passes through.
  const auto add_output = [&](const Node* node, const char* hint) {
    const std::string result = writer_.add("Identity", {name(node)}, writer_.fresh(hint));
    describe(*body.add_output(), result, node->dtype, node->shape);
  };
  for (const Node* next : scan->next) add_output(next, "next");
  for (const Node* node : stacked(results_[scan])) add_output(node, "output");
  writer_.into(outer);
}

void Exporter::write_scan(const Scan* scan) {
  Names inputs, outputs;
  // Before the body: what is asked for there first is written here.
  for (const Node* carry : scan->carries) inputs.push_back(name(carry->inputs[0]));
  for (const Node* element : scan->elements) inputs.push_back(name(element->inputs[0]));
  if (scan->elements.empty()) {  // a Scan needs a sequence to count the steps by
    inputs.push_back(writer_.fresh("steps"));
    writer_.tensor(inputs.back(), {scan->length}, std::vector<float>(static_cast<std::size_t>(scan->length)));
  }
  ::onnx::GraphProto body;
  write_body(scan, body);
  const std::vector<const Node*> bodies = stacked(results_[scan]);
  for (std::size_t j = 0; j < scan->carries.size(); ++j) outputs.push_back(writer_.fresh("last"));
  for (std::size_t i = 0; i < bodies.size(); ++i) outputs.push_back(writer_.fresh("stacked"));
  for (const Node* result : results_[scan]) {
    const auto at = static_cast<std::size_t>(std::find(bodies.begin(), bodies.end(), result->body) - bodies.begin());
    names_[result] = result->op == Op::last ? outputs[static_cast<std::size_t>(result->index)]
                                            : outputs[scan->carries.size() + at];
  }
  ::onnx::NodeProto& node = writer_.node("Scan", inputs, outputs);
  const std::size_t sequences = std::max<std::size_t>(scan->elements.size(), 1);
  set_attribute(node, "num_scan_inputs", static_cast<std::int64_t>(sequences));
  if (scan->reverse) {
    set_attribute(node, "scan_input_directions", std::vector<std::int64_t>(sequences, 1));
    set_attribute(node, "scan_output_directions", std::vector<std::int64_t>(bodies.size(), 1));
  }
  auto* attribute = node.add_attribute();
  attribute->set_name("body");
  attribute->set_type(::onnx::AttributeProto::GRAPH);
  *attribute->mutable_g() = std::move(body);
}

}  // namespace volute::onnx
