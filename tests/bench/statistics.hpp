// Medians and spreads of measured times.
// Invariant: no mean of times anywhere; one disturbed sample must not move a figure.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace volute::bench {

struct Spread {
  double median = 0, low = 0, high = 0;  ///< quartiles
};

/// Quantile q in [0, 1] of a sorted, non-empty row, between neighbours by line.
inline double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

inline Spread spread(std::vector<double> samples) {
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  return {quantile(samples, 0.5), quantile(samples, 0.25), quantile(samples, 0.75)};
}

inline double geometric_mean(const std::vector<double>& values) {
  double logs = 0;
  for (double value : values) logs += std::log(value);
  return values.empty() ? 0 : std::exp(logs / static_cast<double>(values.size()));
}

}  // namespace volute::bench
