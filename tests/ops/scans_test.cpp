// Ways to run a loop: dispatches for every step, products with what follows them in one, or kernels that walk all
// steps. Invariant: on one family of products every way gives the same bits; all agree with the reference.

#include <bit>
#include <cmath>
#include <cstdio>

#include <gtest/gtest.h>

#include "engine/compile/program_data.hpp"
#include "tests/ops/recurrent_case.hpp"
#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

struct Row {
  const char* name;
  Setting setting;
  bool walks = true;  ///< every loop can be walked
};

// Odd sizes on purpose: rows beyond tiles, gates that do not start on texels, columns beyond lanes.
std::vector<Row> rows() {
  using enum Kind;
  return {
      {"LSTM", {.kind = lstm, .T = 5, .N = 9, .I = 3, .H = 20}},
      {"LSTM, gates off texels", {.kind = lstm, .T = 4, .N = 5, .I = 3, .H = 7}},
      {"LSTM, one row", {.kind = lstm, .T = 3, .N = 1, .I = 2, .H = 4}},
      {"LSTM, one step", {.kind = lstm, .T = 1, .N = 3, .I = 2, .H = 8}},
      {"LSTM, two steps", {.kind = lstm, .T = 2, .N = 3, .I = 2, .H = 8}},
      {"LSTM, several tiles", {.kind = lstm, .T = 3, .N = 37, .I = 5, .H = 68}},
      {"LSTM reverse", {.kind = lstm, .options = {.reverse = true}, .T = 5, .N = 3, .I = 3, .H = 12}},
      {"LSTM lengths, states fed",
       {.kind = lstm, .masking = Masking::lengths, .start = Start::fed, .T = 6, .N = 4, .I = 3, .H = 12}},
      {"LSTM bidirectional, two layers",
       {.kind = lstm, .options = {.layers = 2, .bidirectional = true}, .T = 4, .N = 3, .I = 3, .H = 8}},
      {"LSTM peepholes, zoneout, recurrent dropout",
       {.kind = lstm,
        .options = {.peepholes = true, .zoneout = 0.2f, .recurrent_dropout = 0.3f},
        .T = 5, .N = 6, .I = 3, .H = 12}},
      {"LSTM projection", {.kind = lstm, .options = {.projection = 5}, .T = 4, .N = 6, .I = 3, .H = 12}},
      {"GRU", {.kind = gru, .T = 5, .N = 9, .I = 3, .H = 20}},
      {"GRU reset before", {.kind = gru, .options = {.reset_after = false}, .T = 4, .N = 5, .I = 3, .H = 12}},
      {"GRU, width 1", {.kind = gru, .T = 4, .N = 5, .I = 3, .H = 1}},
      {"RNN", {.kind = rnn, .T = 5, .N = 9, .I = 3, .H = 20}},
      {"RNN relu, reverse",
       {.kind = rnn, .options = {.reverse = true, .activation = nn::Activation::relu}, .T = 5, .N = 2, .I = 3, .H = 6}},
      {"IndRNN", {.kind = indrnn, .T = 5, .N = 9, .I = 3, .H = 20}},
      {"minGRU", {.kind = mingru, .T = 5, .N = 3, .I = 3, .H = 10}},
      {"custom", {.kind = custom, .T = 5, .N = 6, .I = 3, .H = 12}},
      {"LSTM layer norm", {.kind = lstm, .options = {.layer_norm = true}, .T = 3, .N = 4, .I = 3, .H = 8}, false},
  };
}

std::vector<std::uint32_t> bits_of(const std::vector<std::vector<float>>& values) {
  std::vector<std::uint32_t> bits;
  for (const auto& one : values)
    for (float v : one) bits.push_back(std::bit_cast<std::uint32_t>(v));
  return bits;
}

void expect_close(const std::vector<std::vector<float>>& found, const std::vector<Reference::Values>& expected,
                  const std::vector<std::string>& names) {
  for (std::size_t k = 0; k < found.size(); ++k)
    for (std::size_t i = 0; i < found[k].size(); ++i)
      ASSERT_NEAR(found[k][i], expected[k][i], 2e-5 * (1 + std::abs(expected[k][i]))) << names[k] << " " << i;
}

void expect_ways(const Row& row, const char* family, bool texel_loads) {
  RecurrentCase layer(row.setting, 11);
  const auto expected = layer.on_reference();
  std::vector<std::uint32_t> first;
  for (const Scans scans : {Scans::unrolled, Scans::persistent}) {
    SCOPED_TRACE(scans == Scans::unrolled ? "unrolled" : "persistent");
    Program program = layer.compile({.guard_bytes = 64, .alias = false, .matmul = family, .scans = scans,
                                     .texel_loads = texel_loads});
    for (const auto& loop : program.stats().loops)
      EXPECT_EQ(loop.dispatches_per_step == 0, row.walks && scans == Scans::persistent) << program.explain();
    const auto found = layer.run(program);
    EXPECT_TRUE(guards_intact(program));
    expect_close(found, expected, layer.names());
    if (first.empty()) first = bits_of(found);
    EXPECT_EQ(first, bits_of(found));
    program.reset();
    EXPECT_EQ(first, bits_of(layer.run(program)));
  }
}

TEST(Scans, EveryWayOnSubgroups) {
  for (const Row& row : rows()) {
    SCOPED_TRACE(row.name);
    expect_ways(row, "texel", true);
  }
}

TEST(Scans, EveryWayOnSharedMemory) {
  for (const Row& row : rows()) {
    SCOPED_TRACE(row.name);
    expect_ways(row, "shared", false);
  }
}

// Mesa's CPU drivers end loops after 65,535 iterations, so a long walk is several dispatches.
TEST(Scans, LongWalksAreCut) {
  const Setting setting{.kind = Kind::lstm, .T = 700, .N = 3, .I = 4, .H = 64};
  RecurrentCase layer(setting, 5);
  Program unrolled = layer.compile({.scans = Scans::unrolled}), walked = layer.compile({.scans = Scans::persistent});
  for (const auto& loop : walked.stats().loops) {
    EXPECT_EQ(loop.dispatches_per_step, 0);
    EXPECT_GT(loop.dispatches, 1);
    EXPECT_LT(loop.dispatches, 20);
  }
  EXPECT_EQ(bits_of(layer.run(unrolled)), bits_of(layer.run(walked)));
}

// What the tuner finds is one of both ways, in plain sight, and of the same bits.
TEST(Scans, TimedChoicesChangeNoBit) {
  for (const char* family : {"texel", "shared"}) {
    SCOPED_TRACE(family);
    RecurrentCase layer({.kind = Kind::lstm, .T = 20, .N = 9, .I = 4, .H = 32}, 5);
    Program timed = layer.compile({.matmul = family, .tune = true});
    Program pinned = layer.compile({.matmul = family, .scans = Scans::unrolled});
    EXPECT_NE(timed.explain().find("timed"), std::string::npos) << timed.explain();
    EXPECT_EQ(bits_of(layer.run(timed)), bits_of(layer.run(pinned)));
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
