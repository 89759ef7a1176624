// The canvas of live_sketch under a pen: strokes begin, end, and make room for later ones.
#include <gtest/gtest.h>

#include "samples/live_sketch/canvas.hpp"

namespace live_sketch {
namespace {

/// A horizontal line in ten moves, and the pen up.
std::optional<Stroke> draw(Canvas& canvas, float y) {
  for (int i = 0; i <= 10; ++i) EXPECT_FALSE(canvas.pen(true, {0.05f * static_cast<float>(i), y}));
  return canvas.pen(false, {0.5f, y});
}

TEST(Canvas, StartsWithExamples) {
  const Canvas canvas(8, 1);
  EXPECT_EQ(canvas.strokes().size(), 6u);
  for (const Canvas::Entry& entry : canvas.strokes()) EXPECT_GT(entry.points.size(), 10u);
}

TEST(Canvas, PenDrawsAStrokeAndHandsItOverOnce) {
  Canvas canvas(8, 1);
  canvas.clear();
  const auto version = canvas.version();
  EXPECT_FALSE(canvas.drawing());
  EXPECT_FALSE(canvas.pen(true, {0, 0}));
  EXPECT_TRUE(canvas.drawing());
  const auto drawn = draw(canvas, 0);
  ASSERT_TRUE(drawn);
  EXPECT_EQ(drawn->size(), 11u);
  EXPECT_FALSE(canvas.drawing());
  EXPECT_GT(canvas.version(), version);
  const auto after = canvas.version();
  EXPECT_FALSE(canvas.pen(false, {0.9f, 0}));
  EXPECT_EQ(canvas.version(), after);
}

TEST(Canvas, RestingHandAddsNothing) {
  Canvas canvas(8, 1);
  canvas.pen(true, {0, 0});
  for (int i = 0; i < 100; ++i) canvas.pen(true, {0.0001f, 0});
  EXPECT_EQ(canvas.strokes().back().points.size(), 1u);
}

TEST(Canvas, OldestMakesRoomAndIdsStay) {
  Canvas canvas(3, 1);
  EXPECT_EQ(canvas.strokes().size(), 3u);
  canvas.clear();
  for (int i = 0; i < 5; ++i) draw(canvas, 0.1f * static_cast<float>(i));
  ASSERT_EQ(canvas.strokes().size(), 3u);
  for (std::size_t i = 1; i < 3; ++i) EXPECT_EQ(canvas.strokes()[i].id, canvas.strokes()[0].id + i);
  EXPECT_FLOAT_EQ(canvas.strokes()[0].points[0].y, 0.2f);
}

TEST(Canvas, StrokesAreBounded) {
  Canvas canvas(3, 1);
  for (std::size_t i = 0; i < Canvas::max_points + 100; ++i)
    canvas.pen(true, {static_cast<float>(i % 2) * 0.5f, static_cast<float>(i) * 1e-4f});
  EXPECT_EQ(canvas.strokes().back().points.size(), Canvas::max_points);
}

TEST(Canvas, ClearedWhileDrawing) {
  Canvas canvas(3, 1);
  canvas.pen(true, {0, 0});
  canvas.clear();
  EXPECT_TRUE(canvas.strokes().empty());
  EXPECT_FALSE(canvas.pen(false, {0, 0}));
  canvas.pen(true, {0.5f, 0});
  EXPECT_EQ(canvas.strokes().size(), 1u);
}

}  // namespace
}  // namespace live_sketch
