// Time per step grows linearly with T and N, compile time with T. Measured without validation, which has costs of its
// own. Invariant: the bounds are the promise (15 %; compiling 20 %); a noisy machine gets more attempts, never a wider
// bound.
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

constexpr std::int64_t I = 32, H = 128;
constexpr int rounds = 5, attempts = 4;
constexpr std::int64_t visit = 32768;
constexpr double bound = 0.15;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median(Row values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// One LSTM layer that learns, over T steps of N sequences.
struct Trainer {
  Trainer(Device& device, std::int64_t length, std::int64_t sequences) : T(length), N(sequences) {
    x = g.input("x", {T, N, I});
    const Tensor ys = lstm(x);  // [T, N, H]
    targets = minimize(mean(ys * ys), SGD{});
    const auto begin = Clock::now();
    program.emplace(device.compile(g, targets));  // fills the caches: shaders, and the driver's own code
    cold_seconds = since(begin);
    program->run({{x, test::random_values(static_cast<std::size_t>(T * N * I), 1)}});
    program->wait();
  }
  /// Mean of so many.
  double step(std::int64_t repeats) {
    const auto start = Clock::now();
    for (std::int64_t i = 0; i < repeats; ++i) program->run();
    program->wait();
    return since(start) / static_cast<double>(repeats);
  }
  double compile_seconds(Device& device) {
    double best = 1e9;
    for (int i = 0; i < rounds; ++i) {
      const auto start = Clock::now();
      const Program again = device.compile(g, targets);
      best = std::min(best, since(start));
    }
    return best;
  }

  std::int64_t T, N;
  nn::LSTM lstm{I, H};
  Graph g;
  Tensor x;
  Targets targets;
  std::optional<Program> program;
  double cold_seconds = 0;
};

using Trainers = std::vector<std::unique_ptr<Trainer>>;

/// Medians over rounds that visit every size, so that a slow minute of the machine is in all of them, for as long as
/// work of `visit` time steps of sequences takes (half a second on two cores), so that its slow moments are.
Row step_seconds(Trainers& trainers) {
  std::vector<Row> samples(trainers.size());
  for (int round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < trainers.size(); ++i)
      samples[i].push_back(trainers[i]->step(std::max<std::int64_t>(visit / (trainers[i]->T * trainers[i]->N), 1)));
  Row medians;
  for (const Row& row : samples) medians.push_back(median(row));
  return medians;
}

/// t = fixed + slope * size by least squares of relative errors.
std::pair<double, double> line_through(const Row& sizes, const Row& seconds) {
  double w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    const double x = sizes[i], weight = 1 / (seconds[i] * seconds[i]);
    w += weight, wx += weight * x, wy += weight * seconds[i];
    wxx += weight * x * x, wxy += weight * x * seconds[i];
  }
  const double slope = (w * wxy - wx * wy) / (w * wxx - wx * wx);
  return {(wy - slope * wx) / w, slope};
}

/// Prints the times and tells whether, from the size `full` on, each doubling doubles the time, and whether no
/// doubling at all costs more than that.
bool proportional(const char* name, const Row& sizes, const Row& seconds, double full) {
  const auto [fixed, slope] = line_through(sizes, seconds);
  std::printf("a step: %.2f ms + %.1f us * %s\n", fixed * 1e3, slope * 1e6, name);
  bool holds = true;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    const double growth = i ? seconds[i] / seconds[i - 1] / (sizes[i] / sizes[i - 1]) : 1;
    const bool fits = growth < 1 + bound && (i == 0 || sizes[i - 1] < full || growth > 1 - bound);
    std::printf("  %s %4.0f: %8.2f ms, %7.2f us each, on the line %8.2f; growth %.2f of proportional%s\n", name,
                sizes[i], seconds[i] * 1e3, seconds[i] / sizes[i] * 1e6, (fixed + slope * sizes[i]) * 1e3, growth,
                fits ? "" : "  <--");
    holds &= fits;
  }
  const double first = *std::lower_bound(sizes.begin(), sizes.end(), full);
  const auto at = static_cast<std::size_t>(std::find(sizes.begin(), sizes.end(), first) - sizes.begin());
  const double whole = seconds.back() / seconds[at] / (sizes.back() / first);
  std::printf("  from %s %.0f to %.0f: %.2f of proportional\n", name, first, sizes.back(), whole);
  return holds && std::abs(whole - 1) < bound;
}

bool is_instrumented() {
#ifdef __SANITIZE_ADDRESS__
  return true;
#else
  return false;
#endif
}

// Each time step is the same work, so the device is as full at the first as at the last; what does not grow with T
// (the update, submissions) is small from T = 256 on.
TEST(TimeScaling, IsLinearInT) {
  if (is_instrumented()) GTEST_SKIP() << "times of an instrumented build say nothing";
  const Row lengths = {64, 128, 256, 512, 1024, 2048, 4096};
  Device device;
  Trainers trainers;
  for (double T : lengths) trainers.push_back(std::make_unique<Trainer>(device, static_cast<std::int64_t>(T), 16));
  bool fits = false;
  for (int attempt = 0; attempt < attempts && !fits; ++attempt)
    fits = proportional("T", lengths, step_seconds(trainers), 256);
  EXPECT_TRUE(fits);
}

// A CPU device is full when a time step has tiles of full height for every core. A GPU may not
// be full at 256: of it only that no doubling costs more than double is asked.
TEST(TimeScaling, IsLinearInN) {
  if (is_instrumented()) GTEST_SKIP() << "times of an instrumented build say nothing";
  const Row batches = {8, 16, 32, 64, 128, 256};
  Device device;
  Trainers trainers;
  for (double N : batches) trainers.push_back(std::make_unique<Trainer>(device, 32, static_cast<std::int64_t>(N)));
  const double full = device.info().type == "cpu" ? 64 : 256;
  bool fits = false;
  for (int attempt = 0; attempt < attempts && !fits; ++attempt)
    fits = proportional("N", batches, step_seconds(trainers), full);
  EXPECT_TRUE(fits);
}

TEST(TimeScaling, OfCompilingIsLinearInT) {
  if (is_instrumented()) GTEST_SKIP() << "times of an instrumented build say nothing";
  Device device;
  Trainer shortest(device, 64, 16), longest(device, 4096, 16);
  double growth = 1e9;
  for (int attempt = 0; attempt < attempts && growth > 1.2; ++attempt) {
    const double few = shortest.compile_seconds(device), many = longest.compile_seconds(device);
    growth = many / few / (4096 / 64);
    std::printf("compile at T 64: %.1f ms, at T 4096: %.1f ms (%.0f at first); %.2f of proportional\n", few * 1e3,
                many * 1e3, longest.cold_seconds * 1e3, growth);
  }
  EXPECT_LT(longest.cold_seconds, 10.0) << "even with the driver's own compilation";
  EXPECT_LE(growth, 1.2);
}

/// Before main, and so before the engine first looks.
[[maybe_unused]] const int no_validation = unsetenv("VOLUTE_DEBUG");

}  // namespace
}  // namespace volute
