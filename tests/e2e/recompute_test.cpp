// Recomputation under a memory limit: the same bits in a fraction of the memory.

#include <gtest/gtest.h>
#include <volute/volute.hpp>

#include "tests/support/values.hpp"

namespace {

using namespace volute;
using volute::test::random_values;

struct Result {
  std::vector<std::vector<float>> weights;
  float loss = 0;
  ProgramStats stats;
};

/// Three SGD steps of a stack of LSTMs over [T, N, C] with a loss on every output.
Result train(std::int64_t T, std::int64_t N, std::int64_t H, int layers, float dropout, std::uint64_t memory_bytes) {
  constexpr std::int64_t C = 5;
  manual_seed(7);
  Device device;
  nn::LSTM lstm(C, H, {.layers = layers, .dropout = dropout});
  Graph g;
  const Tensor x = g.input("x", {T, N, C});
  const Tensor y = lstm(x, g.carried());
  const Tensor loss = mean(y * y);
  Program program = device.compile(g, minimize(loss, SGD{.lr = 5.0f}), {.memory_bytes = memory_bytes});
  program.seed(3);
  for (int step = 0; step < 3; ++step) {
    const auto values = random_values(static_cast<std::size_t>(T * N * C), static_cast<std::uint32_t>(step));
    program.run({{x, values}});
  }
  Result result{{}, program.value(loss), program.stats()};
  for (const Parameter& p : lstm.parameters()) result.weights.push_back(p.values());
  return result;
}

TEST(Recompute, SameBitsInAQuarterOfTheMemoryWithDropoutAndTwoLayers) {
  const Result kept = train(512, 7, 65, 2, 0.3f, 0);
  const Result again = train(512, 7, 65, 2, 0.3f, kept.stats.arena_bytes / 4);
  EXPECT_FALSE(kept.stats.recomputes);
  EXPECT_TRUE(again.stats.recomputes);
  EXPECT_LE(again.stats.arena_bytes, kept.stats.arena_bytes / 4);
  EXPECT_EQ(kept.loss, again.loss);
  EXPECT_EQ(kept.weights, again.weights);
}

TEST(Recompute, TheLongLstmFitsInAFifth) {
  const Result kept = train(1024, 16, 256, 1, 0.0f, 0);
  const Result again = train(1024, 16, 256, 1, 0.0f, kept.stats.arena_bytes / 5);
  EXPECT_LE(again.stats.arena_bytes, kept.stats.arena_bytes / 5);
  EXPECT_EQ(kept.loss, again.loss);
  EXPECT_EQ(kept.weights, again.weights);
}

TEST(Recompute, AnUnreachableLimitSaysWhatIsNeeded) {
  try {
    train(256, 3, 33, 1, 0.0f, 1000);
    FAIL() << "no error";
  } catch (const Unsupported& error) {
    EXPECT_NE(std::string(error.what()).find("the limit is 1000"), std::string::npos) << error.what();
  }
}

}  // namespace
