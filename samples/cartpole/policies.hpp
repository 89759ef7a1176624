// Who drives carts: the expert, and whoever learns from it, here the best linear function of the latest readings.
// Invariant: a policy's forces follow from what it has sensed since begin(); only the expert looks at the carts.
#pragma once

#include "samples/cartpole/cart.hpp"

namespace cartpole {

/// What happened to one cart until it fell or the time was over.
struct Episode {
  std::vector<float> sensed;   ///< [ticks, 2]
  std::vector<float> wanted;   ///< [ticks], the expert's forces
  std::vector<double> angles;  ///< [ticks]
};

class Policy {
 public:
  virtual ~Policy() = default;
  virtual void begin() = 0;  ///< new carts
  /// Forces [N] for what N carts sense, [N, 2].
  virtual std::vector<float> act(const std::vector<float>& sensed, const std::vector<Cart>& carts) = 0;
};

class Expert : public Policy {
 public:
  void begin() override {}
  std::vector<float> act(const std::vector<float>&, const std::vector<Cart>& carts) override {
    std::vector<float> forces;
    for (const Cart& cart : carts) forces.push_back(cart.expert());
    return forces;
  }
};

/// One who learns from the expert.
class Learner : public Policy {
 public:
  /// Learns from what the expert wanted in all of these.
  virtual void fit(const std::vector<Episode>& episodes) = 0;
  virtual void observe(double score) = 0;  ///< remembers itself if that is the best score so far
  virtual void restore() = 0;              ///< becomes what it was at its best
};

/// Least squares on the last `readings` readings of both sensors; before the first they count as equal to it.
class Linear : public Learner {
 public:
  explicit Linear(int readings) : size_(sensors * readings), weights_(size_) {}

  /// Solves (A' A + I / 1000) w = A' y by elimination; rows of A are readings, y what the expert wanted.
  void fit(const std::vector<Episode>& episodes) override {
    std::vector<std::vector<double>> rows(size_, std::vector<double>(size_ + 1));  // [A' A | A' y]
    for (std::size_t i = 0; i < size_; ++i) rows[i][i] = 1e-3;
    for (const Episode& e : episodes) {
      std::vector<float> recent;
      for (std::size_t t = 0; t < e.wanted.size(); ++t) {
        remember(recent, &e.sensed[sensors * t]);
        for (std::size_t i = 0; i < size_; ++i) {
          for (std::size_t j = 0; j < size_; ++j) rows[i][j] += recent[i] * recent[j];
          rows[i][size_] += recent[i] * e.wanted[t];
        }
      }
    }
    for (std::size_t k = 0; k < size_; ++k)
      for (std::size_t i = 0; i < size_; ++i) {
        if (i == k) continue;
        const double share = rows[i][k] / rows[k][k];
        for (std::size_t j = k; j <= size_; ++j) rows[i][j] -= share * rows[k][j];
      }
    for (std::size_t i = 0; i < size_; ++i) weights_[i] = rows[i][size_] / rows[i][i];
  }

  void observe(double score) override {
    if (score > best_) best_ = score, kept_ = weights_;
  }
  void restore() override { weights_ = kept_; }
  void begin() override { recent_.clear(); }
  std::vector<float> act(const std::vector<float>& sensed, const std::vector<Cart>& carts) override {
    recent_.resize(carts.size());
    std::vector<float> forces;
    for (std::size_t n = 0; n < carts.size(); ++n) {
      remember(recent_[n], &sensed[sensors * n]);
      const double force = std::inner_product(weights_.begin(), weights_.end(), recent_[n].begin(), 0.0);
      forces.push_back(static_cast<float>(force));
    }
    return forces;
  }

 private:
  /// Puts the newest reading first.
  void remember(std::vector<float>& recent, const float* reading) const {
    if (recent.empty())
      for (std::size_t i = 0; i < size_; ++i) recent.push_back(reading[i % sensors]);
    std::rotate(recent.begin(), recent.end() - sensors, recent.end());
    std::copy(reading, reading + sensors, recent.begin());
  }
  std::size_t size_;
  std::vector<double> weights_, kept_;
  double best_ = -1;
  std::vector<std::vector<float>> recent_;  ///< [N][size]
};

}  // namespace cartpole
