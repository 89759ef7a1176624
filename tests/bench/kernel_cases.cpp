// The kernels a training step is made of, one at a time, on parameters: nothing is copied in.
#include <random>

#include <volute/ops.hpp>

#include "tests/bench/measure.hpp"

namespace volute::bench {
namespace {

Tensor values(Graph& graph, const char* name, const Shape& shape) {
  std::mt19937 engine(1);
  std::vector<float> numbers(static_cast<std::size_t>(shape.elements()));
  for (float& value : numbers) value = static_cast<float>(engine() >> 8) * 0x1p-23f - 1;
  return graph.parameter(Parameter(name, shape, std::move(numbers)));
}

KernelCase product(std::int64_t M, std::int64_t N, std::int64_t K, bool a_transposed, bool b_transposed,
                   const std::string& what, bool quick = false) {
  const auto d = [](std::int64_t n) { return static_cast<double>(n); };
  std::string name = "matmul " + std::to_string(M) + "x" + std::to_string(N) + "x" + std::to_string(K);
  name += a_transposed ? ", A transposed" : b_transposed ? ", B transposed" : "";
  if (!what.empty()) name += " (" + what + ")";
  return {.name = name,
          .flops = 2 * d(M) * d(N) * d(K),
          .bytes = 4 * (d(M) * d(K) + d(K) * d(N) + d(M) * d(N)),
          .gemm = {M, N, K, a_transposed, b_transposed},
          .build =
              [=](Graph& g) {
                const Tensor a = values(g, "a", a_transposed ? Shape{K, M} : Shape{M, K});
                const Tensor b = values(g, "b", b_transposed ? Shape{N, K} : Shape{K, N});
                return matmul(a, b, a_transposed, b_transposed);  // [M, N]
              },
          .quick = quick};
}

KernelCase memory_bound(const char* name, double bytes, std::function<Tensor(Graph&)> build, bool quick = false) {
  return {.name = name, .bytes = bytes, .build = std::move(build), .quick = quick};
}

}  // namespace

std::vector<KernelCase> kernel_cases() {
  // 64 MiB a tensor: beyond the caches of most devices.
  constexpr std::int64_t rows = 16384, columns = 1024;
  constexpr double tensor = 4.0 * rows * columns;
  const Shape shape{rows, columns};
  return {
      product(512, 1024, 512, false, false, ""),
      product(512, 1024, 512, true, false, ""),
      product(512, 1024, 512, false, true, ""),
      product(2048, 1024, 128, false, true, "inputs of all steps"),
      product(32, 1024, 256, false, true, "a time step", true),
      product(32, 256, 1024, false, false, "a time step backward"),
      product(1024, 256, 2048, true, false, "weight gradient"),
      product(1024, 128, 2048, true, false, "weight gradient"),
      memory_bound("a * b + c", 4 * tensor,
                   [=](Graph& g) { return values(g, "a", shape) * values(g, "b", shape) + values(g, "c", shape); }),
      memory_bound("sigmoid(a) * tanh(b)", 3 * tensor,
                   [=](Graph& g) { return sigmoid(values(g, "a", shape)) * tanh(values(g, "b", shape)); }),
      memory_bound("sum of rows", tensor, [=](Graph& g) { return sum(values(g, "a", shape), {1}); }, true),
      memory_bound("sum of columns", tensor, [=](Graph& g) { return sum(values(g, "a", shape), {0}); }),
      memory_bound("sum of all", tensor, [=](Graph& g) { return sum(values(g, "a", shape)); }),
      memory_bound("log_softmax of rows", 2 * tensor, [=](Graph& g) { return log_softmax(values(g, "a", shape)); }),
  };
}

}  // namespace volute::bench
