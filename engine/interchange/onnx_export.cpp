// onnx::save: inputs, outputs and the order of nodes. See onnx_exporter.hpp.
#include <algorithm>

#include "engine/interchange/onnx_exporter.hpp"
#include "engine/interchange/onnx_file.hpp"

namespace volute::onnx {
namespace {

constexpr std::int64_t opset = 17, ir_version = 8;

void check(const std::vector<Output>& outputs) {
  if (outputs.empty()) throw InvalidGraph("onnx::save: there is nothing to save; name at least one output");
  std::set<std::string> names;
  for (const auto& [name, value] : outputs) {
    if (!value) throw InvalidGraph("onnx::save: output " + quoted(name) + " is an empty tensor");
    if (name.empty() || !names.insert(name).second)
      throw InvalidGraph("onnx::save: output names must be different and not empty, got " + quoted(name));
    if (value.node()->graph != outputs[0].value.node()->graph)
      throw InvalidGraph("onnx::save: output " + quoted(name) + " is a tensor of another graph");
    if (value.node()->scope)
      throw InvalidGraph("onnx::save: output " + quoted(name) +
                         " is inside a scan body; return it as an output of the scan");
  }
  if (graph_of(outputs[0].value).training())
    throw InvalidGraph("onnx::save: the graph is one for training; build the model in Graph g(Mode::inference)");
}

}  // namespace

Exporter::Exporter(::onnx::GraphProto& graph, const std::vector<Output>& outputs, const SaveOptions& options)
    : writer_(graph), outputs_(outputs), options_(options), graph_(outputs[0].value.node()->graph) {}

void Exporter::run() {
  reach();
  std::vector<const Node*> order(needed_.begin(), needed_.end());
  std::sort(order.begin(), order.end(), [](const Node* a, const Node* b) { return a->id < b->id; });
  // Names of inputs and outputs are the user's, so they come first.
  for (const Node* node : order)
    if (node->op == Op::input || node->op == Op::state) write_input(node);
  for (const Output& output : outputs_) {
    if (writer_.fresh(output.name) != output.name)
      throw InvalidGraph("onnx::save: " + quoted(output.name) + " is the name of an input or state too");
    wanted_.try_emplace(output.value.node(), output.name);
  }
  for (const Node* node : order)
    if (!node->scope) write(node);
  write_outputs();
}

void Exporter::write_input(const Node* node) {
  if (counts_runs(*node)) refuse(node, "the number of runs is no input of a model");
  if (node->op == Op::input && node->has_default && node->dtype == DType::u32)
    refuse(node, "random numbers have no place in a model for inference");
  const std::string named = names_[node] = writer_.fresh(node->name);
  describe(*writer_.main().add_input(), named, node->dtype, node->shape);
  const float value = static_cast<float>(node->value);
  if (node->has_default) writer_.tensor(named, node->shape, std::span(&value, 1));
}

void Exporter::write_outputs() {
  const auto put = [&](const std::string& named, Tensor value) {
    const std::string from = name(value.node());
    if (from != named) writer_.add("Identity", {from}, named);
    describe(*writer_.main().add_output(), named, value.dtype(), value.shape());
  };
  for (const Output& output : outputs_) put(output.name, output.value);
  for (const Update& update : graph_->carried)
    if (needed_.contains(update.target.node())) put(writer_.fresh(label(update.target) + ".next"), update.value);
}

void Exporter::refuse(const Node* node, const std::string& why) const {
  const std::string named = node->name.empty() ? "" : " " + quoted(node->name);
  throw Unsupported("onnx::save: " + std::string(volute::name_of(node->op)) + named + " " + node->shape.str() + ": " +
                    why);
}

void save(const std::string& path, const std::vector<Output>& outputs, const SaveOptions& options) {
  check(outputs);
  ::onnx::ModelProto model;
  model.set_ir_version(ir_version);
  model.set_producer_name("volute");
  model.add_opset_import()->set_version(opset);
  model.mutable_graph()->set_name("volute");
  for (const auto& [key, value] : options.metadata) {
    auto* entry = model.add_metadata_props();
    entry->set_key(key);
    entry->set_value(value);
  }
  Exporter(*model.mutable_graph(), outputs, options).run();
  write_model(path, model);
}

}  // namespace volute::onnx
