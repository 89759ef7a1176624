// Time per step and compile time grow linearly with T. Measured without validation, which has costs of its own.
// Invariant: the bounds are the promise (20 %); a noisy machine gets three attempts, never a wider bound.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <optional>

#include <volute/device.hpp>
#include <volute/nn.hpp>
#include <volute/optim.hpp>

#include "tests/support/values.hpp"

namespace volute {
namespace {

using Clock = std::chrono::steady_clock;
using Row = std::vector<double>;

constexpr std::int64_t N = 16, I = 32, H = 128;
const std::vector<std::int64_t> lengths = {64, 128, 256, 512, 1024};
constexpr int rounds = 5, attempts = 3;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median(Row values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// One LSTM layer that learns, over T steps.
struct Trainer {
  Trainer(Device& device, std::int64_t length) : T(length) {
    x = g.input("x", {T, N, I});
    const Tensor ys = lstm(x);  // [T, N, H]
    targets = minimize(mean(ys * ys), SGD{});
    const auto begin = Clock::now();
    const Program cold = device.compile(g, targets);  // fills the caches: shaders, and the driver's own code
    cold_seconds = since(begin);
    for (int i = 0; i < rounds; ++i) {
      const auto start = Clock::now();
      program.emplace(device.compile(g, targets));
      compile_seconds = std::min(compile_seconds, since(start));
    }
    program->run({{x, test::random_values(static_cast<std::size_t>(T * N * I), 1)}});
    program->wait();
  }
  double step() {
    const auto start = Clock::now();
    program->run();
    program->wait();
    return since(start);
  }

  std::int64_t T;
  nn::LSTM lstm{I, H};
  Graph g;
  Tensor x;
  Targets targets;
  std::optional<Program> program;
  double cold_seconds = 0;
  double compile_seconds = 1e9;  ///< best of a few, with warm caches
};

/// Medians over rounds that visit every T, so that a slow minute of the machine is in all of them.
Row step_seconds(std::vector<std::unique_ptr<Trainer>>& trainers) {
  std::vector<Row> samples(trainers.size());
  for (int round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < trainers.size(); ++i)
      for (int repeat = 0; repeat < (trainers[i]->T <= 256 ? 4 : 1); ++repeat)
        samples[i].push_back(trainers[i]->step());
  Row medians;
  for (const Row& row : samples) medians.push_back(median(row));
  return medians;
}

/// t = fixed + slope T by least squares of relative errors.
std::pair<double, double> line_through(const Row& seconds) {
  double w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    const double x = static_cast<double>(lengths[i]), weight = 1 / (seconds[i] * seconds[i]);
    w += weight, wx += weight * x, wy += weight * seconds[i];
    wxx += weight * x * x, wxy += weight * x * seconds[i];
  }
  const double slope = (w * wxy - wx * wy) / (w * wxx - wx * wx);
  return {(wy - slope * wx) / w, slope};
}

bool linear(const Row& seconds) {
  const double growth = seconds.back() / seconds.front() / 16;
  const auto [fixed, slope] = line_through(seconds);
  bool fits = growth > 0.8 && growth < 1.2;
  std::printf("a step: %.2f ms + %.1f us a time step; t(1024) / t(64) = %.1f\n", fixed * 1e3, slope * 1e6, growth * 16);
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    const double expected = fixed + slope * static_cast<double>(lengths[i]);
    std::printf("  T %4lld: %8.2f ms, on the line %8.2f\n", static_cast<long long>(lengths[i]), seconds[i] * 1e3,
                expected * 1e3);
    fits &= std::abs(seconds[i] / expected - 1) < 0.2;
  }
  return fits;
}

TEST(TimeScaling, IsLinearInT) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "times of an instrumented build say nothing";
#endif
  Device device;
  std::vector<std::unique_ptr<Trainer>> trainers;
  for (std::int64_t T : lengths) trainers.push_back(std::make_unique<Trainer>(device, T));
  bool fits = false;
  for (int attempt = 0; attempt < attempts && !fits; ++attempt) fits = linear(step_seconds(trainers));
  EXPECT_TRUE(fits);

  double longest = trainers.back()->compile_seconds, shortest = trainers.front()->compile_seconds;
  for (int attempt = 1; attempt < attempts && longest > 1.2 * 16 * shortest; ++attempt) {
    longest = std::min(longest, Trainer(device, lengths.back()).compile_seconds);
    shortest = std::min(shortest, Trainer(device, lengths.front()).compile_seconds);
  }
  for (const auto& trainer : trainers)
    std::printf("compile at T %4lld: %.1f ms, %.0f ms at first\n", static_cast<long long>(trainer->T),
                trainer->compile_seconds * 1e3, trainer->cold_seconds * 1e3);
  EXPECT_LT(trainers.back()->cold_seconds, 10.0) << "even with the driver's own compilation";
  EXPECT_LE(longest, 1.2 * 16 * shortest);
}

/// Before main, and so before the engine first looks.
[[maybe_unused]] const int no_validation = unsetenv("VOLUTE_DEBUG");

}  // namespace
}  // namespace volute
