// The pen and the strokes it leaves.
#include "samples/live_sketch/canvas.hpp"

#include <cmath>

namespace live_sketch {
namespace {

/// Of a hand that trembles or rests: closer points say nothing. In canvas units, about two pixels.
constexpr float least_move = 0.004f;

/// As many as examples() has places for.
constexpr int example_count = 6;

}  // namespace

Canvas::Canvas(int capacity, std::uint64_t seed) : capacity_(static_cast<std::size_t>(capacity)), seed_(seed) {
  examples();
}

void Canvas::start(Stroke points) {
  if (strokes_.size() == capacity_) strokes_.erase(strokes_.begin());
  strokes_.push_back({next_id_++, std::move(points)});
}

std::optional<Stroke> Canvas::pen(bool down, Point at) {
  if (!down) {
    if (!drawing_) return std::nullopt;
    drawing_ = false;
    return strokes_.back().points;
  }
  if (!drawing_) {
    start({at});
    drawing_ = true;
    ++version_;
    return std::nullopt;
  }
  Stroke& points = strokes_.back().points;
  if (points.size() == max_points || std::hypot(at.x - points.back().x, at.y - points.back().y) < least_move)
    return std::nullopt;
  points.push_back(at);
  ++version_;
  return std::nullopt;
}

void Canvas::clear() {
  strokes_.clear();
  drawing_ = false;
  ++version_;
}

void Canvas::examples() {
  clear();
  for (Stroke& stroke : live_sketch::examples(example_count, seed_)) start(std::move(stroke));
  ++seed_;
}

}  // namespace live_sketch
