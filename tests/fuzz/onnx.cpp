// ONNX models: any bytes are either loaded, and then built into a graph or refused, or refused; nothing else happens.
#include <volute/io.hpp>

#include "tests/fuzz/container.hpp"

namespace volute::fuzz {
namespace {

constexpr std::int64_t most_fed = 4096;  ///< elements of an input; larger ones cost time, and find nothing new

/// Open extents are 2. False if an input is too large, or of a shape the file does not say.
bool add_inputs(Graph& g, const onnx::Model& model, std::map<std::string, Tensor>& inputs) {
  for (const onnx::Value& value : model.inputs()) {
    if (value.any_shape) return false;
    std::vector<std::int64_t> extents = value.extents;
    std::int64_t elements = 1;
    for (std::int64_t& extent : extents) {
      if (extent < 0) extent = 2;
      if (extent == 0 || extent > most_fed || (elements *= extent) > most_fed) return false;
    }
    if (!g.has(value.name)) inputs[value.name] = g.input(value.name, Shape(extents), value.dtype);
  }
  return true;
}

void run(Input in) {
  const MemoryFile file(in.rest());
  try {
    const onnx::Model model = onnx::Model::load(file.path());
    Graph g(Mode::inference);
    std::map<std::string, Tensor> inputs;
    if (add_inputs(g, model, inputs))
      for (const auto& [name, tensor] : model(g, inputs))
        require(static_cast<bool>(tensor), "every output is a tensor");
  } catch (const BadFile& error) {
    require(error.what()[0] != '\0', "an error says what is wrong");
  } catch (const Unsupported& error) {
    require(error.what()[0] != '\0', "an error says what is not supported");
  } catch (const InvalidGraph& error) {
    require(error.what()[0] != '\0', "an error says what does not fit");
  }
}

}  // namespace
}  // namespace volute::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  volute::fuzz::run({data, size});
  return 0;
}
