// See long_loops.hpp.
#include "engine/check/long_loops.hpp"

#include <cmath>
#include <numeric>

#include <volute/volute.hpp>

#include "engine/compile/program_data.hpp"

namespace volute::check {
namespace {

/// Values whose sums are whole numbers, so that any order gives the same.
std::vector<float> counted(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>((i % 7 + i / 11) % 3);
  return values;
}

std::vector<float> run_once(const Device& device, Graph& g, Tensor x, const std::vector<float>& values, Tensor y) {
  Program program = compile_program(device.data(), g, y);
  program.run({{x, values}});
  return program.read(y);
}

void check_sums(const Device& device, const Shape& shape, int axis, Findings& findings) {
  const auto scope = findings.begin("reductions of " + shape.str() + " along axis " + std::to_string(axis));
  Graph g;
  const Tensor x = g.input("x", shape);
  const auto values = counted(static_cast<std::size_t>(shape.elements()));
  const std::vector<float> sums = run_once(device, g, x, values, sum(x, {axis})),
                           tops = run_once(device, g, x, values, max(x, {axis}));
  std::size_t inner = 1;
  for (int a = axis + 1; a < shape.rank(); ++a) inner *= static_cast<std::size_t>(shape[a]);
  const auto length = static_cast<std::size_t>(shape[axis]);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    double expected = 0;
    for (std::size_t k = 0; k < length; ++k) expected += values[(i / inner * length + k) * inner + i % inner];
    findings.at_most("sum " + std::to_string(i), std::abs(sums[i] - expected), 0.5);
    findings.expect(tops[i] == 2.0f, "maximum " + std::to_string(i));
  }
}

void check_products(const Device& device, Findings& findings) {
  const auto scope = findings.begin("products");
  const std::int64_t K = 300001;
  Graph g;
  const Tensor a = g.input("a", {3, K}), b = g.input("b", {K, 5});
  const auto as = counted(3 * K), bs = counted(5 * K);
  for (const bool columns : {false, true}) {
    const Tensor left = columns ? reshape(a, {K, 3}) : a;  // stored by columns of the product
    const Tensor c = columns ? matmul(transpose(left, {1, 0}), b) : matmul(left, b);
    Program program = compile_program(device.data(), g, c);
    program.run({{a, as}, {b, bs}});
    const auto found = program.read(c);
    for (std::size_t m = 0; m < 3; ++m)
      for (std::size_t n = 0; n < 5; ++n) {
        double expected = 0;
        for (std::size_t k = 0; k < static_cast<std::size_t>(K); ++k)
          expected += as[columns ? k * 3 + m : m * K + k] * bs[k * 5 + n];
        findings.at_most("element " + std::to_string(m * 5 + n) + (columns ? " by columns" : ""),
                         std::abs(found[m * 5 + n] - expected), 0.5);
      }
  }
}

void check_scatter_add(const Device& device, Findings& findings) {
  const auto scope = findings.begin("scatter_add");
  const std::int64_t count = 70001;
  Graph g;
  const Tensor rows = g.input("rows", {count}, DType::u32), values = g.input("values", {count, 5});
  const Tensor table = scatter_add(rows, values, 4);
  Program program = compile_program(device.data(), g, table);
  std::vector<std::uint32_t> indices(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = i % 10 ? 2 : static_cast<std::uint32_t>(i / 10 % 4);
  const auto vs = counted(static_cast<std::size_t>(5 * count));
  program.run({{rows, indices}, {values, vs}});
  std::vector<double> expected(20);
  for (std::size_t i = 0; i < indices.size(); ++i)
    for (std::size_t e = 0; e < 5; ++e) expected[indices[i] * 5 + e] += vs[i * 5 + e];
  findings.close("table", program.read(table), expected, 0, 0.5);
}

void check_wide_rows(const Device& device, Findings& findings) {
  const auto scope = findings.begin("rows of 70001 classes");
  const std::int64_t V = 70001;
  Graph g;
  const Tensor x = g.input("x", {2, V}), y = g.input("y", {2}, DType::u32);
  const Tensor loss = cross_entropy(x, y);
  const std::vector<Tensor> wanted{loss, gradients(loss, {x})[0]};
  Program program = compile_program(device.data(), g, Targets(wanted));
  const std::vector<float> zeros(static_cast<std::size_t>(2 * V));
  program.run({{x, zeros}, {y, std::vector<std::uint32_t>{70000, 5}}});
  findings.at_most("loss", std::abs(program.value(loss) - std::log(static_cast<double>(V))), 1e-4);
  const auto slope = program.read(wanted[1]);
  findings.at_most("sum of the gradient", std::abs(std::accumulate(slope.begin(), slope.end(), 0.0)), 1e-4);
}

}  // namespace

void check_long_loops(const Device& device, Findings& findings) {
  check_sums(device, {300001}, 0, findings);
  check_sums(device, {3, 70003}, 1, findings);
  check_sums(device, {70001, 3}, 0, findings);
  check_sums(device, {2, 40009, 5}, 1, findings);
  check_products(device, findings);
  check_scatter_add(device, findings);
  check_wide_rows(device, findings);
}

}  // namespace volute::check
