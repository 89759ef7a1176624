// What a forecast is held against: the value a season before and a linear autoregression, with intervals from how far
// off they were; and the scores that all are held to.
// Invariant: a forecast from row t on is made of rows before t, and its interval of rows before the test.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace forecast {

constexpr std::int64_t horizon = 5, order = 9, season = 11;  // years

using Values = std::vector<double>;
/// 10, 50 and 90 %: the interval between the outer ones should hold four values of five.
inline constexpr std::array<double, 3> levels = {0.1, 0.5, 0.9};
using Quantiles = std::array<double, 3>;

/// What is in s when a s = b, by elimination with pivots.
inline Values solve(std::vector<Values> a, Values b) {
  const std::size_t n = b.size();
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < n; ++i)
      if (std::abs(a[i][k]) > std::abs(a[pivot][k])) pivot = i;
    std::swap(a[k], a[pivot]);
    std::swap(b[k], b[pivot]);
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = a[i][k] / a[k][k];
      for (std::size_t j = k; j < n; ++j) a[i][j] -= factor * a[k][j];
      b[i] -= factor * b[k];
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = k + 1; j < n; ++j) b[k] -= a[k][j] * b[j];
    b[k] /= a[k][k];
  }
  return b;
}

/// z[t] = c0 + c1 z[t-1] + ... + cp z[t-p], which Yule made for sunspots in 1927.
class Autoregression {
 public:
  /// Least squares over z[p .. end-1].
  Autoregression(const Values& z, std::size_t end, std::size_t p) {
    std::vector<Values> a(p + 1, Values(p + 1));
    Values b(p + 1);
    for (std::size_t t = p; t < end; ++t) {
      const Values row = regressors(z, t, p);
      for (std::size_t i = 0; i <= p; ++i) {
        for (std::size_t j = 0; j <= p; ++j) a[i][j] += row[i] * row[j];
        b[i] += row[i] * z[t];
      }
    }
    coefficients_ = solve(std::move(a), std::move(b));
  }
  /// Of the rows from t on, each from those forecast before it.
  Values operator()(const Values& z, std::size_t t) const {
    Values known(z.begin(), z.begin() + static_cast<std::ptrdiff_t>(t));
    for (std::size_t h = 0; h < horizon; ++h) {
      const Values row = regressors(known, known.size(), coefficients_.size() - 1);
      double value = 0;
      for (std::size_t i = 0; i < row.size(); ++i) value += coefficients_[i] * row[i];
      known.push_back(value);
    }
    return Values(known.begin() + static_cast<std::ptrdiff_t>(t), known.end());
  }

 private:
  static Values regressors(const Values& z, std::size_t t, std::size_t p) {
    Values row{1.0};
    for (std::size_t i = 1; i <= p; ++i) row.push_back(z[t - i]);
    return row;
  }
  Values coefficients_;
};

/// What a method without a network forecasts from row t on.
using Method = std::function<Values(std::size_t t)>;

/// Forecasts from each row from `test` on for which enough are left, row by row; the interval is where values
/// from row `first` on and before the test lay around the method's.
inline std::vector<Quantiles> with_intervals(const Method& method, const Values& z, std::size_t first,
                                             std::size_t test) {
  std::vector<Values> off(horizon);
  for (std::size_t t = first; t + horizon <= test; ++t) {
    const Values values = method(t);
    for (std::size_t h = 0; h < horizon; ++h) off[h].push_back(z[t + h] - values[h]);
  }
  for (Values& sorted : off) std::sort(sorted.begin(), sorted.end());
  const auto quantile = [](const Values& sorted, double level) {
    return sorted[static_cast<std::size_t>(level * static_cast<double>(sorted.size()))];
  };
  std::vector<Quantiles> all;
  for (std::size_t t = test; t + horizon <= z.size(); ++t) {
    const Values values = method(t);
    for (std::size_t h = 0; h < horizon; ++h)
      all.push_back({values[h] + quantile(off[h], levels[0]), values[h], values[h] + quantile(off[h], levels[2])});
  }
  return all;
}

/// How good forecasts are.
struct Score {
  double loss = 0;  ///< of quantiles, the mean over all: least for the true ones
  double mae = 0, rmse = 0, covered = 0;  ///< of the median, and the share of values inside the interval
};

/// Of forecasts from row `test` on, `horizon` each.
inline Score score(const std::vector<Quantiles>& forecasts, const Values& z, std::size_t test) {
  Score s;
  const auto count = static_cast<double>(forecasts.size());
  for (std::size_t i = 0; i < forecasts.size(); ++i) {
    const Quantiles& f = forecasts[i];
    const double y = z[test + i / horizon + i % horizon], error = y - f[1];
    for (std::size_t k = 0; k < levels.size(); ++k)
      s.loss += std::max(levels[k] * (y - f[k]), (levels[k] - 1) * (y - f[k])) / (3 * count);
    s.mae += std::abs(error) / count;
    s.rmse += error * error / count;
    s.covered += (y >= f[0] && y <= f[2]) / count;
  }
  s.rmse = std::sqrt(s.rmse);
  return s;
}

/// From square roots to numbers, the quantiles of which are the squares of those of the roots.
inline std::vector<Quantiles> squared(std::vector<Quantiles> all) {
  for (Quantiles& quantiles : all)
    for (double& value : quantiles) value = value < 0 ? 0 : value * value;
  return all;
}

struct Rival {
  std::string name;
  Score score;
};

/// On the same years as the network, but fitted on all that is before them.
inline std::vector<Rival> rivals(const Values& numbers, const Values& roots, std::size_t test) {
  const Autoregression of_numbers(numbers, test, order), of_roots(roots, test, order);
  const auto judge = [&](const Method& method, const Values& z) {
    std::vector<Quantiles> all = with_intervals(method, z, season, test);
    if (&z == &roots) all = squared(all);
    return score(all, numbers, test);
  };
  const auto before = [&](std::size_t t) {
    const auto from = numbers.begin() + static_cast<std::ptrdiff_t>(t) - season;
    return Values(from, from + horizon);
  };
  return {{"the values 11 years before", judge(before, numbers)},
          {"AR(9)", judge([&](std::size_t t) { return of_numbers(numbers, t); }, numbers)},
          {"AR(9) of square roots", judge([&](std::size_t t) { return of_roots(roots, t); }, roots)}};
}

}  // namespace forecast
