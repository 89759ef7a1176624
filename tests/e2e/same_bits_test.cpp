// Equal bits from process to process: one training program and seed give the same weights in every run, whatever the
// processes were asked to look at, to keep, to time or to divide.
// Invariant: a process is this test program itself, told by its arguments to train once and print the weights.
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/wait.h>

#include <filesystem>
#include <optional>

#include <volute/nn.hpp>
#include <volute/optim.hpp>

#include "tests/support/bits.hpp"
#include "tests/support/device.hpp"
#include "tests/support/files.hpp"
#include "tests/support/values.hpp"

namespace volute {
namespace {

namespace fs = std::filesystem;
using Bits = std::vector<std::uint32_t>;

constexpr std::int64_t T = 12, N = 5, V = 19, E = 6, H = 14;
constexpr int steps = 30;
constexpr const char* mark = "weights:";

/// Two layers with dropout, clipped, Adam, the state carried from step to step.
struct Model {
  explicit Model(Device device = test::device(), const CompileLimits& limits = {}) {
    manual_seed(11);
    embed.emplace(V, E);
    lstm.emplace(E, H, nn::RecurrentOptions{.layers = 2, .dropout = 0.25f});
    head.emplace(H, V);
    x = g.input("x", {T, N}, DType::u32);  // [T, N]
    y = g.input("y", {T, N}, DType::u32);
    const Tensor loss = cross_entropy((*head)((*lstm)((*embed)(x), g.carried())), y);  // []
    program.emplace(device.compile(g, minimize(loss, Adam{.lr = 1e-2f}, {.clip_norm = 0.5f}), limits));
    program->seed(2026);
  }

  /// Steps [from, to), whole or with these budgets in turn.
  void train(int from, int to, const std::vector<double>& budgets = {}) {
    std::size_t call = 0;
    for (int step = from; step < to; ++step) {
      const auto tokens = test::random_indices(T * N + N, static_cast<std::uint32_t>(step), V);
      const std::vector xs(tokens.begin(), tokens.end() - N), ys(tokens.begin() + N, tokens.end());
      if (budgets.empty()) {
        program->run({{x, xs}, {y, ys}});
        continue;
      }
      program->begin({{x, xs}, {y, ys}});
      while (!program->advance(std::chrono::duration<double>(budgets[call++ % budgets.size()])).finished) continue;
    }
  }
  Bits weights() const { return test::bits_of({&*embed, &*lstm, &*head}); }

  std::optional<nn::Embedding> embed;
  std::optional<nn::LSTM> lstm;
  std::optional<nn::Linear> head;
  Graph g;
  Tensor x, y;
  std::optional<Program> program;
};

Bits trained(const CompileLimits& limits = {}, const std::vector<double>& budgets = {}) {
  Model model(test::device(), limits);
  model.train(0, steps, budgets);
  return model.weights();
}

/// A process that trains, with these words of `env` in front of it.
class Process {
 public:
  explicit Process(const std::string& variables) : variables_(variables) {
    const std::string self = fs::read_symlink("/proc/self/exe");
    const std::string command =
        "env " + variables + " '" + self + "' --gtest_filter=SameBits.TwiceInOneProcess --gtest_color=no 2>&1";
    pipe_ = popen(command.c_str(), "r");
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (pipe_) pclose(pipe_);
  }

  /// The line it printed; waits for its end.
  std::string weights() {
    std::string output;
    char part[4096];
    while (pipe_ && fgets(part, sizeof part, pipe_)) output += part;
    const int status = pipe_ ? pclose(pipe_) : -1;
    pipe_ = nullptr;
    const std::size_t begin = output.find(mark), end = output.find('\n', begin);
    EXPECT_TRUE(status == 0 && begin != std::string::npos && end != std::string::npos) << variables_ << "\n" << output;
    return begin == std::string::npos ? "" : output.substr(begin, end - begin);
  }

 private:
  std::string variables_;
  FILE* pipe_ = nullptr;
};

std::string printed(const Bits& weights) {
  std::string line = mark;
  for (const std::uint32_t word : weights) {
    char digits[10];
    std::snprintf(digits, sizeof digits, " %08x", word);
    line += digits;
  }
  return line;
}

TEST(SameBits, TwiceInOneProcess) {
  const Bits weights = trained();
  EXPECT_EQ(weights, trained());
  std::printf("%s\n", printed(weights).c_str());
}

TEST(SameBits, InTenProcesses) {
  const std::string wanted = printed(trained());
  for (int pair = 0; pair < 5; ++pair) {
    Process first(""), second("");  // side by side: they share the cache's files
    EXPECT_EQ(first.weights(), wanted);
    EXPECT_EQ(second.weights(), wanted);
  }
}

/// Each line again with what the one before has left in its cache.
TEST(SameBits, WhateverIsLookedAtKeptTimedOrDivided) {
  const std::string wanted = printed(trained());
  const test::Folder cache;
  const std::string kept = "VOLUTE_CACHE='" + cache.path() + "' ";
  for (const std::string& variables :
       {std::string("VOLUTE_DEBUG= VOLUTE_CACHE="), std::string("VOLUTE_DEBUG=validation"),
        std::string("VOLUTE_DEBUG=profile"), kept + "VOLUTE_TUNE=off", kept + "VOLUTE_TUNE=off",
        kept + "VOLUTE_DEBUG= VOLUTE_TUNE=on", kept + "VOLUTE_DEBUG= VOLUTE_TUNE=on",
        std::string("VOLUTE_SCANS=unrolled"), std::string("VOLUTE_SCANS=persistent"),
        std::string("VOLUTE_DEBUG= LP_NUM_THREADS=1"), std::string("VOLUTE_DEBUG= LP_NUM_THREADS=5")})
    EXPECT_EQ(Process(variables).weights(), wanted) << variables;
  EXPECT_FALSE(cache.names().empty());
}

TEST(SameBits, HoweverStepsAreSubmitted) {
  const Bits wanted = trained();
  for (const double seconds : {1e-5, 1e-3, 1e9}) {
    EXPECT_EQ(trained({.submission_seconds = seconds}), wanted) << seconds;
    for (const std::vector<double>& budgets :
         {std::vector<double>{0}, std::vector<double>{1e-4, 0, 3e-3}, std::vector<double>{1}})
      EXPECT_EQ(trained({.submission_seconds = seconds}, budgets), wanted) << seconds << " " << budgets[0];
  }
}

// The program that resumes is another one, on the same or a new device; what is put back comes from half-way.
TEST(SameBits, AfterResume) {
  const Bits wanted = trained();
  Model first;
  first.train(0, steps / 2);
  const Snapshot half = first.program->snapshot();
  first.train(steps / 2, steps);
  EXPECT_EQ(first.weights(), wanted);
  for (const bool on_a_new_device : {false, true}) {
    Model second(on_a_new_device ? Device() : test::device(), {.submission_seconds = 1e-4});
    second.train(0, 3);  // what it has learned itself goes
    second.program->restore(half);
    EXPECT_EQ(second.program->steps(), steps / 2);
    second.train(steps / 2, steps);
    EXPECT_EQ(second.weights(), wanted) << on_a_new_device;
  }
}

}  // namespace
}  // namespace volute
