// Random values for cases, and how found values differ from expected ones.
// Invariant: random_values depends on its arguments alone; NaN, where it is not expected, differs from everything.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <vector>

namespace volute::check {

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

/// Largest magnitude, and never less than `least`.
inline double magnitude(const std::vector<double>& values, double least = 0) {
  for (double v : values) least = std::max(least, std::abs(v));
  return least;
}

inline bool same_bits(const std::vector<std::vector<float>>& a, const std::vector<std::vector<float>>& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0;
  });
}

struct Difference {
  double excess = 0;  ///< the largest |got - want| in units of what is allowed: up to 1 is none
  std::string text;   ///< empty if there is none; else how many differ, and the worst
};

/// Of |got - want| <= absolute + relative |want| for every element.
template <class Got, class Want>
Difference difference(const Got& got_values, const Want& want_values, double relative, double absolute) {
  const std::span got(got_values);
  const std::span want(want_values);
  std::ostringstream text;
  if (got.size() != want.size()) {
    text << got.size() << " values, expected " << want.size();
    return {HUGE_VAL, text.str()};
  }
  Difference found;
  std::size_t wrong = 0, worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double g = static_cast<double>(got[i]), w = static_cast<double>(want[i]);
    if (g == w) continue;  // equal infinities too
    const double off = std::abs(g - w), bound = absolute + relative * std::abs(w);
    const double excess = std::isfinite(off) ? off / std::max(bound, 1e-300) : HUGE_VAL;
    wrong += !(off <= bound && std::isfinite(g));
    if (excess > found.excess) worst = i, found.excess = excess;
  }
  if (wrong == 0) return found;
  text.precision(9);
  text << wrong << " of " << got.size() << " values differ; worst at " << worst << ": got " << got[worst]
       << ", expected " << want[worst];
  text.precision(3);
  text << " (" << found.excess << " times the tolerance)";
  found.text = text.str();
  return found;
}

}  // namespace volute::check
