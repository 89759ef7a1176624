// Resampling, and the families of generated strokes. Sizes are in steps, so that what a family looks like to the model
// does not depend on how large a step is on the canvas. Invariant: the same generator gives the same strokes.
#include "samples/live_sketch/strokes.hpp"

#include <cmath>
#include <functional>
#include <numbers>
#include <stdexcept>

#include "samples/live_sketch/random.hpp"

namespace live_sketch {
namespace {

using volute::data::Generator;
constexpr float turn = 2 * std::numbers::pi_v<float>;

/// A curve from 0 on, in steps; nearly even in arc.
using Curve = std::function<Point(float)>;

Curve wave(Generator& random) {
  const float height = uniform(random, 2.5f, 4.5f), period = uniform(random, 9, 15), phase = uniform(random, 0, turn);
  return [=](float t) { return Point{t, height * std::sin(turn * t / period + phase)}; };
}

Curve zigzag(Generator& random) {
  const float edge = uniform(random, 6, 9), slope = uniform(random, 0.95f, 1.25f);
  const float start = uniform(random, 0, 2 * edge), across = std::cos(slope), up = std::sin(slope);
  return [=](float t) {
    const float u = std::fmod(t + start, 2 * edge);
    return Point{t * across, up * (u < edge ? u : 2 * edge - u)};
  };
}

// A point on a wheel that slips: x = d a / 2 pi + r cos a, y = r sin a, with d < 2 pi r it loops.
Curve loops(Generator& random) {
  const float radius = uniform(random, 2, 3.2f), advance = uniform(random, 1, 1.6f) * radius;
  const float phase = uniform(random, 0, turn);
  return [=](float t) {
    const float a = t / radius;
    return Point{advance * a / turn + radius * std::cos(a + phase), radius * std::sin(a + phase)};
  };
}

// Archimedes': r = r0 + w a / 2 pi; a from the arc so far, about w a^2 / 4 pi + r0 a.
Curve spiral(Generator& random) {
  const float width = uniform(random, 2, 3), inner = uniform(random, 1, 2), phase = uniform(random, 0, turn);
  return [=](float t) {
    const float k = width / turn, a = (std::sqrt(inner * inner + 2 * k * t) - inner) / k, r = inner + k * a;
    return Point{r * std::cos(a + phase), r * std::sin(a + phase)};
  };
}

// Petals round a ring: r = R (1 + e cos n a).
Curve flower(Generator& random) {
  const float radius = uniform(random, 6, 8), depth = uniform(random, 0.25f, 0.4f);
  const float petals = 4 + static_cast<float>(random.below(3)), start = uniform(random, 0, turn);
  return [=](float t) {
    const float a = t / (1.5f * radius) + start, r = radius * (1 + depth * std::cos(petals * a));
    return Point{r * std::cos(a), r * std::sin(a)};
  };
}

Curve curve(Family family, Generator& random) {
  switch (family) {
    case Family::wave: return wave(random);
    case Family::zigzag: return zigzag(random);
    case Family::loops: return loops(random);
    case Family::spiral: return spiral(random);
    case Family::flower: return flower(random);
  }
  throw std::invalid_argument("live_sketch: no such family of strokes");
}

/// The curve's first `steps` steps of arc, on the canvas, turned by `angle`.
Stroke draw(const Curve& curve, int steps, float angle, bool mirrored) {
  const float c = step_length * std::cos(angle), s = step_length * std::sin(angle);
  const float fine = 0.125f;  // of a step: the chords of the tightest loop miss a thousandth of its arc
  Stroke dense, stroke;
  for (float t = 0; static_cast<int>(stroke.size()) <= steps;) {
    for (const float end = t + static_cast<float>(steps); t < end; t += fine) {
      Point p = curve(t);
      if (mirrored) p.y = -p.y;
      dense.push_back({c * p.x - s * p.y, s * p.x + c * p.y});
    }
    stroke = resample(dense);
  }
  stroke.resize(static_cast<std::size_t>(steps) + 1);
  return stroke;
}

void move_by(Stroke& stroke, float x, float y) {
  for (Point& p : stroke) p = {p.x + x, p.y + y};
}

}  // namespace

Stroke resample(std::span<const Point> points, float spacing) {
  Stroke even;
  if (points.empty()) return even;
  even.push_back(points[0]);
  float left = spacing;  // arc to the next even point
  for (std::size_t i = 1; i < points.size(); ++i) {
    const Point a = points[i - 1], b = points[i];
    const float length = std::hypot(b.x - a.x, b.y - a.y);
    float along = left;
    for (; along <= length; along += spacing) {
      const float part = along / length;
      even.push_back({a.x + part * (b.x - a.x), a.y + part * (b.y - a.y)});
    }
    left = along - length;
  }
  return even;
}

std::vector<Step> steps_of(std::span<const Point> points) {
  const Stroke even = resample(points);
  std::vector<Step> steps;
  for (std::size_t i = 1; i < even.size(); ++i)
    steps.push_back({(even[i].x - even[i - 1].x) / step_length, (even[i].y - even[i - 1].y) / step_length, 0});
  if (!steps.empty()) steps.back().end = 1;
  return steps;
}

const char* name_of(Family family) {
  static constexpr const char* names[families] = {"wave", "zigzag", "loops", "spiral", "flower"};
  return names[static_cast<int>(family)];
}

Stroke generate(Family family, Generator& random, int steps) {
  const Curve line = curve(family, random);
  const float angle = uniform(random, -0.5f, 0.5f);  // most hands write to the right
  Stroke stroke = draw(line, steps, angle, random.below(2) == 1);
  float x = 0, y = 0;
  for (const Point& p : stroke) x += p.x, y += p.y;
  const auto count = static_cast<float>(stroke.size());
  move_by(stroke, -x / count, -y / count);
  return stroke;
}

std::vector<Stroke> examples(int count, std::uint64_t seed, int steps) {
  struct Place {
    Family family;
    float x, y;  ///< of the beginning, or of the middle of a stroke that turns round it
  };
  static constexpr Place places[] = {{Family::wave, -0.8f, -0.7f},    {Family::loops, -0.8f, -0.3f},
                                     {Family::zigzag, -0.8f, -0.05f}, {Family::spiral, -0.55f, 0.62f},
                                     {Family::flower, 0.05f, 0.62f},  {Family::spiral, 0.6f, 0.62f}};
  Generator random(seed);
  std::vector<Stroke> all;
  for (const Place& place : places) {
    if (static_cast<int>(all.size()) >= count) break;
    all.push_back(draw(curve(place.family, random), steps, 0, false));
    move_by(all.back(), place.x, place.y);
  }
  return all;
}

}  // namespace live_sketch
