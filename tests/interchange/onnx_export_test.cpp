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
#include "tests/interchange/export_models.hpp"
#include "tests/support/arguments.hpp"
#include "tests/support/device.hpp"
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

/// What a device gives for what is fed; there are no states.
Results on_device(const BuiltModel& built) {
  Program program = device().compile(built.graph, Targets(tensors(built.outputs)));
  std::vector<std::vector<float>> reals;
  std::vector<std::vector<std::uint32_t>> indices;
  reals.reserve(built.fed.size());
  indices.reserve(built.fed.size());
  std::vector<Feed> feeds;
  for (const auto& [tensor, values] : built.fed)
    if (tensor.dtype() == DType::u32) feeds.emplace_back(tensor, indices.emplace_back(values.begin(), values.end()));
    else feeds.emplace_back(tensor, reals.emplace_back(values.begin(), values.end()));
  program.run(feeds);
  Results results;
  for (const auto& [name, tensor] : built.outputs)
    results.push_back(tensor.dtype() == DType::u32 ? widen(program.read_u32(tensor)) : widen(program.read(tensor)));
  return results;
}

/// The model of a case, and what goes in and comes out of it.
void leave(const std::string& folder, const std::string& name, const BuiltModel& built) {
  const bool has_states = !built.graph.data()->carried.empty();
  const Results results = has_states ? evaluate(built.fed, tensors(built.outputs)) : on_device(built);
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
    const bool two = each.expected == "Scan" && each.options.bidirectional;  // an operator has both directions
    EXPECT_EQ(count_nodes(path, each.expected), each.options.layers * (two ? 2 : 1));
    if (!models_folder().empty()) leave(models_folder(), each.name, built);
  }
}

void expect_same_again(const std::string& path, const BuiltModel& built) {
  const Results expected = evaluate(built.fed, tensors(built.outputs));
  const Results got = imported(path, built.fed, built.outputs);
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_TRUE(close(got[i], expected[i], 1e-6, 1e-7)) << built.outputs[i].first;
}

TEST(OnnxExport, WhatIsImportedAgainSaysTheSame) {
  const Folder folder;
  for (const ExportCase& each : export_cases()) {
    SCOPED_TRACE(each.name);
    const BuiltCase built(each);
    onnx::save(folder / "model.onnx", built.named());
    expect_same_again(folder / "model.onnx", built);
  }
}

TEST(OnnxExport, WholeModelsAreAcceptedAndSayTheSameAgain) {
  const Folder folder;
  for (const auto& [name, build] : export_models()) {
    SCOPED_TRACE(name);
    manual_seed(9);
    BuiltModel built;
    build(built);
    const std::string path = folder / "model.onnx";
    onnx::save(path, built.named());
    EXPECT_NO_THROW(check_with_onnx(path));
    expect_same_again(path, built);
    if (!models_folder().empty()) leave(models_folder(), name, built);
  }
}

TEST(OnnxExport, TheSameGraphGivesTheSameBytes) {
  const Folder folder;
  for (const char* file : {"a.onnx", "b.onnx"}) {
    const BuiltCase built(export_cases().back());
    onnx::save(folder / file, built.named());
  }
  EXPECT_EQ(read_bytes(folder / "a.onnx"), read_bytes(folder / "b.onnx"));
}

TEST(OnnxExport, WithoutOperatorsEveryLoopIsAScan) {
  const Folder folder;
  const BuiltCase built(export_cases()[0]);
  onnx::save(folder / "model.onnx", built.named(), {.operators = false, .metadata = {{"made", "here"}}});
  EXPECT_EQ(count_nodes(folder / "model.onnx", "RNN"), 0);
  EXPECT_EQ(count_nodes(folder / "model.onnx", "Scan"), 1);
  EXPECT_EQ(onnx::Model::load(folder / "model.onnx").metadata().at("made"), "here");
  expect_same_again(folder / "model.onnx", built);
}

/// A carried state comes in by its name and goes out for the next run; a scalar keeps its value unless it is fed.
TEST(OnnxExport, StatesAndScalarsArePartsOfTheInterface) {
  const Folder folder;
  Graph g(Mode::inference);
  nn::GRU gru(3, 2);
  Tensor x = g.input("x", {4, 1, 3}), y = gru(x, g.carried()) * g.scalar("scale", 2.0f);
  onnx::save(folder / "model.onnx", {{"y", y}});
  const onnx::Model model = onnx::Model::load(folder / "model.onnx");
  std::map<std::string, bool> optional;
  for (const onnx::Value& value : model.inputs()) optional[value.name] = value.optional;
  EXPECT_EQ(optional, (std::map<std::string, bool>{{"x", false}, {"gru.h", false}, {"scale", true}}));
  std::set<std::string> outputs;
  for (const onnx::Value& value : model.outputs()) outputs.insert(value.name);
  EXPECT_EQ(outputs, (std::set<std::string>{"y", "gru.h.next"}));
}

/// A gate of every step is no result of ONNX's operator, so the loop is written whole.
TEST(OnnxExport, WhatAnOperatorDoesNotGiveMakesItAScan) {
  const Folder folder;
  Graph g(Mode::inference);
  nn::LSTM lstm(3, 2);
  const nn::RecurrentResult run = lstm.run(g.input("x", {4, 1, 3}));
  onnx::save(folder / "gates.onnx", {{"y", run.outputs}, {"forget", run.step("f")}});
  onnx::save(folder / "outputs.onnx", {{"y", run.outputs}});
  EXPECT_EQ(count_nodes(folder / "gates.onnx", "Scan"), 1);
  EXPECT_EQ(count_nodes(folder / "outputs.onnx", "LSTM"), 1);
}

}  // namespace
}  // namespace volute::test
