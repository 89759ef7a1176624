// Ways to run a loop on every family of products; see engine/check/loops.hpp.

#include <gtest/gtest.h>

#include "engine/check/loops.hpp"
#include "tests/support/device.hpp"
#include "tests/support/findings.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

using namespace check;

void expect_every_way(const char* family, bool texel_loads) {
  for (const LoopRow& row : loop_rows()) {
    SCOPED_TRACE(row.name);
    expect_nothing_found([&](Findings& found) { check_ways(device(), row, family, texel_loads, found); });
  }
}

TEST(Scans, EveryWayOnSubgroups) { expect_every_way("texel", true); }

TEST(Scans, EveryWayOnSharedMemory) { expect_every_way("shared", false); }

TEST(Scans, LongWalksAreCut) {
  expect_nothing_found([](Findings& found) { check_long_walk(device(), found); });
}

TEST(Scans, TimedChoicesChangeNoBit) {
  for (const char* family : {"texel", "shared"}) {
    SCOPED_TRACE(family);
    expect_nothing_found([&](Findings& found) { check_timed_choice(device(), family, found); });
  }
}

// Rows looked up in what the same step makes are other rows than a workgroup's own: no stage may read them.
TEST(Scans, RowsLookedUpInAProductWaitForAllOfIt) {
  const std::int64_t T = 4, N = 70, H = 12;  // as many rows of the table as of the batch, more than a tile has
  Graph g;
  const Tensor xs = g.input("xs", {T, N}, DType::u32), h0 = g.input("h0", {N, H}), w = g.input("w", {H, H});
  const ScanResult r = scan({xs}, {h0}, [&](std::span<const Tensor> x, std::span<const Tensor> h) {
    const Tensor mixed = tanh(embedding(matmul(h[0], w), x[0]) + 0.5f * h[0]);  // [N, H]
    return ScanStep{{mixed}, {}};
  });
  const auto rows = random_indices(static_cast<std::size_t>(T * N), 3, static_cast<std::uint32_t>(N));
  const auto first = random_values(static_cast<std::size_t>(N * H), 4), weights = random_values(H * H, 5);
  Reference reference;
  reference.set(xs, widen(rows));
  reference.set(h0, widen(first));
  reference.set(w, widen(weights));
  const auto expected = reference.evaluate({r.last[0]})[0];
  for (const char* family : {"texel", "shared"})
    for (const Scans scans : {Scans::unrolled, Scans::persistent}) {
      Program program = compile_program(device().data(), g, r.last[0], {.matmul = family, .scans = scans});
      program.run({{xs, rows}, {h0, first}, {w, weights}});
      EXPECT_TRUE(close(program.read(r.last[0]), expected, 1e-5, 1e-5)) << family << "\n" << program.explain();
      EXPECT_EQ(program.stats().loops.at(0).dispatches_per_step, 2);
    }
}

}  // namespace
}  // namespace volute::test
