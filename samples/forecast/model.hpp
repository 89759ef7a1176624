// The network: a linear autoregression, corrected by LSTMs that are averaged; and the loss that makes quantiles of what
// they say.
// Invariant: quantiles ascend, whatever the weights are.
#pragma once

#include <volute/volute.hpp>

#include "samples/forecast/baselines.hpp"

namespace forecast {

using namespace volute;

constexpr std::int64_t seen = 33, hidden = 16;  // years, units

using Bundle = std::array<Tensor, 3>;  // of the quantiles, each [N, horizon]

/// The autoregression's forecasts, which are linear in the last years and not trained, plus what an LSTM makes of the
/// years seen. That works in units of their mean: a series that has risen above all before is no stranger to it.
struct Member {
  nn::LSTM lstm{1, hidden};
  nn::Linear head{hidden, 3 * horizon}, linear{order, horizon};

  explicit Member(const Autoregression& autoregression) {
    const Values zero(order, 0.0), offsets = autoregression(zero, order);
    std::vector<float> weight(horizon * order), bias(offsets.begin(), offsets.end());
    for (std::size_t i = 0; i < order; ++i) {
      Values unit = zero;
      unit[i] = 1;
      const Values response = autoregression(unit, order);
      for (std::size_t h = 0; h < horizon; ++h) weight[h * order + i] = static_cast<float>(response[h] - offsets[h]);
    }
    Parameter(linear.parameters()[0]).set(weight);
    Parameter(linear.parameters()[1]).set(bias);
    for (Parameter p : head.parameters()) {  // nearly no correction at first
      std::vector<float> values = p.values();
      for (float& v : values) v *= 0.1f;
      p.set(values);
    }
  }
  /// x [seen, N, 1] -> quantiles, ascending by construction.
  Bundle operator()(Tensor x) const {
    Tensor level = mean(x, {0});                                                               // [N, 1]
    Tensor recent = transpose(reshape(slice(x, 0, -order, seen), {order, x.dim(1)}));          // [N, order]
    Tensor told = head(dropout(lstm.run(x / level - 1.0f).last_output, 0.2f));                 // [N, 3 horizon]
    const std::vector<Tensor> part = split(told, 1, 3);                                        // each [N, horizon]
    Tensor median = stop_gradient(linear(recent)) + level * part[1];
    const auto softplus = [](Tensor a) { return log(1.0f + exp(a)); };
    return {median - level * softplus(part[0]), median, median + level * softplus(part[2])};
  }
};

constexpr std::size_t members = 5;
using Ensemble = std::vector<Member>;

inline Ensemble make_ensemble(const Autoregression& autoregression) {
  Ensemble ensemble;
  while (ensemble.size() < members) ensemble.emplace_back(autoregression);
  return ensemble;
}

/// The mean over all of q e where a forecast is too low by e, and of (1 - q) e where it is too high: least for the
/// quantile q. y [horizon, N, 1].
inline Tensor quantile_loss(const Bundle& forecasts, Tensor y) {
  Tensor loss;
  for (std::size_t k = 0; k < levels.size(); ++k) {
    const auto q = static_cast<float>(levels[k]);
    Tensor e = transpose(reshape(y, {horizon, y.dim(1)})) - forecasts[k];
    Tensor part = mean(maximum(q * e, (q - 1.0f) * e));
    loss = loss ? loss + part : part;
  }
  return loss / 3.0f;
}

}  // namespace forecast
