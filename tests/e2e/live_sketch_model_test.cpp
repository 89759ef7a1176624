// The model of live_sketch without its window: its loss by a formula of its own, what may have no influence, and that
// it learns and continues strokes where they end.

#include <cmath>
#include <cstdio>
#include <numbers>

#include <gtest/gtest.h>
#include <volute/reference.hpp>

#include "samples/live_sketch/cell.hpp"
#include "samples/live_sketch/mixture.hpp"
#include "samples/live_sketch/model.hpp"
#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace {

using namespace live_sketch;
using volute::Graph;
using volute::Program;
using volute::Tensor;
using volute::test::close;
using volute::test::device;
using volute::test::random_values;
using volute::test::widen;

constexpr ModelOptions small = {.hidden = 24, .mixtures = 3, .batch = 8, .length = 24, .prefixes = 3, .samples = 2,
                                .warm_up = 20, .points = 9};

/// Graves' equations 20 to 26 as they stand, without shifts; values of one step [6 M + 1].
double naive_loss(std::span<const double> v, std::span<const double> step) {
  const std::size_t M = (v.size() - 1) / 6;
  double weights = 0, density = 0;
  for (std::size_t i = 0; i < M; ++i) weights += std::exp(v[i]);
  for (std::size_t i = 0; i < M; ++i) {
    const double sx = std::exp(v[3 * M + i] - 1) + 0.02, sy = std::exp(v[4 * M + i] - 1) + 0.02;
    const double r = 0.95 * std::tanh(v[5 * M + i]), rest = 1 - r * r;
    const double x = (step[0] - v[M + i] - 1) / sx, y = (step[1] - v[2 * M + i]) / sy;
    const double normal = std::exp(-(x * x + y * y - 2 * r * x * y) / (2 * rest)) /
                          (2 * std::numbers::pi * sx * sy * std::sqrt(rest));
    density += std::exp(v[i]) / weights * normal;
  }
  const double end = 1 / (1 + std::exp(-v[6 * M]));
  return -std::log(density) - std::log(step[2] > 0 ? end : 1 - end);
}

TEST(LiveSketchModel, LossIsTheMixturesAndItsGradientsAreTheReferences) {
  const std::int64_t rows = 15, M = 3, width = mixture_width(M);
  Graph g;
  const Tensor values = g.input("values", {5, 3, width}), steps = g.input("steps", {5, 3, 3});
  const Tensor weights = g.input("weights", {5, 3});
  const Tensor nll = negative_log_likelihood(mixture_of(values), steps);  // [5, 3]
  const Tensor gradient = gradients(sum(nll * weights), {values})[0];
  const auto v = random_values(static_cast<std::size_t>(rows * width), 1, -1.5f, 1.5f);
  auto s = random_values(rows * 3, 2, -1, 2);
  const auto w = random_values(rows, 3, -2, 2);
  for (std::size_t i = 2; i < s.size(); i += 3) s[i] = i % 2 ? 1.0f : 0.0f;

  Program program = device().compile(g, {nll, gradient});
  program.run({{values, v}, {steps, s}, {weights, w}});
  const auto vs = widen(v), ss = widen(s);
  std::vector<double> want;
  for (std::size_t i = 0; i < rows; ++i)
    want.push_back(naive_loss(std::span(vs).subspan(i * width, width), std::span(ss).subspan(i * 3, 3)));
  EXPECT_TRUE(close(program.read(nll), want, 2e-5, 2e-5));
  volute::Reference reference;
  reference.set(values, vs), reference.set(steps, ss), reference.set(weights, widen(w));
  EXPECT_TRUE(close(program.read(gradient), reference.evaluate({gradient})[0], 1e-4, 1e-4));
}

TEST(LiveSketchModel, LossOfExtremeValuesIsFinite) {
  const std::int64_t rows = 9, M = 5, width = mixture_width(M);
  Graph g;
  const Tensor values = g.input("values", {rows, width}), steps = g.input("steps", {rows, 3});
  const Tensor nll = negative_log_likelihood(mixture_of(values), steps);
  const Tensor gradient = gradients(sum(nll), {values})[0];
  Program program = device().compile(g, {nll, gradient});
  program.run({{values, random_values(static_cast<std::size_t>(rows * width), 4, -40, 40)},
               {steps, random_values(rows * 3, 5, -3, 3)}});
  for (float x : program.read(nll)) EXPECT_TRUE(std::isfinite(x));
  for (float x : program.read(gradient)) EXPECT_TRUE(std::isfinite(x));
}

TEST(LiveSketchModel, FramesTurnForthAndBack) {
  Graph g;
  const Tensor step = g.input("step", {7, 3}), before = g.input("before", {7, 3});
  const Tensor there = to_frame(step, before), back = from_frame(there, before), along = to_frame(before, before);
  Program program = device().compile(g, {there, back, along});
  const auto s = random_values(21, 6), b = random_values(21, 7);
  program.run({{step, s}, {before, b}});
  EXPECT_TRUE(close(program.read(back), widen(s), 1e-5, 1e-5));
  const auto local = program.read(there), forward = program.read(along);
  for (std::size_t i = 0; i < 21; i += 3) {
    EXPECT_NEAR(local[i] * local[i] + local[i + 1] * local[i + 1], s[i] * s[i] + s[i + 1] * s[i + 1], 1e-5);
    EXPECT_EQ(local[i + 2], s[i + 2]);
    EXPECT_NEAR(forward[i], std::hypot(b[i], b[i + 1]), 1e-5);
    EXPECT_NEAR(forward[i + 1], 0, 1e-5);
  }
}

TEST(LiveSketchModel, AStepOfEachCellIsTheLayers) {
  for (int c = 0; c < cells; ++c) {
    const auto cell = static_cast<Cell>(c);
    const auto layer = make_layer(cell, 5, 11);
    Graph g;
    const Tensor x = g.input("x", {4, 3, 5});
    const auto all = layer->run(x);
    const std::vector<Tensor> states = last_states(layer->run(slice(x, 0, 0, 3))), want = last_states(all);
    std::vector<Tensor> got = step(cell, *layer, split(reshape(slice(x, 0, 3, 4), {3, 5}), 1, 5), states);
    const std::size_t count = got.size();
    ASSERT_EQ(count, want.size()) << name_of(cell);
    got.insert(got.end(), want.begin(), want.end());
    got.push_back(output_of(cell, want));
    got.push_back(reshape(slice(all.outputs, 0, 3, 4), {3, 11}));
    Program program = device().compile(g, got);
    program.run({{x, random_values(60, 8)}});
    for (std::size_t i = 0; i < count; ++i)
      EXPECT_TRUE(close(program.read(got[i]), widen(program.read(got[count + i])), 1e-5, 1e-5)) << name_of(cell);
    EXPECT_EQ(program.read(got[2 * count]), program.read(got[2 * count + 1])) << name_of(cell);
  }
}

/// Two updates, then the continuations of two strokes.
struct Outcome {
  std::vector<float> losses, points;
};

Outcome two_steps(Model& model, float behind_the_end) {
  TrainingSet set(3);
  Outcome outcome;
  for (int i = 0; i < 2; ++i) {
    Batch batch = set.next(small.length, small.batch);
    const std::size_t half = batch.mask.size() / 2;
    for (std::size_t at = half; at < batch.mask.size(); ++at) {
      batch.mask[at] = 0;
      for (std::size_t k = 0; k < 3; ++k) batch.steps[at * 3 + k] = behind_the_end;
    }
    model.train().run(model.batch(std::move(batch)));
    outcome.losses.push_back(model.train().value(model.loss()));
  }
  model.continuation().run(model.prefixes(examples(2, 1)));
  outcome.points = model.continuation().read(model.points());
  return outcome;
}

TEST(LiveSketchModel, SeedsDecideBitsAndMaskedStepsDoNothing) {
  Model one(device(), small), other(device(), small);
  const Outcome first = two_steps(one, 0), second = two_steps(other, 7.5f);
  EXPECT_NE(first.losses[0], first.losses[1]);
  EXPECT_EQ(first.losses, second.losses);
  EXPECT_EQ(first.points, second.points);

  one.reset();
  const Outcome fresh = two_steps(one, 0);
  EXPECT_NE(first.losses, fresh.losses);  // of other weights
  other.reset();
  EXPECT_EQ(two_steps(other, 0).losses, fresh.losses);
}

TEST(LiveSketchModel, ContinuationsBeginWhereStrokesEnd) {
  Model model(device(), small);
  const auto S = static_cast<std::size_t>(small.samples), P = static_cast<std::size_t>(small.points);
  const std::vector<Stroke> strokes = examples(2, 1);
  model.continuation().set("temperature", 1.0f);
  model.continuation().run(model.prefixes(strokes));
  const std::vector<float> points = model.continuation().read(model.points());
  ASSERT_EQ(points.size(), 3 * S * P * 4);
  for (std::size_t row = 0; row < 2 * S; ++row)
    for (std::size_t i = 0; i < P; ++i) {
      const float* p = &points[(row * P + i) * 4];
      const Point end = strokes[row / S].back();
      if (i == 0) {
        EXPECT_EQ(p[0], end.x);
        EXPECT_EQ(p[1], end.y);
        EXPECT_EQ(p[2], 1.0f);
      } else {
        EXPECT_NEAR(std::hypot(p[0] - p[-4], p[1] - p[-3]), step_length, 1e-5);
        EXPECT_TRUE(p[2] == p[-2] || p[2] == 0.0f);
      }
      EXPECT_NEAR(p[3], static_cast<float>(i) / static_cast<float>(P - 1), 1e-6);
    }
  for (std::size_t i = 2 * S * P; i < 3 * S * P; ++i) EXPECT_EQ(points[i * 4 + 2], 0.0f);  // no third stroke
  EXPECT_NE(points[(P - 1) * 4], points[(2 * P - 1) * 4]);

  model.continuation().set("temperature", 0.0f);
  model.continuation().run();
  const std::vector<float> likely = model.continuation().read(model.points());
  for (std::size_t i = 0; i < P * 4; ++i) {
    EXPECT_EQ(likely[i], likely[P * 4 + i]);  // all samples are the most likely one,
    EXPECT_EQ(likely[i], points[i]);          // as the first is at any temperature
  }
}

TEST(LiveSketchModel, FilesHoldTheModelAndNoOther) {
  const std::string path = ::testing::TempDir() + "live_sketch.safetensors";
  Model one(device(), small);
  one.train().run(one.batch(TrainingSet(3).next(small.length, small.batch)));
  one.save(path);
  EXPECT_EQ(read_options(path).hidden, small.hidden);
  one.continuation().set("temperature", 0.0f);
  one.continuation().run(one.prefixes(examples(3, 1)));
  const std::vector<float> before = one.continuation().read(one.points());
  one.reset();
  one.continuation().run();
  EXPECT_NE(one.continuation().read(one.points()), before);
  one.load(path);
  one.continuation().run();
  EXPECT_EQ(one.continuation().read(one.points()), before);
  ModelOptions lstm = small;
  lstm.cell = Cell::lstm;
  Model two(device(), lstm);
  EXPECT_THROW(two.load(path), volute::BadFile);
  EXPECT_THROW(read_options("no such file"), volute::BadFile);
  std::remove(path.c_str());
}

/// What a straight line that goes on as it went is worth: one Gaussian around it and one probability of an end, both
/// fitted to the very steps they are measured on; nats a step.
double straight_line_loss(const Batch& batch, std::size_t N) {
  double xx = 0, yy = 0, xy = 0, ends = 0, count = 0;
  for (std::size_t at = N; at < batch.mask.size(); ++at) {
    if (batch.mask[at] == 0) continue;
    const float *to = &batch.steps[at * 3], *from = &batch.steps[(at - N) * 3];
    const double x = to[0] - from[0], y = to[1] - from[1];
    xx += x * x, yy += y * y, xy += x * y, ends += to[2], count += 1;
  }
  const double determinant = xx / count * yy / count - xy / count * xy / count, p = ends / count;
  const double end = -p * std::log(p) - (1 - p) * std::log(1 - p);
  return std::log(2 * std::numbers::pi) + 0.5 * std::log(determinant) + 1 + end;
}

/// Circles of one size, begun anywhere.
Stroke arc(float start, int steps) {
  Stroke points;
  for (int i = 0; i <= steps; ++i) {
    const float a = start + static_cast<float>(i) / 6;  // radius of 6 steps
    points.push_back({6 * step_length * std::cos(a), 6 * step_length * std::sin(a)});
  }
  return points;
}

/// Mean distance of the most likely continuation from the curve over 12 steps, and that of a straight line; in steps.
std::pair<double, double> distances(Model& model) {
  double learned = 0, straight = 0;
  model.continuation().set("temperature", 0.0f);
  for (int k = 0; k < 4; ++k) {
    const Stroke whole = arc(static_cast<float>(k), 40), begun(whole.begin(), whole.begin() + 25);
    model.continuation().run(model.prefixes({begun}));
    const std::vector<float> points = model.continuation().read(model.points());
    const Point a = begun[23], b = begun[24];
    for (int i = 1; i <= 12; ++i) {
      const Point want = whole[static_cast<std::size_t>(24 + i)];
      const float* p = &points[static_cast<std::size_t>(i) * 4];
      const float n = static_cast<float>(i);
      learned += std::hypot(p[0] - want.x, p[1] - want.y) / step_length / 48;
      straight += std::hypot(b.x + n * (b.x - a.x) - want.x, b.y + n * (b.y - a.y) - want.y) / step_length / 48;
    }
  }
  return {learned, straight};
}

TEST(LiveSketchModel, LearnsWhatIsGeneratedAndWhatIsDrawn) {
  ModelOptions options = small;
  options.hidden = 32, options.batch = 16, options.length = 32, options.points = 13;
  Model model(device(), options);
  TrainingSet set(4);
  for (int k = 0; k < 4; ++k) set.add(arc(static_cast<float>(k) * 1.5f, 40));
  const double untaught = distances(model).first;
  double loss = 0, baseline = 0;
  for (int i = 0; i < 250; ++i) {
    Batch batch = set.next(options.length, options.batch);
    if (i >= 230) baseline += straight_line_loss(batch, static_cast<std::size_t>(options.batch)) / 20;
    model.train().run(model.batch(std::move(batch)));
    if (i >= 230) loss += model.train().value(model.loss()) / 20;  // of strokes it has not seen, before their update
  }
  const auto [learned, straight] = distances(model);
  EXPECT_LT(loss, baseline - 1.0);
  EXPECT_LT(learned, 0.5 * straight);
  EXPECT_LT(learned, 0.5 * untaught);
}

}  // namespace
