// Random values and comparison for tests.
// Invariant: random_values depends on its arguments alone; close never passes on NaN or a wrong count.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace volute::test {

/// n values in [lo, hi), multiples of (hi - lo) / 2^24.
inline std::vector<float> random_values(std::size_t n, std::uint32_t seed, float lo = -1, float hi = 1) {
  std::mt19937 engine(seed);
  std::vector<float> values(n);
  for (float& v : values) v = lo + (hi - lo) * static_cast<float>(engine() >> 8) * 0x1p-24f;
  return values;
}

/// n indices in [0, bound).
inline std::vector<std::uint32_t> random_indices(std::size_t n, std::uint32_t seed, std::uint32_t bound) {
  std::mt19937 engine(seed);
  std::vector<std::uint32_t> values(n);
  for (std::uint32_t& v : values) v = static_cast<std::uint32_t>(engine() % bound);
  return values;
}

/// The same numbers as doubles: feeds for the reference.
template <class T>
std::vector<double> widen(const std::vector<T>& values) {
  return {values.begin(), values.end()};
}

/// |got - want| <= absolute + relative |want| for every element; else says how many differ and shows the worst.
template <class Got, class Want>
::testing::AssertionResult close(const Got& got_values, const Want& want_values, double relative, double absolute) {
  const std::span got(got_values);
  const std::span want(want_values);
  if (got.size() != want.size())
    return ::testing::AssertionFailure() << got.size() << " values, expected " << want.size();
  std::size_t wrong = 0, worst = 0;
  double worst_excess = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double g = static_cast<double>(got[i]), w = static_cast<double>(want[i]);
    if (g == w) continue;  // equal infinities too
    const double difference = std::abs(g - w), bound = absolute + relative * std::abs(w);
    if (difference <= bound && std::isfinite(g)) continue;
    const double excess = std::isfinite(difference) ? difference / std::max(bound, 1e-300) : HUGE_VAL;
    if (wrong++ == 0 || excess > worst_excess) worst = i, worst_excess = excess;
  }
  if (wrong == 0) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << wrong << " of " << got.size() << " values differ; worst at " << worst
                                       << ": got " << ::testing::PrintToString(got[worst]) << ", expected "
                                       << ::testing::PrintToString(want[worst]) << " (" << worst_excess
                                       << " times the tolerance)";
}

}  // namespace volute::test
