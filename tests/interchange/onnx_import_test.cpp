// Imported models: those PyTorch exported give what PyTorch gives, on a device too, can be trained on and exported
// again; what is wrong or unknown is refused by name.
#include <gmock/gmock.h>

#include <volute/reference.hpp>
#include <volute/volute.hpp>

#include "engine/interchange/onnx_file.hpp"
#include "tests/support/device.hpp"
#include "tests/support/files.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::string golden_path(const std::string& name) {
  return std::string(VOLUTE_SOURCE_DIR) + "/tests/golden/data/onnx/" + name + ".onnx";
}

/// A golden model in a graph for inference, with its inputs' values.
struct Imported {
  onnx::Model model;
  Golden golden;
  Graph g{Mode::inference};
  std::map<std::string, Tensor> inputs, outputs;

  explicit Imported(const std::string& name) : model(onnx::Model::load(golden_path(name))), golden("onnx/" + name) {
    for (const onnx::Value& value : model.inputs())
      inputs[value.name] = g.input(value.name, golden.shape(value.name), value.dtype);
    outputs = model(g, inputs);
  }
};

class OnnxGolden : public testing::TestWithParam<std::string> {
 protected:
  static void expect_close(double relative, double absolute) {
    Imported imported(GetParam());
    Reference reference;
    for (const auto& [name, tensor] : imported.inputs) reference.set(tensor, imported.golden.values(name));
    for (const std::string& name : imported.golden.setting<std::vector<std::string>>("outputs")) {
      const Tensor got = imported.outputs.at(name);
      EXPECT_EQ(got.shape(), imported.golden.shape(name)) << name;
      EXPECT_TRUE(close(reference.evaluate({got})[0], imported.golden.values(name), relative, absolute)) << name;
    }
  }
};

TEST_P(OnnxGolden, GivesWhatPyTorchGives) { expect_close(1e-6, 1e-7); }

INSTANTIATE_TEST_SUITE_P(Models, OnnxGolden, testing::Values("tagger", "packed", "stateful", "attending"));

/// In f32.
class OnnxRuntimeGolden : public OnnxGolden {};
TEST_P(OnnxRuntimeGolden, GivesWhatOnnxRuntimeGives) { expect_close(1e-5, 1e-6); }

INSTANTIATE_TEST_SUITE_P(Operators, OnnxRuntimeGolden, testing::Values("lstm_clip", "lstm_coupled", "lstm_activations",
                                                                       "gru_clip", "rnn_threshold"));

TEST(OnnxImport, GivesTheSameOnADevice) {
  Imported imported("packed");
  Program program = device().compile(imported.g, {imported.outputs.at("outputs"), imported.outputs.at("classes")});
  const auto lengths = imported.golden.values<std::uint32_t>("lengths");
  const auto x = imported.golden.values<float>("x");
  program.run({{imported.inputs.at("x"), x}, {imported.inputs.at("lengths"), lengths}});
  for (const char* name : {"outputs", "classes"})
    EXPECT_TRUE(close(program.read(imported.outputs.at(name)), imported.golden.values(name), 1e-5, 1e-6)) << name;
}

TEST(OnnxImport, ListsWhatTheFileHas) {
  const onnx::Model model = onnx::Model::load(golden_path("tagger"));
  ASSERT_EQ(model.inputs().size(), 1u);
  EXPECT_EQ(model.inputs()[0].name, "words");
  EXPECT_EQ(model.inputs()[0].dtype, DType::u32);
  EXPECT_EQ(model.inputs()[0].extents, (std::vector<std::int64_t>{-1, -1}));
  EXPECT_EQ(model.outputs()[0].name, "tags");
  std::map<std::string, Shape> shapes;
  for (const Parameter& parameter : model.parameters()) shapes.emplace(parameter.name(), parameter.shape());
  EXPECT_EQ(shapes.at("embed.weight"), (Shape{11, 5}));
  EXPECT_EQ(shapes.at("/lstm/LSTM_1.weight_hh_l0_reverse"), (Shape{16, 4})) << "of a layer, in PyTorch's order";
  EXPECT_EQ(shapes.size(), model.parameters().size()) << "names are different";
}

/// Cross-entropy of the tags of the golden words.
struct Training {
  const onnx::Model& model;
  Graph g{Mode::training};
  Tensor words = g.input("words", {3, 6}, DType::u32), tags = g.input("tags", {3, 6}, DType::u32);
  Tensor loss = nll_loss(model(g, {{"words", words}}).at("tags"), tags);
};

TEST(OnnxImport, IsTrainedOnAndExportedAgain) {
  const onnx::Model model = onnx::Model::load(golden_path("tagger"));
  Training training{model};
  Program program = device().compile(training.g, minimize(training.loss, Adam{.lr = 2e-2f}));
  const auto words = Golden("onnx/tagger").values<std::uint32_t>("words");
  std::vector<std::uint32_t> tags;
  for (const std::uint32_t word : words) tags.push_back(word % 3);
  const auto step = [&] { program.run({{training.words, words}, {training.tags, tags}}); };
  step();
  const float first = program.value(training.loss);
  for (int i = 0; i < 60; ++i) step();
  EXPECT_LT(program.value(training.loss), 0.5f * first);

  const Folder folder;
  const auto results = [&](const onnx::Model& of, const std::string& save_as) {
    Graph g(Mode::inference);
    Tensor x = g.input("words", {3, 6}, DType::u32), y = of(g, {{"words", x}}).at("tags");
    if (!save_as.empty()) onnx::save(save_as, {{"tags", y}});
    Reference reference;
    reference.set(x, {words.begin(), words.end()});
    return reference.evaluate({y})[0];
  };
  const auto trained = results(model, folder / "trained.onnx");
  const ::onnx::ModelProto written = onnx::read_model(folder / "trained.onnx");
  int layers = 0;
  for (const auto& node : written.graph().node()) layers += node.op_type() == "LSTM";
  EXPECT_EQ(layers, 2);
  EXPECT_TRUE(close(results(onnx::Model::load(folder / "trained.onnx"), ""), trained, 1e-6, 1e-7));
}

TEST(OnnxImport, SavesAndLoadsItsParametersAsAModule) {
  const Folder folder;
  const onnx::Model model = onnx::Model::load(golden_path("tagger")), other = onnx::Model::load(golden_path("tagger"));
  for (Parameter parameter : model.parameters())
    parameter.set(std::vector<float>(static_cast<std::size_t>(parameter.shape().elements()), 0.5f));
  io::save(folder / "tagger.safetensors", {{"tagger", model}});
  io::load(folder / "tagger.safetensors", {{"tagger", other}});
  for (const Parameter& parameter : other.parameters()) EXPECT_EQ(parameter.values()[0], 0.5f) << parameter.name();
}

/// A change to the tagger's file.
using Change = std::function<void(::onnx::ModelProto&)>;

void load_changed(const Change& change) {
  const Folder folder;
  ::onnx::ModelProto model = onnx::read_model(golden_path("tagger"));
  change(model);
  onnx::write_model(folder / "changed.onnx", model);
  const onnx::Model loaded = onnx::Model::load(folder / "changed.onnx");
  Graph g(Mode::inference);
  loaded(g, {{"words", g.input("words", {3, 6}, DType::u32)}});
}

::onnx::NodeProto& lstm_of(::onnx::ModelProto& model) {
  for (auto& node : *model.mutable_graph()->mutable_node())
    if (node.op_type() == "LSTM") return node;
  throw std::runtime_error("there is no LSTM");
}

TEST(OnnxImport, RefusesByNameWhatItHasNoMathsFor) {
  const auto refused = [](const Change& change, const std::string& message) {
    EXPECT_THAT([&] { load_changed(change); }, ThrowsMessage<Unsupported>(HasSubstr(message)));
  };
  refused([](auto& m) { m.mutable_graph()->mutable_node(0)->set_op_type("Conv"); }, "Conv (node \"/embed/Gather\")");
  refused([](auto& m) { m.mutable_graph()->mutable_node(0)->set_domain("com.example"); }, "of domain com.example");
  refused([](auto& m) { m.mutable_opset_import(0)->set_version(8); }, "opset 8 is not supported");
  refused([](auto& m) { m.mutable_graph()->mutable_initializer(0)->set_data_type(::onnx::TensorProto::FLOAT16); },
          "the type FLOAT16 is not supported");
  refused([](auto& m) { m.mutable_graph()->mutable_initializer(0)->set_data_location(::onnx::TensorProto::EXTERNAL); },
          "in another file");
  refused([](auto& m) {
    auto& attribute = *lstm_of(m).add_attribute();
    attribute.set_name("activations");
    attribute.set_type(::onnx::AttributeProto::STRINGS);
    for (const char* name : {"Sigmoid", "Tanh", "Tanh", "Sigmoid", "Tanh", "Cosh"}) attribute.add_strings(name);
  }, "the activation \"Cosh\" is not supported");
}

TEST(OnnxImport, RefusesFilesThatAreWrong) {
  const auto refused = [](const Change& change, const std::string& message) {
    EXPECT_THAT([&] { load_changed(change); }, ThrowsMessage<BadFile>(HasSubstr(message)));
  };
  refused([](auto& m) { m.clear_opset_import(); }, "names no opset");
  refused([](auto& m) { m.mutable_graph()->clear_output(); }, "no outputs");
  refused([](auto& m) { m.mutable_graph()->mutable_node(0)->set_input(0, "nothing"); }, "\"nothing\" is read before");
  refused([](auto& m) { m.mutable_graph()->mutable_node(1)->set_output(0, m.graph().node(0).output(0)); },
          "written twice");
  refused([](auto& m) { m.mutable_graph()->mutable_initializer(0)->mutable_raw_data()->pop_back(); }, "cut off");
  refused([](auto& m) { m.mutable_graph()->mutable_initializer(0)->set_dims(0, 12); }, "needs 60 values, there are 55");
  refused([](auto& m) { m.mutable_graph()->mutable_initializer(0)->set_dims(0, -1); }, "negative extent");
  refused([](auto& m) { m.mutable_graph()->add_node()->set_op_type("Split"); }, "): has no outputs");
  refused([](auto& m) {
    auto& weights = *m.mutable_graph()->mutable_initializer();
    for (auto& tensor : weights)
      if (tensor.name() == lstm_of(m).input(1)) tensor.mutable_raw_data()->replace(0, 4, "\xff\xff\xff\x7f");  // NaN
  }, "a weight is not finite");
  refused([](auto& m) {
    for (auto& attribute : *lstm_of(m).mutable_attribute())
      if (attribute.name() == "hidden_size") attribute.set_i(1 << 29);
  }, "must be [2, 2147483648, 5]");
}

TEST(OnnxImport, ConstantsOfASmallFileHaveALimit) {
  const auto many = [](::onnx::ModelProto& model) {
    ::onnx::GraphProto& graph = *model.mutable_graph();
    ::onnx::TensorProto& shape = *graph.add_initializer();
    shape.set_name("a million");
    shape.set_data_type(::onnx::TensorProto::INT64);
    shape.add_dims(1);
    shape.add_int64_data(1 << 20);
    for (int i = 0; i < 40; ++i) {
      ::onnx::NodeProto& node = *graph.add_node();
      node.set_op_type("ConstantOfShape");
      node.add_input("a million");
      node.add_output("constant" + std::to_string(i));
    }
  };
  EXPECT_THAT([&] { load_changed(many); }, ThrowsMessage<BadFile>(HasSubstr("values of constants")));
}

TEST(OnnxImport, RefusesInputsThatDoNotFit) {
  const onnx::Model model = onnx::Model::load(golden_path("tagger"));
  const auto refused = [&](const std::map<std::string, Tensor>& inputs, Graph& g, const std::string& message) {
    EXPECT_THAT([&] { model(g, inputs); }, ThrowsMessage<InvalidGraph>(HasSubstr(message)));
  };
  Graph g(Mode::inference), other(Mode::inference);
  Tensor words = g.input("words", {3, 6}, DType::u32);
  refused({}, g, "\"words\", u32 [?, ?], is missing");
  refused({{"words", g.input("flat", {3}, DType::u32)}}, g, "must be u32 [?, ?] of the graph, got u32 [3]");
  refused({{"words", g.input("real", {3, 6})}}, g, "got f32 [3, 6]");
  refused({{"words", words}, {"more", words}}, g, "no input \"more\"");
  refused({{"words", words}}, other, "of the graph");
}

TEST(OnnxSave, RefusesByNameWhatHasNoPlaceInAModel) {
  const Folder folder;
  const auto save = [&](Tensor value) { onnx::save(folder / "x.onnx", {{"y", value}}); };
  Graph training, g(Mode::inference);
  Tensor x = g.input("x", {2, 3}), indices = g.input("i", {2}, DType::u32);
  EXPECT_THAT([&] { save(training.input("x", {1})); }, ThrowsMessage<InvalidGraph>(HasSubstr("for training")));
  EXPECT_THAT([&] { save(scatter_add(indices, x, 4)); }, ThrowsMessage<Unsupported>(HasSubstr("scatter_add [4, 3]")));
  EXPECT_THAT([&] { save(random_like(x)); }, ThrowsMessage<Unsupported>(HasSubstr("random")));
  EXPECT_THAT([&] { save(g.step()); }, ThrowsMessage<Unsupported>(HasSubstr("number of runs")));
  EXPECT_THAT([&] { onnx::save(folder / "x.onnx", {{"x", tanh(x)}}); },
              ThrowsMessage<InvalidGraph>(HasSubstr("\"x\" is the name of an input")));
  EXPECT_THAT([&] { onnx::save(folder / "x.onnx", {{"y", x}, {"y", x}}); },
              ThrowsMessage<InvalidGraph>(HasSubstr("\"y\"")));
  EXPECT_THROW(onnx::save(folder / "x.onnx", {}), InvalidGraph);
  Parameter broken("broken", {2}, {1.0f, NAN});
  EXPECT_THAT([&] { save(g.parameter(broken)); }, ThrowsMessage<NotFinite>(HasSubstr("\"broken\"")));
  EXPECT_TRUE(folder.names().empty());
}

}  // namespace
}  // namespace volute::test
