// What an outside project sees: the public headers alone, and a library that needs nothing else named.
#include <cstdio>
#include <volute/volute.hpp>

int main() {
  volute::Graph graph;
  const volute::Tensor x = graph.input("x", {2, 3});
  std::printf("%s, %zu devices\n", x.shape().str().c_str(), volute::list_devices().size());
}
