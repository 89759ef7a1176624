// Losses at their edges, where formulas break first; away from them see engine/check/layer_rows.hpp.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/support/gradient_check.hpp"

namespace volute::test {
namespace {

constexpr std::uint32_t ignored = ClassOptions{}.ignore_index;

/// Values of one loss on device and reference.
void expect_value(const std::function<Tensor(Graph&, Tensor)>& make, const std::vector<std::uint32_t>& targets,
                  const std::function<bool(double)>& good) {
  Graph g;
  Tensor y = g.input("targets", {static_cast<std::int64_t>(targets.size())}, DType::u32);
  Tensor loss = make(g, y);
  Reference reference;
  reference.set(y, widen(targets));
  const double want = reference.evaluate({loss})[0][0];
  EXPECT_TRUE(good(want)) << want;
  Program program = device().compile(g, loss);
  program.run({{y, targets}});
  const double got = program.value(loss);
  EXPECT_TRUE(good(got)) << got;
}

Tensor uniform_loss(Graph& g, Tensor y) { return cross_entropy(g.full({y.dim(0), 4}, 0), y, ClassOptions{}); }

TEST(ClassLosses, IgnoredTargetsDoNotCountAndNothingLeftIsNaN) {
  expect_value(uniform_loss, {1, ignored, 3, ignored}, [](double v) { return std::abs(v - std::log(4.0)) < 1e-6; });
  expect_value(uniform_loss, {ignored, ignored}, [](double v) { return std::isnan(v); });
}

TEST(ClassLosses, TargetsOutOfRangeGiveAnInfiniteLossAndAnErrorOnRequest) {
  expect_value(uniform_loss, {1, 4}, [](double v) { return std::isinf(v) && v > 0; });
  EXPECT_NO_THROW(check_targets(std::vector<std::uint32_t>{0, 3, ignored}, 4, ignored));
  EXPECT_THROW(check_targets(std::vector<std::uint32_t>{0, 3, ignored}, 4), InvalidGraph);
}

TEST(ElementLosses, BinaryCrossEntropyStaysFiniteAndTrueAtExtremes) {
  Graph g;
  Tensor x = g.input("x", {6}), y = g.input("y", {6});
  Tensor loss = bce_with_logits(x, y, {.reduction = Reduction::none}), slope = gradients(sum(loss), {x})[0];
  Program program = device().compile(g, {loss, slope});
  program.run({{x, std::vector<float>{0, 0, 1e4f, 1e4f, -1e4f, -1e4f}}, {y, std::vector<float>{0, 1, 0, 1, 0, 1}}});
  const double half = std::log(2.0);
  EXPECT_TRUE(close(program.read(loss), std::vector<double>{half, half, 1e4, 0, 0, 1e4}, 1e-6, 1e-6));
  EXPECT_TRUE(close(program.read(slope), std::vector<double>{0.5, -0.5, 1, 0, 0, -1}, 1e-6, 1e-6));
}

}  // namespace
}  // namespace volute::test
