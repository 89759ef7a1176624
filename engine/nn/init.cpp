// Uniform and normal values from std::mt19937_64, whose output the standard fixes.
// Invariant: every call takes whole draws and keeps nothing back, so values depend on the seed and on the
// sizes drawn before, and on nothing else. The lock makes concurrent construction safe, not ordered.

#include "engine/nn/init.hpp"

#include <cmath>
#include <mutex>
#include <numbers>
#include <random>

#include <volute/nn.hpp>

namespace volute {
namespace {

struct Generator {
  std::mutex mutex;
  std::mt19937_64 engine{0};
};

Generator& generator() {
  static Generator instance;
  return instance;
}

/// [0, 1), 53 bits.
double unit(std::mt19937_64& engine) { return static_cast<double>(engine() >> 11) * 0x1p-53; }

}  // namespace

void manual_seed(std::uint64_t seed) {
  Generator& g = generator();
  std::lock_guard lock(g.mutex);
  g.engine.seed(seed);
}

namespace nn {

std::vector<float> uniform(std::int64_t n, double bound) {
  Generator& g = generator();
  std::lock_guard lock(g.mutex);
  std::vector<float> values(static_cast<std::size_t>(n));
  for (float& v : values) v = static_cast<float>(bound * (2.0 * unit(g.engine) - 1.0));
  return values;
}

// Box and Muller 1958: sqrt(-2 ln u) (cos, sin)(2 pi v), u in (0, 1], v in [0, 1).
std::vector<float> normal(std::int64_t n) {
  Generator& g = generator();
  std::lock_guard lock(g.mutex);
  std::vector<float> values(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < values.size(); i += 2) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - unit(g.engine)));
    const double angle = 2.0 * std::numbers::pi * unit(g.engine);
    values[i] = static_cast<float>(radius * std::cos(angle));
    if (i + 1 < values.size()) values[i + 1] = static_cast<float>(radius * std::sin(angle));
  }
  return values;
}

}  // namespace nn
}  // namespace volute
