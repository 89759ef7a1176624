// Strokes as an application draws them, and as the model sees them: steps of equal length (dx, dy, end).
// Canvas coordinates: x to the right, y down, both from -1 to 1. Invariant: every step of a resampled stroke covers
// step_length of arc, so what a model has to predict is direction alone, however fast a hand moved.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <volute/data.hpp>

namespace live_sketch {

struct Point {
  float x = 0, y = 0;
};

/// Points drawn in one go, in canvas coordinates.
using Stroke = std::vector<Point>;

/// Arc between two points of a resampled stroke.
inline constexpr float step_length = 0.025f;

/// Points at equal distances along the polyline, the first one kept; what is left at the end, less than `spacing`, is
/// dropped. Fewer than two points, or a polyline shorter than `spacing`, give the first point alone (or nothing).
Stroke resample(std::span<const Point> points, float spacing = step_length);

/// One step of a stroke, in units of step_length; Graves 2013, "Generating Sequences With Recurrent Neural Networks",
/// section 4.
struct Step {
  float dx = 0, dy = 0;
  float end = 0;  ///< 1 if the pen goes up after it
};

/// Steps of a stroke, resampled; the last one has end = 1. One less than points.
std::vector<Step> steps_of(std::span<const Point> points);

/// Strokes there is something to learn from before anybody has drawn.
enum class Family : std::uint8_t { wave, zigzag, loops, spiral, flower };
inline constexpr int families = 5;
const char* name_of(Family family);

/// A stroke of the family with size, direction (to the right, half a radian up or down) and phase at random,
/// resampled, `steps` steps long, its middle in the middle of the canvas.
Stroke generate(Family family, volute::data::Generator& random, int steps);

/// Beginnings of generated strokes, `count` of them (6 at most), spread over the canvas with room to go on: what a
/// window shows before its user has drawn.
std::vector<Stroke> examples(int count, std::uint64_t seed, int steps = 40);

/// Strokes side by side: steps [T, N, 3], zeros behind the end; mask [T, N], 1 where there is a step. Row-major.
struct Batch {
  std::vector<float> steps, mask;
};

/// What a model learns from: generated strokes without end, and those the user draws.
class TrainingSet {
 public:
  explicit TrainingSet(std::uint64_t seed = 1);
  /// Adds a stroke as drawn. Ignored (false) if it is shorter than four steps: a click teaches nothing.
  bool add(const Stroke& drawn);
  /// Forgets what was drawn.
  void clear();
  int drawn() const { return static_cast<int>(drawn_.size()); }
  /// Whether generated strokes are among the next batches while there are drawn ones; they are at first.
  void generated(bool use) { generated_ = use; }
  /// N strokes, or parts of them, of up to T steps, with some tremor; drawn ones slightly turned. Drawn strokes make
  /// up a growing part, up to a half of the batch, and the latest ones come most often.
  Batch next(std::int64_t T, std::int64_t N);

 private:
  /// Steps of one stroke, whole.
  std::vector<Step> pick(int T);

  volute::data::Generator random_;
  std::vector<Stroke> drawn_;
  bool generated_ = true;
};

}  // namespace live_sketch
