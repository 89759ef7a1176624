// Batches of generated and drawn strokes. Invariant: every stroke has some tremor. Without it a model learns lines so
// exact that it is lost after the first error of its own.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "samples/live_sketch/random.hpp"
#include "samples/live_sketch/strokes.hpp"

namespace live_sketch {
namespace {

constexpr float tremor = 0.03f;  // of a step, either way
constexpr std::size_t most_drawn = 64;

}  // namespace

TrainingSet::TrainingSet(std::uint64_t seed) : random_(seed) {}

bool TrainingSet::add(const Stroke& drawn) {
  if (steps_of(drawn).size() < 4) return false;
  if (drawn_.size() == most_drawn) drawn_.erase(drawn_.begin());
  drawn_.push_back(drawn);
  return true;
}

void TrainingSet::clear() { drawn_.clear(); }

std::vector<Step> TrainingSet::pick(int T) {
  // One stroke is an eighth of a batch, four and more are half of it.
  const float share = std::min(0.5f, 0.125f * static_cast<float>(drawn_.size()));
  const bool drawn = !drawn_.empty() && (!generated_ || uniform(random_, 0, 1) < share);
  Stroke stroke;
  float angle = 0;
  if (drawn) {
    // The square of a uniform number is near 0 most often: from the latest backwards.
    const float u = uniform(random_, 0, 1);
    stroke = drawn_[drawn_.size() - 1 - static_cast<std::size_t>(u * u * static_cast<float>(drawn_.size()))];
    angle = uniform(random_, -0.3f, 0.3f);
  } else {
    const int steps = T / 2 + static_cast<int>(random_.below(static_cast<std::uint64_t>(T) + 1));
    stroke = generate(static_cast<Family>(random_.below(families)), random_, steps);
  }
  std::vector<Step> steps = steps_of(stroke);
  const float c = std::cos(angle), s = std::sin(angle);
  for (Step& step : steps) step = {c * step.dx - s * step.dy, s * step.dx + c * step.dy, step.end};
  return steps;
}

Batch TrainingSet::next(std::int64_t T, std::int64_t N) {
  Batch batch{std::vector<float>(static_cast<std::size_t>(T * N * 3)),
              std::vector<float>(static_cast<std::size_t>(T * N))};
  for (std::int64_t n = 0; n < N; ++n) {
    const std::vector<Step> steps = pick(static_cast<int>(T));
    const auto length = static_cast<std::int64_t>(steps.size());
    const std::int64_t begin =
        length > T ? static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(length - T) + 1)) : 0;
    for (std::int64_t t = 0; t < std::min(T, length - begin); ++t) {
      const Step& step = steps[static_cast<std::size_t>(begin + t)];
      float* to = &batch.steps[static_cast<std::size_t>((t * N + n) * 3)];
      to[0] = step.dx + uniform(random_, -tremor, tremor);
      to[1] = step.dy + uniform(random_, -tremor, tremor);
      to[2] = step.end;
      batch.mask[static_cast<std::size_t>(t * N + n)] = 1;
    }
  }
  return batch;
}

}  // namespace live_sketch
