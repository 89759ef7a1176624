// EMA weights: shadow parameters, and their exchange with the real ones.
// Invariant: shadows are parameters like any other, so files, graphs and programs need nothing new for them.

#include <volute/optim.hpp>

namespace volute {

EMA::EMA(std::vector<Parameter> parameters, float decay) : parameters_(std::move(parameters)), decay_(decay) {
  if (!(decay >= 0.0f && decay < 1.0f))
    throw InvalidGraph("ema: decay must be in [0, 1), got " + std::to_string(decay));
  if (parameters_.empty()) throw InvalidGraph("ema: there are no parameters to follow");
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j)
      if (parameters_[j].data() == parameters_[i].data())
        throw InvalidGraph("ema: parameter \"" + parameters_[i].name() + "\" is named twice");
    shadows_.emplace_back("ema." + parameters_[i].name(), parameters_[i].shape(), parameters_[i].values());
  }
}

void EMA::swap() {
  std::vector<std::pair<Parameter, std::vector<float>>> before, after;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    before.emplace_back(parameters_[i], parameters_[i].values());
    before.emplace_back(shadows_[i], shadows_[i].values());
    after.emplace_back(parameters_[i], before[2 * i + 1].second);
    after.emplace_back(shadows_[i], before[2 * i].second);
  }
  std::size_t done = 0;
  try {
    for (; done < after.size(); ++done) after[done].first.set(after[done].second);
  } catch (...) {
    for (std::size_t i = 0; i <= done; ++i) before[i].first.set(before[i].second);
    throw;
  }
}

}  // namespace volute
