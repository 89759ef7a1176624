// Exported models: accepted by ONNX's own checker and shape inference, of the expected operators, and imported again
// they say what the graph they came from says. With --models=DIR they are left there with what goes in and comes out,
// for tools/check_onnx.py, which holds ONNX Runtime against them.
#include <gmock/gmock.h>
#include <onnx/checker.h>
#include <onnx/shape_inference/implementation.h>

#include <nlohmann/json.hpp>

#include <volute/reference.hpp>

#include "engine/interchange/onnx_file.hpp"
#include "tests/interchange/export_cases.hpp"
#include "tests/support/arguments.hpp"
#include "tests/support/files.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

using testing::HasSubstr;

using Results = std::vector<std::vector<double>>;

Results evaluate(const Fed& fed, const std::vector<Tensor>& wanted) {
  Reference reference;
  for (const auto& [tensor, values] : fed) reference.set(tensor, values);
  return reference.evaluate(wanted);
}

std::vector<Tensor> tensors(const std::vector<std::pair<std::string, Tensor>>& named) {
  std::vector<Tensor> all;
  for (const auto& [name, tensor] : named) all.push_back(tensor);
  return all;
}

/// Throws what onnx throws of a model that is not right.
void check_with_onnx(const std::string& path) {
  ::onnx::ModelProto model = onnx::read_model(path);
  ::onnx::checker::check_model(model);
  const ::onnx::ShapeInferenceOptions strict(true, 1, true);
  ::onnx::shape_inference::InferShapes(model, ::onnx::OpSchemaRegistry::Instance(), strict);
}

int count_nodes(const std::string& path, const std::string& op) {
  int count = 0;
  const ::onnx::ModelProto model = onnx::read_model(path);
  for (const auto& node : model.graph().node()) count += node.op_type() == op;
  return count;
}

nlohmann::json described(const Tensor& tensor, const std::vector<double>& values) {
  return {{"shape", tensor.shape().dims()}, {"dtype", name_of(tensor.dtype())}, {"values", values}};
}

/// The model of a case, and if asked for what goes in and comes out of it.
void leave(const std::string& folder, const std::string& name, const BuiltCase& built, const Results& results) {
  onnx::save(folder + "/" + name + ".onnx", built.named());
  nlohmann::json json;
  for (const auto& [tensor, values] : built.fed) json["inputs"][label(tensor)] = described(tensor, values);
  for (std::size_t i = 0; i < results.size(); ++i)
    json["outputs"][built.outputs[i].first] = described(built.outputs[i].second, results[i]);
  std::ofstream(folder + "/" + name + ".json") << json;
}

/// What the imported model gives for the same inputs.
Results imported(const std::string& path, const Fed& fed, const std::vector<std::pair<std::string, Tensor>>& outputs) {
  const onnx::Model model = onnx::Model::load(path);
  Graph g(Mode::inference);
  std::map<std::string, Tensor> inputs;
  Fed again;
  for (const auto& [tensor, values] : fed) {
    inputs[label(tensor)] = g.input(label(tensor), tensor.shape(), tensor.dtype());
    again.emplace_back(inputs[label(tensor)], values);
  }
  const auto results = model(g, inputs);
  std::vector<Tensor> wanted;
  for (const auto& [name, tensor] : outputs) wanted.push_back(results.at(name));
  return evaluate(again, wanted);
}

std::string models_folder() {
  for (const std::string& argument : arguments())
    if (argument.starts_with("--models=")) return argument.substr(9);
  return "";
}

TEST(OnnxExport, CheckerAndShapeInferenceAcceptEveryCase) {
  const Folder folder;
  for (const ExportCase& each : export_cases()) {
    SCOPED_TRACE(each.name);
    const BuiltCase built(each);
    const std::string path = folder / "model.onnx";
    onnx::save(path, built.named());
    EXPECT_NO_THROW(check_with_onnx(path));
    EXPECT_EQ(count_nodes(path, each.expected), each.options.layers * (each.expected == "Scan" && each.options.bidirectional ? 2 : 1));
    if (!models_folder().empty())
      leave(models_folder(), each.name, built, evaluate(built.fed, tensors(built.outputs)));
  }
}

TEST(OnnxExport, WhatIsImportedAgainSaysTheSame) {
  const Folder folder;
  for (const ExportCase& each : export_cases()) {
    SCOPED_TRACE(each.name);
    const BuiltCase built(each);
    const std::string path = folder / "model.onnx";
    onnx::save(path, built.named());
    const Results expected = evaluate(built.fed, tensors(built.outputs));
    const Results got = imported(path, built.fed, built.outputs);
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_TRUE(close(got[i], expected[i], 1e-6, 1e-7)) << built.outputs[i].first;
  }
}

}  // namespace
}  // namespace volute::test
