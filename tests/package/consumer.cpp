// What an outside project does: trains a GRU to continue sines, saves it, loads it into another and compares. It uses
// what must cross the border of a shared library whole: exceptions caught by type, and classes with virtual functions.
#include <cmath>
#include <cstdio>
#include <volute/volute.hpp>

using namespace volute;

namespace {

constexpr std::int64_t T = 16, N = 8, H = 16;

struct Model {
  nn::GRU gru{1, H};
  nn::Linear head{H, 1};

  std::vector<io::Entry> entries() const { return {{"gru", gru}, {"head", head}}; }
  Tensor loss(Tensor x, Tensor y) const { return mse_loss(head(gru(x)), y); }
};

/// Row n of [T, N, 1] is a sine of a phase of its own, `ahead` steps on.
std::vector<float> sines(int ahead) {
  std::vector<float> values;
  for (std::int64_t t = 0; t < T; ++t)
    for (std::int64_t n = 0; n < N; ++n)
      values.push_back(std::sin(0.4f * static_cast<float>(t + ahead) + static_cast<float>(n)));
  return values;
}

bool errors_and_types_arrive(const nn::Module& module) {
  try {
    Graph().input("x", {0});
  } catch (const InvalidGraph&) {
    return dynamic_cast<const nn::GRU*>(&module) != nullptr;
  }
  return false;
}

float evaluate(Device& device, const Model& model) {
  Graph g(Mode::inference);
  Tensor x = g.input("x", {T, N, 1}), y = g.input("y", {T, N, 1}), loss = model.loss(x, y);
  Program program = device.compile(g, loss);
  program.run({{x, sines(0)}, {y, sines(1)}});
  return program.value(loss);
}

}  // namespace

int main(int, char** argv) {
  Device device;
  Model model, loaded;
  if (!errors_and_types_arrive(model.gru)) return 1;

  Graph g;
  Tensor x = g.input("x", {T, N, 1}), y = g.input("y", {T, N, 1}), loss = model.loss(x, y);
  Program train = device.compile(g, minimize(loss, Adam{.lr = 2e-2f}));
  train.run({{x, sines(0)}, {y, sines(1)}});
  const float first = train.value(loss);
  for (int step = 0; step < 60; ++step) train.run();

  io::save(argv[1], model.entries());
  io::load(argv[1], loaded.entries());
  const float last = evaluate(device, model);
  if (!(last < 0.1f * first) || evaluate(device, loaded) != last) {
    std::printf("loss %f, then %f, loaded %f\n", first, last, evaluate(device, loaded));
    return 1;
  }
  std::printf("trained, saved and loaded on %s: loss %f, then %f\n", device.name().c_str(), first, last);
}
