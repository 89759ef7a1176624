// A cart with a pole on it (Barto, Sutton and Anderson 1983), what its sensors say, and the force of an expert who
// knows everything: how the cart moves, and how long and heavy its pole is.
// Invariant: carts, starts, gusts and noise come from the generator alone, so that every policy can meet the same.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <vector>
#include <volute/volute.hpp>

namespace cartpole {

inline constexpr double tick = 0.02, gravity = 9.81, cart_mass = 1.0, strongest = 10.0;  // s, m/s^2, kg, N
inline constexpr double furthest = 2.4, steepest = 12 * std::numbers::pi / 180;          // m, rad; beyond it has fallen
inline constexpr double position_noise = 0.02, angle_noise = 0.01, gust = 1.0;           // deviations: m, rad, N
inline constexpr int sensors = 3, fresh_for = 25, shortest_hang = 4, longest_hang = 11;  // the last three in ticks

/// Position, its speed, angle of the pole (0: upright), its speed.
using State = std::array<double, 4>;

using Matrix = std::array<State, 4>;

inline Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c = {};
  for (int i = 0; i < 4; ++i)
    for (int k = 0; k < 4; ++k)
      for (int j = 0; j < 4; ++j) c[i][j] += a[i][k] * b[k][j];
  return c;
}

/// Uniform in [low, high).
inline double uniform(volute::data::Generator& random, double low, double high) {
  return low + (high - low) * static_cast<double>(random.next() >> 11) * 0x1p-53;
}

/// Box and Muller.
inline double normal(volute::data::Generator& random, double deviation) {
  const double size = std::sqrt(-2 * std::log(1 - uniform(random, 0, 1)));
  return deviation * size * std::cos(uniform(random, 0, 2 * std::numbers::pi));
}

class Cart {
 public:
  explicit Cart(volute::data::Generator& random)
      : half_length_(uniform(random, 0.3, 1.0)), pole_mass_(uniform(random, 0.05, 0.5)), gain_(best_gain()) {
    state_ = {uniform(random, -0.5, 0.5), 0, uniform(random, -0.08, 0.08), 0};
  }
  bool fallen() const { return std::abs(state_[0]) > furthest || std::abs(state_[2]) > steepest; }
  double angle() const { return state_[2]; }
  /// What is seen of it, each about within -1 and 1: position and angle, with noise, no speeds; and 1, or 0 while the
  /// sensors hang and repeat what they said last.
  std::array<float, sensors> sense(volute::data::Generator& random) {
    const double x = state_[0] + normal(random, position_noise), angle = state_[2] + normal(random, angle_noise);
    if (hanging_ > 0) --hanging_;
    else if (random.below(fresh_for) == 0)
      hanging_ = shortest_hang + static_cast<int>(random.below(longest_hang - shortest_hang + 1));
    if (hanging_ > 0) sensed_[2] = 0;
    else sensed_ = {static_cast<float>(x / furthest), static_cast<float>(angle / steepest), 1};
    return sensed_;
  }
  /// The expert's force, as a share of the strongest one.
  float expert() const {
    double force = 0;
    for (int i = 0; i < 4; ++i) force -= gain_[i] * state_[i];
    return static_cast<float>(std::clamp(force / strongest, -1.0, 1.0));
  }
  /// A tick under that share of the strongest force, and a gust of wind.
  void move(float share, volute::data::Generator& random) {
    const double force = std::clamp<double>(share, -1, 1) * strongest + normal(random, gust);
    auto& [x, v, angle, spin] = state_;
    const double total = cart_mass + pole_mass_, moment = pole_mass_ * half_length_;
    const double push = (force + moment * spin * spin * std::sin(angle)) / total;
    const double inertia = half_length_ * (4.0 / 3 - pole_mass_ * std::cos(angle) * std::cos(angle) / total);
    const double turn = (gravity * std::sin(angle) - std::cos(angle) * push) / inertia;
    v += tick * (push - moment * turn * std::cos(angle) / total), x += tick * v;
    spin += tick * turn, angle += tick * spin;
  }

 private:
  /// The gain that minimises the sum of x^2 + 10 angle^2 + force^2 / 100 near upright (linear quadratic regulator): the
  /// discrete Riccati equation P = Q + A' P (A - B K), K = B' P A / (R + B' P B), iterated until it stands.
  State best_gain() const {
    const double total = cart_mass + pole_mass_, moment = pole_mass_ * half_length_;
    const double inertia = half_length_ * (4.0 / 3 - pole_mass_ / total), R = 0.01;
    const Matrix A = {{{1, tick, 0, 0},
                       {0, 1, -tick * moment * gravity / (inertia * total), 0},
                       {0, 0, 1, tick},
                       {0, 0, tick * gravity / inertia, 1}}};
    const State B = {0, tick * (1 + moment / (inertia * total)) / total, 0, -tick / (inertia * total)};
    const State Q = {1, 0, 10, 0};
    Matrix P = {};
    State K = {};
    for (int round = 0; round < 1000; ++round) {
      const State BP = product({B}, P)[0];
      const double cost = R + std::inner_product(BP.begin(), BP.end(), B.begin(), 0.0);
      K = product({BP}, A)[0];
      for (double& k : K) k /= cost;
      Matrix rest = A, transposed;
      for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) rest[i][j] -= B[i] * K[j], transposed[j][i] = A[i][j];
      P = product(transposed, product(P, rest));
      for (int i = 0; i < 4; ++i) P[i][i] += Q[i];
    }
    return K;
  }

  double half_length_, pole_mass_;
  State gain_, state_ = {};
  std::array<float, sensors> sensed_ = {};
  int hanging_ = 0;
};

}  // namespace cartpole
