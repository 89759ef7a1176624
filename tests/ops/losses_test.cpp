// Losses: device, reference and finite differences; then their edges, where formulas break first.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/support/gradient_check.hpp"

namespace volute::test {
namespace {

constexpr std::uint32_t ignored = ClassOptions{}.ignore_index;

TEST(ClassLosses, EveryCombinationOfOptions) {
  for (Reduction reduction : {Reduction::mean, Reduction::sum, Reduction::none})
    for (float smoothing : {0.0f, 0.25f})
      for (bool weighted : {false, true}) {
        SCOPED_TRACE(::testing::Message() << static_cast<int>(reduction) << " " << smoothing << " " << weighted);
        GradientCheck c;
        ClassOptions options{.label_smoothing = smoothing, .reduction = reduction};
        if (weighted) options.class_weights = c.leaf("weights", {5}, 0.5f, 2.0f);
        Tensor logits = c.leaf("logits", {3, 2, 5}, -3, 3);
        Tensor targets = c.indices("targets", {3, 2}, {4, ignored, 0, 2, 2, 1});
        c.check(cross_entropy(logits, targets, options));
      }
}

TEST(ClassLosses, NegativeLogLikelihood) {
  GradientCheck c;
  Tensor log_p = c.leaf("log_p", {4, 3}, -3, 0);
  c.check(nll_loss(log_p, c.indices("targets", {4}, {2, 0, 1, 1}), {.ignore_index = 1}));
}

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

TEST(ElementLosses, DeviceReferenceAndDifferences) {
  using Make = std::function<Tensor(Tensor, Tensor, Reduction)>;
  const std::pair<const char*, Make> losses[] = {
      {"mse", [](Tensor p, Tensor y, Reduction r) { return mse_loss(p, y, r); }},
      {"l1", [](Tensor p, Tensor y, Reduction r) { return l1_loss(p, y, r); }},
      {"huber", [](Tensor p, Tensor y, Reduction r) { return huber_loss(p, y, 0.5f, r); }},
      {"smooth_l1", [](Tensor p, Tensor y, Reduction r) { return smooth_l1_loss(p, y, 0.3f, r); }},
      {"smooth_l1_0", [](Tensor p, Tensor y, Reduction r) { return smooth_l1_loss(p, y, 0.0f, r); }},
      {"bce", [](Tensor p, Tensor y, Reduction r) { return bce_with_logits(p, y, {.reduction = r}); }},
  };
  for (auto& [name, make] : losses)
    for (Reduction reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
      SCOPED_TRACE(name);
      GradientCheck c;
      Tensor prediction = c.leaf("prediction", {3, 7});
      c.check(make(prediction, c.leaf("target", {3, 7}, 0, 1), reduction));
    }
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
