// ONNX's own backend tests of single operators (Debian: libonnx-testdata): those of RNN, LSTM and GRU give what they
// should, and of all operators none gives anything else: what Volute has no maths for is refused by name.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>

#include <volute/io.hpp>
#include <volute/reference.hpp>

#include "engine/interchange/onnx_operand.hpp"
#include "tests/support/files.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

namespace fs = std::filesystem;

const fs::path data = "/usr/share/libonnx-testdata/data/node";

onnx::Operand read_operand(const fs::path& path) {
  ::onnx::TensorProto tensor;
  if (!tensor.ParseFromString(read_bytes(path))) throw BadFile(path.string() + ": is no tensor");
  return onnx::read_tensor(tensor, path.string());
}

/// Empty if the model gives what it should, else what is wrong. Throws what the import throws.
std::string run_case(const fs::path& folder) {
  const onnx::Model model = onnx::Model::load((folder / "model.onnx").string());
  Graph g(Mode::inference);
  Reference reference;
  std::map<std::string, Tensor> inputs;
  const fs::path set = folder / "test_data_set_0";
  for (std::size_t i = 0; i < model.inputs().size(); ++i) {
    const onnx::Value& value = model.inputs()[i];
    const onnx::Operand operand = read_operand(set / ("input_" + std::to_string(i) + ".pb"));
    inputs[value.name] = g.input(value.name, operand.shape(), value.dtype);
    reference.set(inputs[value.name], operand.constant->values);
  }
  const auto results = model(g, inputs);
  std::string wrong;
  for (std::size_t i = 0; i < model.outputs().size(); ++i) {
    const onnx::Operand expected = read_operand(set / ("output_" + std::to_string(i) + ".pb"));
    const Tensor got = results.at(model.outputs()[i].name);
    if (got.shape() != expected.shape()) return "shape " + got.shape().str() + ", not " + expected.shape().str();
    const auto same = close(reference.evaluate({got})[0], expected.constant->values, 1e-5, 1e-6);
    if (!same) wrong += same.message();
  }
  return wrong;
}

std::vector<fs::path> cases(const std::vector<std::string>& prefixes) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(data)) {
    const std::string name = entry.path().filename();
    for (const std::string& prefix : prefixes)
      if (name.starts_with(prefix)) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

class OnnxNodes : public testing::Test {
  void SetUp() override {
    if (!fs::exists(data)) GTEST_SKIP() << "libonnx-testdata is not installed";
  }
};

TEST_F(OnnxNodes, RecurrentOperatorsPass) {
  int passed = 0;
  for (const fs::path& folder : cases({"test_rnn_", "test_simple_rnn_", "test_lstm_", "test_gru_"})) {
    SCOPED_TRACE(folder.filename());
    EXPECT_EQ(run_case(folder), "");
    ++passed;
  }
  EXPECT_GE(passed, 12);
  std::printf("%d node tests of RNN, LSTM and GRU, all in scope\n", passed);
}

TEST_F(OnnxNodes, OfAllOperatorsEachPassesOrIsRefused) {
  int passed = 0, refused = 0;
  for (const fs::path& folder : cases({"test_"})) {
    try {
      EXPECT_EQ(run_case(folder), "") << folder.filename();
      ++passed;
    } catch (const Unsupported& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("supported")) << folder.filename();
      ++refused;
    } catch (const Error& error) {
      ADD_FAILURE() << folder.filename() << ": " << error.what();
    }
  }
  std::printf("%d node tests pass, %d are refused\n", passed, refused);
  EXPECT_GE(passed, 100);
}

}  // namespace
}  // namespace volute::test
