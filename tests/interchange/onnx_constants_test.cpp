// Models of a few nodes made by hand: constants, casts and integers mean what ONNX says, names are told apart and kept
// from terminals, and building a model takes nothing from the user's random numbers.
#include <gmock/gmock.h>

#include <cmath>

#include <volute/reference.hpp>
#include <volute/volute.hpp>

#include "engine/interchange/onnx_file.hpp"
#include "tests/support/device.hpp"
#include "tests/support/files.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using Type = ::onnx::TensorProto;

constexpr double inf = std::numeric_limits<double>::infinity();

/// A model with the input "x", f32 [2, 3], and the output "y".
class Made {
 public:
  explicit Made(::onnx::TensorProto_DataType result = Type::FLOAT) {
    model.set_ir_version(8);
    model.add_opset_import()->set_version(17);
    value(*graph().add_input(), "x", Type::FLOAT);
    value(*graph().add_output(), "y", result);
    auto& shape = *graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
    for (const std::int64_t extent : {2, 3}) shape.add_dim()->set_dim_value(extent);
  }
  ::onnx::GraphProto& graph() { return *model.mutable_graph(); }
  ::onnx::NodeProto& node(const std::string& op, const std::vector<std::string>& inputs, const std::string& output) {
    ::onnx::NodeProto& made = *graph().add_node();
    made.set_op_type(op);
    for (const std::string& input : inputs) made.add_input(input);
    made.add_output(output);
    return made;
  }
  void cast(const std::string& from, const std::string& output, ::onnx::TensorProto_DataType to) {
    auto& attribute = *node("Cast", {from}, output).add_attribute();
    attribute.set_name("to");
    attribute.set_type(::onnx::AttributeProto::INT);
    attribute.set_i(to);
  }
  void reals(const std::string& name, const std::vector<std::int64_t>& dims, const std::vector<float>& values) {
    Type& tensor = initializer(name, dims, Type::FLOAT);
    for (const float each : values) tensor.add_float_data(each);
  }
  void integers(const std::string& name, const std::vector<std::int64_t>& dims, const std::vector<int>& values) {
    Type& tensor = initializer(name, dims, Type::INT64);
    for (const int each : values) tensor.add_int64_data(each);
  }
  static void value(::onnx::ValueInfoProto& info, const std::string& name, ::onnx::TensorProto_DataType type) {
    info.set_name(name);
    info.mutable_type()->mutable_tensor_type()->set_elem_type(type);
  }
  onnx::Model load() const {
    const Folder folder;
    onnx::write_model(folder / "made.onnx", model);
    return onnx::Model::load(folder / "made.onnx");
  }

  ::onnx::ModelProto model;

 private:
  Type& initializer(const std::string& name, const std::vector<std::int64_t>& dims,
                    ::onnx::TensorProto_DataType type) {
    Type& tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(type);
    for (const std::int64_t extent : dims) tensor.add_dims(extent);
    return tensor;
  }
};

const std::vector<float> x_values{-3.7f, 2.5f, -0.2f, 0.0f, 7.0f, -1.0f};

/// The model in a graph, with what it makes of x_values on a device.
struct Ran {
  explicit Ran(const onnx::Model& model)
      : x(g.input("x", {2, 3})), y(model(g, {{"x", x}}).at("y")), program(device().compile(g, y)) {
    program.run({{x, x_values}});
  }
  std::vector<double> by_reference() const {
    Reference reference;
    reference.set(x, {x_values.begin(), x_values.end()});
    return reference.evaluate({y})[0];
  }
  Graph g{Mode::inference};
  Tensor x, y;
  Program program;
};

TEST(OnnxConstants, AMaskOfInfinitiesIsNoParameter) {
  Made made;
  const float none = -static_cast<float>(inf);
  made.reals("mask", {2, 3}, {0, none, 0, none, 1, static_cast<float>(inf)});
  made.node("Add", {"x", "mask"}, "y");
  const onnx::Model model = made.load();
  EXPECT_TRUE(model.parameters().empty());
  Ran run(model);
  const std::vector<double> wanted{x_values[0], -inf, x_values[2], -inf, 8, inf};
  EXPECT_EQ(run.by_reference(), wanted);
  const std::vector<float> got = run.program.read(run.y);
  EXPECT_EQ(std::vector<double>(got.begin(), got.end()), wanted);
  const Folder folder;
  io::Checkpoint checkpoint;
  checkpoint.add("program", run.program).save(folder / "run.safetensors");
  checkpoint.load(folder / "run.safetensors");
}

TEST(OnnxConstants, NumbersOfEitherSignAreCastTowardsZero) {
  Made made;
  made.cast("x", "whole", Type::INT64);
  made.cast("whole", "y", Type::FLOAT);
  Ran run(made.load());
  const std::vector<double> wanted{-3, 2, 0, 0, 7, -1};
  EXPECT_TRUE(close(run.by_reference(), wanted, 0, 0));
  EXPECT_TRUE(close(run.program.read(run.y), wanted, 0, 0));
}

TEST(OnnxConstants, CastsOfConstantsFold) {
  Made made;
  made.node("Shape", {"x"}, "shape");
  made.cast("shape", "real", Type::FLOAT);
  made.reals("factor", {}, {1.3f});
  made.node("Mul", {"real", "factor"}, "scaled");  // 2.6, 3.9
  made.cast("scaled", "whole", Type::INT64);
  made.node("Reshape", {"x", "whole"}, "y");
  EXPECT_EQ(Ran(made.load()).y.shape(), (Shape{2, 3}));
}

TEST(OnnxConstants, ChosenIntegersAreIntegers) {
  Made made(Type::INT64);
  made.reals("zero", {}, {0});
  made.integers("a", {3}, {1, 2, 3});
  made.integers("b", {3}, {40, 50, 60});
  made.node("Greater", {"x", "zero"}, "positive");
  made.node("Where", {"positive", "a", "b"}, "y");
  Ran run(made.load());
  EXPECT_EQ(run.y.dtype(), DType::u32);
  EXPECT_EQ(run.program.read_u32(run.y), (std::vector<std::uint32_t>{40, 2, 60, 40, 2, 60}));
}

std::string golden_path(const std::string& name) {
  return std::string(VOLUTE_SOURCE_DIR) + "/tests/golden/data/onnx/" + name + ".onnx";
}

TEST(OnnxConstants, BuildingAModelDrawsNothing) {
  const auto drawn = [](bool building) {
    manual_seed(5);
    const onnx::Model model = onnx::Model::load(golden_path("tagger"));
    Graph g(Mode::inference);
    if (building) model(g, {{"words", g.input("words", {3, 6}, DType::u32)}});
    return nn::Linear(3, 3).parameters()[0].values();
  };
  EXPECT_EQ(drawn(true), drawn(false));
}

std::string refusal(const onnx::Model& model) {
  Graph g(Mode::inference);
  try {
    model(g, {{"x", g.input("x", {2, 3})}});
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(OnnxNames, NoTerminalDoesWhatANameSays) {
  Made made;
  made.node("Conv\x1b[31m", {"x"}, "y").set_name("n\x1b[0m");
  try {
    made.load();
    FAIL() << "it was not refused";
  } catch (const Unsupported& error) {
    EXPECT_THAT(error.what(), HasSubstr("Conv\\x1b[31m (node \"n\\x1b[0m\")"));
  }
  Made other;
  other.node("Pow", {"x", "\x1b[2J"}, "y");
  other.reals("\x1b[2J", {}, {0.3f});
  EXPECT_THAT(refusal(other.load()), Not(HasSubstr("\x1b")));
}

TEST(OnnxNames, AreToldApart) {
  ::onnx::ModelProto tagger = onnx::read_model(golden_path("tagger"));
  auto& twin = *tagger.mutable_graph()->add_initializer();
  twin.set_name("/lstm/LSTM_1.bias_ih_l0");
  twin.set_data_type(Type::FLOAT);
  twin.add_dims(1);
  twin.add_float_data(1);
  const Folder folder;
  onnx::write_model(folder / "twin.onnx", tagger);
  const onnx::Model model = onnx::Model::load(folder / "twin.onnx");
  std::set<std::string> names;
  for (const Parameter& parameter : model.parameters()) EXPECT_TRUE(names.insert(parameter.name()).second);
  io::save(folder / "twin.safetensors", {{"tagger", model}});
  Made made;
  made.reals("w", {3}, {1, 2, 3});
  for (int i = 0; i < 2; ++i) Made::value(*made.graph().add_input(), "w", Type::FLOAT);
  made.node("Add", {"x", "w"}, "y");
  EXPECT_THAT([&] { made.load(); }, testing::ThrowsMessage<BadFile>(HasSubstr("\"w\" is empty or written twice")));
}

TEST(OnnxNames, AParameterWithoutOneIsNoOperandLeftOut) {
  const Folder folder;
  Graph g(Mode::inference);
  Tensor x = g.input("x", {2, 3});
  onnx::save(folder / "a.onnx", {{"y", x * g.parameter(Parameter("", {3}, {1, 2, 3})) +
                                           g.parameter(Parameter("", {3}, {4, 5, 6}))}});
  Ran run(onnx::Model::load(folder / "a.onnx"));
  EXPECT_NEAR(run.program.read(run.y)[1], 2.5 * 2 + 5, 1e-6);
}

}  // namespace
}  // namespace volute::test
