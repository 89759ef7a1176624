// Programs that keep something from run to run: parameters updated in place, states, carried states, the
// step and the random numbers that follow it.
// Invariant: all of a run's outputs and updates are computed from the values before the run.
#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include <volute/reference.hpp>
#include <volute/volute.hpp>

#include "engine/check/follower.hpp"
#include "tests/support/device.hpp"
#include "tests/support/findings.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

std::vector<float> some(const Shape& shape, std::uint32_t seed) {
  return random_values(static_cast<std::size_t>(shape.elements()), seed);
}

Parameter parameter(const std::string& name, Shape shape, std::uint32_t seed) {
  return Parameter(name, shape, some(shape, seed));
}

class Follower : public check::Follower {
 public:
  Follower(const Graph& graph, Targets targets, std::vector<Tensor> inputs = {}, std::vector<Parameter> parameters = {})
      : check::Follower(device(), graph, std::move(targets), std::move(inputs), std::move(parameters)) {}
  void runs(int count, double tolerance = 4e-6) {
    expect_nothing_found([&](check::Findings& found) { check::Follower::runs(count, tolerance, found); });
  }
};

TEST(Updates, OutputsReadTheValuesBeforeTheRun) {
  for (const Shape& shape : {Shape{7, 33}, Shape{1}, Shape{3, 1, 65}}) {
    Parameter p = parameter("p", shape, 1);
    Graph g;
    const Tensor x = g.input("x", shape), w = g.parameter(p), next = w * 0.9f + x * w;
    Follower f(g, Targets({w * 2.0f, sum(w * w), w, next, tanh(next)}, {{w, next}}), {x}, {p});
    f.runs(3);
  }
}

// Whatever reads a parameter elsewhere than where it is written must not see it half updated.
TEST(Updates, FromShiftedReadsOfTheTarget) {
  const std::function<Tensor(Tensor)> rules[] = {
      [](Tensor w) { return transpose(w) * 0.5f; },
      [](Tensor w) { return w - slice(w, 0, 0, 1); },
      [](Tensor w) { return w * 0.5f + sum(w, {1}, true) * 0.1f; },
      [](Tensor w) { return matmul(w, w) * 0.3f; },
      [](Tensor w) {
        return concat({slice(w, 1, 1, 7), slice(w, 1, 0, 1)}, 1);
      },
      [](Tensor w) {
        return concat({slice(w, 0, 3, 7) * 1.0f, slice(w, 0, 0, 3) + 0.1f}, 0);
      },
      [](Tensor w) {
        return reshape(reshape(w, {-1}), {7, 7}) + reshape(transpose(w), {7, 7});
      },
      [](Tensor w) {
        return scan(w, slice(reshape(w, {-1}), 0, 0, 7), [](Tensor a, Tensor h) { return tanh(a + h); }).first;
      },
      [](Tensor w) { return w; },
  };
  for (const auto& rule : rules) {
    Parameter p = parameter("p", {7, 7}, 2);
    Graph g;
    const Tensor w = g.parameter(p);
    Follower f(g, Targets({sum(w, {0})}, {{w, rule(w)}}), {}, {p});
    SCOPED_TRACE("rule " + std::to_string(&rule - rules));
    f.runs(3);
  }
}

TEST(Updates, OfParametersThatReadEachOther) {
  Parameter p = parameter("p", {7, 7}, 3), q = parameter("q", {7, 7}, 4), r = parameter("r", {7, 7}, 5);
  Graph g;
  const Tensor a = g.parameter(p), b = g.parameter(q), c = g.parameter(r), total = a + b;
  const Tensor next = matmul(a, transpose(c)) * 0.2f;
  Follower f(g, Targets({sum(a * b, {0}), matmul(a, c)}, {{a, b}, {b, total * 0.5f}, {c, next}}), {}, {p, q, r});
  f.runs(4);
}

TEST(Updates, TwoTargetsOneValueAndNoOutput) {
  Parameter p = parameter("p", {33}, 6), q = parameter("q", {33}, 7);
  Graph g;
  const Tensor a = g.parameter(p), b = g.parameter(q), next = tanh(a + b);
  Follower f(g, Targets({}, {{a, next}, {b, next}}), {}, {p, q});
  f.runs(3);
}

TEST(States, SwapRotateAndStay) {
  Graph g;
  const Tensor x = g.input("x", {3, 7});
  const Tensor a = g.state("a", {3, 7}, 1), b = g.state("b", {3, 7}, 2), c = g.state("c", {3, 7}, 3);
  const Tensor d = g.state("d", {3, 7}, 4);
  g.carry(a, b);
  g.carry(b, c + x);
  g.carry(c, a);
  Follower f(g, Targets({a + b, c * x, d * x}), {x});
  f.runs(4);
  EXPECT_EQ(f.program().read_state("d"), std::vector<float>(21, 4));
}

TEST(States, CountStepsAndKeepIndices) {
  Graph g;
  const Tensor step = g.step(), index = g.state("index", {5}, 2, DType::u32);
  g.carry(index, to_u32(to_f32(index) * 1.5f));
  Follower f(g,
             Targets({step, to_f32(step) * 0.5f, index, embedding(g.full({9, 3}, 2.0f) * to_f32(g.iota(3)), index)}));
  f.runs(4);
}

// Sequences cut into pieces: the second run starts where the first stopped, and reset starts over.
TEST(States, CarryRecurrentStateAcrossRuns) {
  Parameter p = parameter("w", {7, 7}, 8);
  Graph g;
  const Tensor x = g.input("x", {4, 3, 7}), w = g.parameter(p), start = g.state("h", {3, 7}, 0.25f);
  const auto [ys, last] = scan(x, start, [&](Tensor xt, Tensor h) { return tanh(xt + matmul(h, w)); });
  g.carry(start, last);
  Follower f(g, Targets({ys, gradients(sum(ys * ys), {w})[0], start}), {x}, {p});
  f.runs(3, 1e-5);
  f.program().reset("h");
  f.reference().set(start, std::vector<double>(21, 0.25));
  f.runs(2, 1e-5);
  const std::vector<float> given(21, -0.5f);
  f.program().write_state("h", given);
  f.reference().set(start, widen(given));
  f.runs(1, 1e-5);
}

// Adam as the optimiser writes it: three arrays updated by one rule, the step among its operands.
TEST(States, OptimiserOnOddShapes) {
  Parameter w = parameter("w", {7, 33}, 9), b = parameter("b", {33}, 10);
  Graph g;
  const Tensor x = g.input("x", {3, 7}), y = tanh(matmul(x, g.parameter(w)) + g.parameter(b));
  Follower f(g, minimize(mean(y * y), Adam{.lr = 0.01f}, {.clip_norm = 0.5f, .clip_value = 0.1f}), {x}, {w, b});
  f.runs(5, 2e-5);
}

TEST(Random, FollowsSeedStepAndPlace) {
  Graph g;
  const Tensor x = g.input("x", {65, 127}), a = random_like(x), b = random_like(x);
  Program program = compile_program(device().data(), g, Targets{a, b});
  Reference reference;
  reference.seed(77);
  program.seed(77);
  std::vector<float> before;
  for (std::uint32_t step = 0; step < 3; ++step) {
    program.run();
    reference.step(step);
    const auto expected = reference.evaluate({a, b});
    EXPECT_EQ(widen(program.read(a)), expected[0]);
    EXPECT_EQ(widen(program.read(b)), expected[1]);
    EXPECT_NE(program.read(a), program.read(b));
    EXPECT_NE(program.read(a), before);
    before = program.read(a);
  }
}

// Uniform numbers: mean and variance within 4 sigma, neighbours uncorrelated.
TEST(Random, IsUniform) {
  Graph g;
  const Tensor x = g.input("x", {127, 513}), a = random_like(x);
  Program program = compile_program(device().data(), g, Targets{a});
  program.run();
  const auto values = program.read(a);
  const auto n = static_cast<double>(values.size());
  double mean = 0, square = 0, neighbours = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double v = static_cast<double>(values[i]) - 0.5;
    ASSERT_TRUE(values[i] >= 0 && values[i] < 1);
    mean += v;
    square += v * v;
    if (i) neighbours += v * (static_cast<double>(values[i - 1]) - 0.5);
  }
  EXPECT_LT(std::abs(mean / n), 4 * std::sqrt(1 / 12.0 / n));
  EXPECT_LT(std::abs(square / n - 1 / 12.0), 4 * std::sqrt(1 / 180.0 / n));
  EXPECT_LT(std::abs(neighbours / n), 4 / 12.0 / std::sqrt(n));
}

// Kept elements are scaled by 1 / (1 - p) exactly where the gradient passes, and as many as p says are kept.
TEST(Dropout, MasksForwardAndBackwardAlike) {
  for (const float p : {0.1f, 0.5f, 0.9f}) {
    Graph g;
    const Tensor x = g.input("x", {65, 127}), out = dropout(x, p), grad = gradients(sum(out), {x})[0];
    Program program = compile_program(device().data(), g, Targets{out, grad});
    const std::vector<float> ones(65 * 127, 1.0f);
    program.run({{x, ones}});
    const auto values = program.read(out);
    EXPECT_EQ(values, program.read(grad));
    const double n = 65 * 127, keep = 1 - static_cast<double>(p);
    double kept = 0;
    for (float v : values) {
      kept += v != 0;
      ASSERT_TRUE(v == 0 || std::abs(v * keep - 1) < 1e-6) << v;
    }
    EXPECT_LT(std::abs(kept / n - keep), 4 * std::sqrt(keep * (1 - keep) / n)) << "p " << p;
  }
}

TEST(Dropout, IsTheIdentityInInference) {
  Graph g(Mode::inference);
  const Tensor x = g.input("x", {7, 33}), out = dropout(x, 0.5f);
  Program program = compile_program(device().data(), g, Targets{out});
  const auto values = some({7, 33}, 11);
  program.run({{x, values}});
  EXPECT_EQ(program.read(out), values);
}

}  // namespace
}  // namespace volute::test
