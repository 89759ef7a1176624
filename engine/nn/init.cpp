// Uniform and normal values from std::mt19937_64, whose output the standard fixes.
// Invariant: every call takes whole draws and keeps nothing back, so values depend on the seed and on the
// sizes drawn before, and on nothing else. The lock makes concurrent construction safe, not ordered.

#include "engine/nn/init.hpp"

#include <cmath>
#include <mutex>
#include <numbers>
#include <numeric>
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

/// Room for the values of one parameter.
std::vector<float> room(std::int64_t n) {
  if (n < 0 || n > max_parameter_elements)
    throw InvalidGraph("a parameter has at most " + std::to_string(max_parameter_elements) + " values; got " +
                       std::to_string(n));
  return std::vector<float>(static_cast<std::size_t>(n));
}

}  // namespace

void manual_seed(std::uint64_t seed) {
  Generator& g = generator();
  std::lock_guard lock(g.mutex);
  g.engine.seed(seed);
}

namespace nn {

KeptGenerator::KeptGenerator() {
  std::lock_guard lock(generator().mutex);
  engine_ = generator().engine;
}

KeptGenerator::~KeptGenerator() {
  std::lock_guard lock(generator().mutex);
  generator().engine = engine_;
}

std::vector<float> uniform(std::int64_t n, double bound) {
  Generator& g = generator();
  std::lock_guard lock(g.mutex);
  std::vector<float> values = room(n);
  for (float& v : values) v = static_cast<float>(bound * (2.0 * unit(g.engine) - 1.0));
  return values;
}

// Box and Muller 1958: sqrt(-2 ln u) (cos, sin)(2 pi v), u in (0, 1], v in [0, 1).
std::vector<float> normal(std::int64_t n) {
  Generator& g = generator();
  std::lock_guard lock(g.mutex);
  std::vector<float> values = room(n);
  for (std::size_t i = 0; i < values.size(); i += 2) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - unit(g.engine)));
    const double angle = 2.0 * std::numbers::pi * unit(g.engine);
    values[i] = static_cast<float>(radius * std::cos(angle));
    if (i + 1 < values.size()) values[i + 1] = static_cast<float>(radius * std::sin(angle));
  }
  return values;
}

// Gram and Schmidt on normal values, twice for accuracy, in double. The sign of a direction is that of the
// draw, which makes the distribution uniform over orthogonal matrices.
std::vector<float> orthogonal(std::int64_t rows, std::int64_t columns) {
  const bool tall = rows >= columns;
  const std::int64_t count = tall ? columns : rows, length = tall ? rows : columns;
  const std::vector<float> draws = normal(count * length);
  std::vector<double> v(draws.begin(), draws.end());  // [count, length]
  for (std::int64_t i = 0; i < count; ++i) {
    double* a = &v[static_cast<std::size_t>(i * length)];
    for (int round = 0; round < 2; ++round)
      for (std::int64_t j = 0; j < i; ++j) {
        const double* b = &v[static_cast<std::size_t>(j * length)];
        const double along = std::inner_product(a, a + length, b, 0.0);
        for (std::int64_t k = 0; k < length; ++k) a[k] -= along * b[k];
      }
    const double norm = std::sqrt(std::inner_product(a, a + length, a, 0.0));
    for (std::int64_t k = 0; k < length; ++k) a[k] /= norm;
  }
  std::vector<float> values(v.size());
  for (std::int64_t i = 0; i < count; ++i)
    for (std::int64_t k = 0; k < length; ++k)
      values[static_cast<std::size_t>(tall ? k * columns + i : i * columns + k)] =
          static_cast<float>(v[static_cast<std::size_t>(i * length + k)]);
  return values;
}

}  // namespace nn
}  // namespace volute
