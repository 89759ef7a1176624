// What an outside project does with the component mpi: trains as the rank it is, here the only one.
#include <cstdio>
#include <volute/volute.hpp>

using namespace volute;

int main() {
  const auto world = mpi_world();
  Device device(device_of(*world));
  nn::Linear layer(3, 1);
  Graph g;
  Tensor x = g.input("x", {4, 3}), y = layer(x);
  Program train = device.compile(g, minimize(mean(y * y), SGD{.lr = 0.1f}), world);
  const std::vector<float> xs(12, 0.5f);
  train.run({{x, xs}});
  train.wait();
  std::printf("rank %d of %d trained\n", world->rank(), world->size());
}
