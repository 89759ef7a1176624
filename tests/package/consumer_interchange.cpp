// What an outside project does with the component interchange: writes a model as ONNX, reads it, and catches its errors.
#include <cstdio>
#include <volute/volute.hpp>

using namespace volute;

int main(int, char** argv) {
  const std::string path = std::string(argv[1]) + ".onnx";
  Graph g(Mode::inference);
  nn::LSTM lstm(3, 2);
  onnx::save(path, {{"y", lstm(g.input("x", {4, 1, 3}))}});

  const onnx::Model model = onnx::Model::load(path);
  Graph again(Mode::inference);
  const Tensor y = model(again, {{"x", again.input("x", {4, 1, 3})}}).at("y");
  try {
    onnx::Model::load(std::string(argv[0]));
  } catch (const BadFile&) {
    if (y.shape() == Shape{4, 1, 2} && model.parameters().size() == 4) return std::puts("exported and imported"), 0;
  }
  return 1;
}
