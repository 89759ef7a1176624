// Strokes of live_sketch on the host: resampling, generated families, batches.

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "samples/live_sketch/strokes.hpp"

namespace {

using namespace live_sketch;
using volute::data::Generator;

float distance(Point a, Point b) { return std::hypot(a.x - b.x, a.y - b.y); }

TEST(LiveSketchStrokes, ResamplesALineDrawnUnevenly) {
  const Stroke drawn = {{0, 0}, {0.01f, 0}, {0.01f, 0}, {0.4f, 0}, {0.405f, 0}, {1, 0}};
  const Stroke even = resample(drawn, 0.1f);
  ASSERT_GE(even.size(), 10u);  // the eleventh is at the end, within rounding
  for (std::size_t i = 0; i < even.size(); ++i) EXPECT_NEAR(even[i].x, 0.1 * static_cast<double>(i), 1e-5);
}

TEST(LiveSketchStrokes, SpacingIsAlongTheLineAndAcrossItsCorners) {
  const Stroke even = resample(Stroke{{0, 0}, {0.25f, 0}, {0.25f, 1}}, 0.1f);
  ASSERT_EQ(even.size(), 13u);
  EXPECT_NEAR(even[3].x, 0.25, 1e-6);
  EXPECT_NEAR(even[3].y, 0.05, 1e-6);  // 0.25 along the first edge, 0.05 along the second
  Stroke circle;
  for (int i = 0; i <= 1000; ++i) {
    const float a = 2 * std::numbers::pi_v<float> * static_cast<float>(i) / 1000;
    circle.push_back({std::cos(a), std::sin(a)});
  }
  const Stroke round = resample(circle);
  EXPECT_NEAR(static_cast<double>(round.size()), 2 * std::numbers::pi / step_length + 1, 1.0);
  for (std::size_t i = 1; i < round.size(); ++i) EXPECT_NEAR(distance(round[i - 1], round[i]), step_length, 1e-5);
}

TEST(LiveSketchStrokes, ShortStrokesKeepTheirFirstPoint) {
  EXPECT_TRUE(resample({}).empty());
  EXPECT_EQ(resample(Stroke{{0.5f, 0.5f}}).size(), 1u);
  EXPECT_EQ(resample(Stroke{{0.5f, 0.5f}, {0.501f, 0.5f}}).size(), 1u);
  EXPECT_TRUE(steps_of(Stroke{{0.5f, 0.5f}}).empty());
}

TEST(LiveSketchStrokes, StepsAreOfLengthOneAndTheLastEndsTheStroke) {
  const std::vector<Step> steps = steps_of(Stroke{{0, 0}, {0, 20.5f * step_length}});
  ASSERT_EQ(steps.size(), 20u);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    EXPECT_NEAR(steps[i].dx, 0, 1e-4);
    EXPECT_NEAR(steps[i].dy, 1, 1e-4);
    EXPECT_EQ(steps[i].end, i + 1 == steps.size() ? 1.0f : 0.0f);
  }
}

TEST(LiveSketchStrokes, FamiliesStayOnTheCanvasInEvenSteps) {
  Generator random(5);
  for (int i = 0; i < 50 * families; ++i) {
    const auto family = static_cast<Family>(i % families);
    const Stroke stroke = generate(family, random, 70);
    ASSERT_EQ(stroke.size(), 71u) << name_of(family);
    double arc = 0;
    for (std::size_t k = 1; k < stroke.size(); ++k) {
      ASSERT_LE(distance(stroke[k - 1], stroke[k]), step_length * 1.001f) << name_of(family);
      arc += distance(stroke[k - 1], stroke[k]);
    }
    EXPECT_GT(arc, 0.9 * 70 * step_length) << name_of(family);  // corners are cut, nothing else
    for (const Point& p : stroke) ASSERT_TRUE(std::abs(p.x) < 1.0f && std::abs(p.y) < 1.0f) << name_of(family);
  }
}

TEST(LiveSketchStrokes, SeedsDecideStrokes) {
  for (int f = 0; f < families; ++f) {
    Generator a(3), b(3), c(4);
    const Stroke first = generate(static_cast<Family>(f), a, 30), again = generate(static_cast<Family>(f), b, 30);
    const Stroke other = generate(static_cast<Family>(f), c, 30);
    double moved = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
      EXPECT_EQ(first[i].x, again[i].x);
      EXPECT_EQ(first[i].y, again[i].y);
      moved += distance(first[i], other[i]);
    }
    EXPECT_GT(moved, 0.01);
  }
}

TEST(LiveSketchStrokes, ExamplesBeginOnTheCanvas) {
  const std::vector<Stroke> all = examples(6, 1, 40);
  ASSERT_EQ(all.size(), 6u);
  for (const Stroke& stroke : all) {
    EXPECT_EQ(stroke.size(), 41u);
    for (const Point& p : stroke) EXPECT_TRUE(std::abs(p.x) < 1 && std::abs(p.y) < 1);
  }
  EXPECT_EQ(examples(2, 1).size(), 2u);
}

TEST(LiveSketchStrokes, BatchesPadBehindTheEnd) {
  TrainingSet set(2);
  set.generated(false);
  EXPECT_FALSE(set.add(Stroke{{0, 0}}));
  ASSERT_TRUE(set.add(Stroke{{0, 0}, {10.5f * step_length, 0}}));
  const Batch batch = set.next(16, 3);
  ASSERT_EQ(batch.steps.size(), 16u * 3 * 3);
  ASSERT_EQ(batch.mask.size(), 16u * 3);
  for (std::size_t t = 0; t < 16; ++t)
    for (std::size_t n = 0; n < 3; ++n) {
      const float* step = &batch.steps[(t * 3 + n) * 3];
      EXPECT_EQ(batch.mask[t * 3 + n], t < 10 ? 1.0f : 0.0f);
      EXPECT_NEAR(std::hypot(step[0], step[1]), t < 10 ? 1 : 0, 0.1);
      EXPECT_EQ(step[2], t == 9 ? 1.0f : 0.0f);
    }
}

TEST(LiveSketchStrokes, DrawnStrokesAreAGrowingPartOfBatches) {
  TrainingSet set(2);
  const auto straight = [&] {  // of 400; no family is straight over 30 steps
    int count = 0;
    const Batch batch = set.next(30, 400);
    for (std::size_t n = 0; n < 400; ++n) {
      double x = 0, y = 0;
      for (std::size_t t = 0; t < 30; ++t) x += batch.steps[(t * 400 + n) * 3], y += batch.steps[(t * 400 + n) * 3 + 1];
      count += std::hypot(x, y) > 29 && batch.mask[29 * 400 + n] == 1 ? 1 : 0;
    }
    return count;
  };
  EXPECT_EQ(straight(), 0);
  set.add(Stroke{{-1, 0}, {1, 0}});
  EXPECT_NEAR(straight(), 50, 25);
  for (int i = 0; i < 7; ++i) set.add(Stroke{{-1, 0}, {1, 0}});
  EXPECT_NEAR(straight(), 200, 40);
  EXPECT_EQ(set.drawn(), 8);
  set.clear();
  EXPECT_EQ(straight(), 0);
}

}  // namespace
