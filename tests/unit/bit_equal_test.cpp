// Equal bits: the same program, device and seed give the same weights, dropout included, however the step is
// cut into submissions.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include <volute/nn.hpp>
#include <volute/optim.hpp>

#include "engine/compile/program_data.hpp"
#include "tests/support/bits.hpp"
#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute {
namespace {

constexpr std::int64_t T = 12, N = 3, V = 17, E = 7, H = 13;

struct Trained {
  std::vector<std::uint32_t> bits;  ///< of all weights
  int submissions = 0;
};

Trained train(int steps, std::uint32_t seed, double submission_seconds = 0.1,
              Scans scans = Scans::automatic) {
  manual_seed(5);
  nn::Embedding embed(V, E);
  nn::LSTM lstm(E, H, {.layers = 2, .dropout = 0.3f});
  nn::Linear head(H, V);
  Graph g;
  const Tensor x = g.input("x", {T, N}, DType::u32), y = g.input("y", {T, N}, DType::u32);  // [T, N]
  const Tensor loss = cross_entropy(head(lstm(embed(x), g.carried())), y);                  // []
  Program program = compile_program(test::device().data(), g, minimize(loss, Adam{.lr = 1e-2f}, {.clip_norm = 1.0f}),
                                    {.submission_seconds = submission_seconds, .scans = scans});
  program.seed(seed);
  for (int i = 0; i < steps; ++i) {
    const auto tokens = test::random_indices(T * N + N, static_cast<std::uint32_t>(i), V);
    program.run(
        {{x, std::vector(tokens.begin(), tokens.end() - N)}, {y, std::vector(tokens.begin() + N, tokens.end())}});
  }
  Trained trained{test::bits_of({&embed, &lstm, &head}), program.stats().submissions};
  for (const std::uint32_t word : trained.bits) EXPECT_TRUE(std::isfinite(std::bit_cast<float>(word)));
  return trained;
}

TEST(BitEqual, OneSeedTwice) {
  const Trained first = train(200, 42);
  EXPECT_EQ(first.bits, train(200, 42).bits);
  EXPECT_NE(first.bits, train(200, 43).bits);
}

TEST(BitEqual, HoweverTheStepIsCut) {
  const Trained whole = train(40, 42, 1e9, Scans::unrolled);
  EXPECT_EQ(whole.submissions, 1);
  for (const Scans scans : {Scans::unrolled, Scans::persistent}) {
    const Trained cut = train(40, 42, 5e-5, scans);
    EXPECT_GT(cut.submissions, 10);
    EXPECT_EQ(whole.bits, cut.bits);
  }
}

/// Weights after one step of a long, wide batch with products as GPUs take them, whose sums over time are cut.
std::vector<std::vector<float>> train_on_parts(std::uint64_t memory_bytes, ProgramStats* stats) {
  manual_seed(5);
  nn::LSTM lstm(E, H);
  Graph g;
  const Tensor x = g.input("x", {256, 72, E});
  const Tensor y = lstm(x), loss = mean(y * y);
  Program program = compile_program(test::device().data(), g, minimize(loss, SGD{.lr = 5.0f}),
                                    {.memory_bytes = memory_bytes, .matmul = "shared"});
  program.run({{x, test::random_values(256 * 72 * E, 1)}});
  EXPECT_NE(program.explain().find("K in 2 parts"), std::string::npos) << program.explain();
  *stats = program.stats();
  std::vector<std::vector<float>> weights;
  for (const Parameter& parameter : lstm.parameters()) weights.push_back(parameter.values());
  return weights;
}

TEST(BitEqual, SumsInPartsAreTheSameWhenSegmentsAreRecomputed) {
  ProgramStats plain, again;
  const auto kept = train_on_parts(0, &plain), recomputed = train_on_parts(plain.arena_bytes / 2, &again);
  EXPECT_FALSE(plain.recomputes);
  EXPECT_TRUE(again.recomputes);
  EXPECT_EQ(kept, recomputed);
}

}  // namespace
}  // namespace volute
