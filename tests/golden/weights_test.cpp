// Recurrent weights of other frameworks: modules given them have those frameworks' outputs, and give them back.
// Invariant: outputs are within 1e-5 on the device and 1e-6 by the reference (the frameworks compute in float32).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <volute/reference.hpp>
#include <volute/volute.hpp>

#include "tests/support/device.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

using io::RecurrentWeights, io::WeightLayout, nn::RecurrentOptions;
using ::testing::HasSubstr;

struct Row {
  const char* file;
  const char* name;
  WeightLayout layout;
  RecurrentOptions options = {};
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.file << "." << row.name; }

std::vector<Row> rows() {
  const auto keras = WeightLayout::keras(), onnx = WeightLayout::onnx(), dnn = WeightLayout::onednn();
  WeightLayout writing;
  writing.name = "a GRU that writes by z";
  writing.z_keeps = false;
  WeightLayout writing_before = writing;
  writing_before.reset_after = false;
  return {{"keras", "rnn", keras},
          {"keras", "lstm", keras},
          {"keras", "lstm_no_bias", keras, {.bias = nn::Bias::none}},
          {"keras", "gru_after", keras},
          {"keras", "gru_before", WeightLayout::keras(false), {.reset_after = false}},
          {"keras", "gru_no_bias", keras, {.bias = nn::Bias::none}},
          {"keras", "lstm_both_ways", keras, {.bidirectional = true}},
          {"keras", "gru_both_ways", keras, {.bidirectional = true}},
          {"onnx", "rnn", onnx},
          {"onnx", "lstm", onnx},
          {"onnx", "lstm_peepholes", onnx, {.peepholes = true}},
          {"onnx", "lstm_coupled", WeightLayout::onnx(false, true), {.peepholes = true, .coupled = true}},
          {"onnx", "gru_before", onnx, {.reset_after = false}},
          {"onnx", "gru_after", WeightLayout::onnx(true)},
          {"onnx", "lstm_both_ways", onnx, {.bidirectional = true, .peepholes = true}},
          {"onnx", "gru_both_ways", WeightLayout::onnx(true), {.bidirectional = true}},
          {"onednn", "rnn", dnn},
          {"onednn", "lstm", dnn},
          {"onednn", "lstm_peepholes", dnn, {.peepholes = true}},
          {"onednn", "lstm_projection", dnn, {.peepholes = true, .projection = 3}},
          {"onednn", "gru", dnn, {.reset_after = false}},
          {"onednn", "lbr_gru", WeightLayout::onednn(true)},
          {"haste", "lstm", WeightLayout::haste()},
          {"haste", "lstm_norm", WeightLayout::haste(), {.layer_norm = true}},
          {"haste", "gru", WeightLayout::haste()},
          {"haste", "gru_norm", WeightLayout::haste(), {.layer_norm = true}},
          {"writing", "gru_after", writing},
          {"writing", "gru_before", writing_before, {.reset_after = false}},
          {"writing", "gru_norm", writing, {.layer_norm = true}}};
}

constexpr std::int64_t hidden = 4;

struct Field {
  const char* name;
  HostArray RecurrentWeights::*array;
};
constexpr Field fields[] = {{"input", &RecurrentWeights::input},
                            {"recurrent", &RecurrentWeights::recurrent},
                            {"bias", &RecurrentWeights::bias},
                            {"recurrent_bias", &RecurrentWeights::recurrent_bias},
                            {"peepholes", &RecurrentWeights::peepholes},
                            {"projection", &RecurrentWeights::projection},
                            {"input_gamma", &RecurrentWeights::input_gamma},
                            {"recurrent_gamma", &RecurrentWeights::recurrent_gamma},
                            {"cell_gamma", &RecurrentWeights::cell_gamma},
                            {"cell_beta", &RecurrentWeights::cell_beta}};

class Weights : public ::testing::TestWithParam<Row> {
 protected:
  Weights() : golden_(std::string("weights_") + GetParam().file) {}

  std::string name(const std::string& tensor) const { return std::string(GetParam().name) + "." + tensor; }

  RecurrentWeights weights(bool backward) const {
    RecurrentWeights all;
    for (const Field& field : fields) {
      const std::string full = name((backward ? "backward." : "") + std::string(field.name));
      if (golden_.has(full)) all.*field.array = io::host_array(golden_.shape(full), golden_.values<float>(full));
    }
    return all;
  }

  nn::Recurrent module(const RecurrentOptions& options) const {
    const std::int64_t inputs = golden_.shape(name("x"))[2];
    const std::string cell = GetParam().name;
    if (cell.find("lstm") != std::string::npos) return nn::LSTM(inputs, hidden, options);
    if (cell.find("gru") != std::string::npos) return nn::GRU(inputs, hidden, options);
    return nn::RNN(inputs, hidden, options);
  }

  void set(const nn::Recurrent& module) const {
    for (int d = 0; d < (GetParam().options.bidirectional ? 2 : 1); ++d)
      io::set_weights(module, weights(d == 1), GetParam().layout, 0, d == 1);
  }

  void check_outputs(const nn::Recurrent& module) const {
    Graph graph(Mode::inference);
    Tensor x = graph.input("x", golden_.shape(name("x")));
    Tensor out = module(x);
    ASSERT_EQ(out.shape(), golden_.shape(name("out")));
    Reference reference;
    reference.set(x, golden_.values(name("x")));
    EXPECT_TRUE(close(reference.evaluate({out})[0], golden_.values(name("out")), 0, 1e-6));
    Program program = device().compile(graph, Targets(out));
    program.run({{x, golden_.values<float>(name("x"))}});
    EXPECT_TRUE(close(program.read(out), golden_.values(name("out")), 0, 1e-5));
  }

  Golden golden_;
};

TEST_P(Weights, ModulesHaveTheFrameworksOutputs) {
  const nn::Recurrent made = module(GetParam().options);
  set(made);
  check_outputs(made);
}

// Row-major, [2, G H] is [G H] twice and [I, G, H] is [I, G H]: the values are compared.
TEST_P(Weights, ComeBackAsTheyWere) {
  const nn::Recurrent made = module(GetParam().options), again = module(GetParam().options);
  set(made);
  for (int d = 0; d < (GetParam().options.bidirectional ? 2 : 1); ++d) {
    const RecurrentWeights back = io::weights_of(made, GetParam().layout, 0, d == 1), want = weights(d == 1);
    for (const Field& field : fields) {
      SCOPED_TRACE(field.name);
      const HostArray &a = back.*field.array, &b = want.*field.array;
      ASSERT_EQ(a.words.size(), b.words.size());
      if (a.words.empty()) continue;
      if (GetParam().layout.coupled) continue;  // f's rows say nothing
      EXPECT_EQ(io::f32_values(a), io::f32_values(b));
    }
    io::set_weights(again, back, GetParam().layout, 0, d == 1);
  }
  for (std::size_t i = 0; i < made.parameters().size(); ++i)
    EXPECT_EQ(again.parameters()[i].values(), made.parameters()[i].values()) << made.parameters()[i].name();
}

TEST_P(Weights, OneBiasIsTheSumOrRefused) {
  RecurrentOptions options = GetParam().options;
  if (options.bias == nn::Bias::none) GTEST_SKIP() << "there is no bias";
  options.bias = nn::Bias::single;
  const nn::Recurrent made = module(options);
  if (made.name() != "gru" || !options.reset_after) {
    set(made);
    return check_outputs(made);
  }
  try {
    set(made);
    FAIL() << "n has two biases";
  } catch (const InvalidGraph& error) {
    EXPECT_THAT(error.what(), HasSubstr("reset_after"));
    EXPECT_THAT(error.what(), HasSubstr("Bias::single"));
  }
}

INSTANTIATE_TEST_SUITE_P(Frameworks, Weights, ::testing::ValuesIn(rows()),
                         [](const auto& row) { return std::string(row.param.file) + "_" + row.param.name; });

}  // namespace
}  // namespace volute::test
