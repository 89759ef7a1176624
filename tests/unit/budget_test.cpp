// What `advance` promises of time, measured from the call until the device has done what it submitted: within a budget
// of 8 ms, for steps that take 200 ms and more. Measured without validation, which has costs of its own.
// Invariant: the bounds are the promise; a noisy machine gets more attempts, never a wider bound.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>

#include <volute/nn.hpp>
#include <volute/optim.hpp>

#include "engine/compile/program_data.hpp"
#include "tests/support/bits.hpp"
#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int attempts = 4;
constexpr std::chrono::milliseconds budget(8);

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// A character model as char_lm trains it, over many steps.
struct Trainer {
  explicit Trainer(Scans scans) {
    manual_seed(3);
    embed.emplace(V, 64);
    lstm.emplace(64, 256);
    head.emplace(256, V);
    x = g.input("x", {T, N}, DType::u32);  // [T, N]
    y = g.input("y", {T, N}, DType::u32);
    loss = cross_entropy((*head)((*lstm)((*embed)(x), g.carried())), y);
    tokens = test::random_indices(T * N, 1, V);
    program.emplace(compile_program(test::device().data(), g, minimize(loss, Adam{}, {.clip_norm = 1.0f}),
                                    {.scans = scans}));
  }
  double run() {
    const auto start = Clock::now();
    program->run({{x, tokens}, {y, tokens}});
    program->wait();
    ++steps;
    return milliseconds_since(start);
  }
  /// The times of the calls a step takes.
  void advance(std::vector<double>& times) {
    program->begin({{x, tokens}, {y, tokens}});
    for (Progress progress; !progress.finished;) {
      const auto start = Clock::now();
      progress = program->advance(budget);
      program->wait();
      times.push_back(milliseconds_since(start));
    }
    ++steps;
  }
  std::vector<std::uint32_t> weights() const { return test::bits_of({&*embed, &*lstm, &*head}); }

  static constexpr std::int64_t T = 256, N = 32, V = 96;
  std::optional<nn::Embedding> embed;
  std::optional<nn::LSTM> lstm;
  std::optional<nn::Linear> head;
  Graph g;
  Tensor x, y, loss;
  std::vector<std::uint32_t> tokens;
  std::optional<Program> program;
  int steps = 0;
};

struct Distribution {
  double median, p95, most;
  bool keeps() const { return p95 <= 1.5 * budget.count() && most <= 3.0 * budget.count(); }
};

Distribution distribution(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[(times.size() * 95 + 99) / 100 - 1], times.back()};
}

void expect_within_budget(Scans scans) {
  Trainer trainer(scans);
  double whole = 1e9;
  for (int i = 0; i < 3; ++i) whole = std::min(whole, trainer.run());
  ASSERT_GE(whole, 200.0) << "too short a step to show anything";
  std::vector<double> times;
  trainer.advance(times);
  Distribution found{};
  for (int attempt = 0; attempt < attempts && !(attempt && found.keeps()); ++attempt) {
    times.clear();
    while (times.size() < 200) trainer.advance(times);
    found = distribution(times);
    std::printf("step of %.0f ms in %zu parts; %zu calls: median %.2f ms, 95 %% %.2f ms, most %.2f ms\n", whole,
                trainer.program->data().parts->size(), times.size(), found.median, found.p95, found.most);
  }
  EXPECT_LE(found.p95, 1.5 * budget.count());
  EXPECT_LE(found.most, 3.0 * budget.count());
  EXPECT_GE(found.median, 0.5 * budget.count()) << "what is not used of the budget is lost";

  Trainer uninterrupted(scans);
  while (uninterrupted.steps < trainer.steps) uninterrupted.run();
  EXPECT_EQ(trainer.weights(), uninterrupted.weights());
}

TEST(Budget, IsKeptByUnrolledScans) { expect_within_budget(Scans::unrolled); }
TEST(Budget, IsKeptByScansAsIsFastest) { expect_within_budget(Scans::automatic); }

/// Before main, and so before the engine first looks.
[[maybe_unused]] const int no_validation = unsetenv("VOLUTE_DEBUG");

}  // namespace
}  // namespace volute
