// CTC: the sum over all alignments by brute force; impossible alignments; decoding on the host. Against finite
// differences see engine/check/layer_rows.hpp.

#include <algorithm>
#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "engine/check/layer_rows.hpp"
#include "tests/support/gradient_check.hpp"

namespace volute::test {
namespace {

using Tokens = std::vector<std::uint32_t>;

using check::CtcFeeds;
using check::CtcProblem;

/// What a path of classes spells: repeats merged, blanks dropped.
Tokens spelled(const Tokens& path, std::uint32_t blank) {
  Tokens out;
  for (std::size_t t = 0; t < path.size(); ++t)
    if (path[t] != blank && (t == 0 || path[t] != path[t - 1])) out.push_back(path[t]);
  return out;
}

/// p of every labelling of row n of log_p [T, N, C] after `steps` steps, by walking all C^steps paths.
std::map<Tokens, double> all_labellings(const std::vector<float>& log_p, std::int64_t N, std::int64_t C, std::int64_t n,
                                        std::int64_t steps, std::uint32_t blank) {
  std::map<Tokens, double> p;
  Tokens path(static_cast<std::size_t>(steps), 0);
  for (;;) {
    double sum = 0;
    for (std::int64_t t = 0; t < steps; ++t) sum += log_p[(t * N + n) * C + path[t]];
    p[spelled(path, blank)] += std::exp(sum);
    std::size_t t = 0;
    while (t < path.size() && ++path[t] == static_cast<std::uint32_t>(C)) path[t++] = 0;
    if (t == path.size()) return p;
  }
}

TEST(Ctc, IsTheSumOverAllAlignments) {
  for (const CtcProblem& p : check::ctc_problems()) {
    const auto values = random_values(static_cast<std::size_t>(p.T * p.N * p.C), 5, -3, 0);
    GradientCheck c;
    Tensor log_p = c.leaf("log_p", {p.T, p.N, p.C}, values);
    const CtcFeeds f = feed(c, p);
    Tensor loss = ctc_loss(log_p, f.targets, f.input_lengths, f.target_lengths,
                           {.blank = p.blank, .reduction = Reduction::none});
    Reference reference;
    reference.set(log_p, widen(values));
    reference.set(f.targets, widen(p.targets));
    reference.set(f.input_lengths, widen(p.input_lengths));
    reference.set(f.target_lengths, widen(p.target_lengths));
    const auto got = reference.evaluate({loss})[0];
    for (std::int64_t n = 0; n < p.N; ++n) {
      const auto first = p.targets.begin() + n * p.S;
      const Tokens target(first, first + p.target_lengths[n]);
      auto all = all_labellings(values, p.N, p.C, n, p.input_lengths[n], p.blank);
      EXPECT_NEAR(got[n], -std::log(all[target]), 1e-9) << "T " << p.T << " row " << n;
    }
  }
}

TEST(Ctc, ImpossibleAlignmentsAreInfiniteWithZeroGradientAndDoNotTouchOthers) {
  // Rows: possible; repeats need 5 steps of 4; no steps for a label; no steps for nothing (certain); a label
  // that is no class; more labels than there is room for.
  const std::int64_t T = 4, N = 6, C = 3;
  const Tokens targets = {1, 2, 9, 1, 1, 1, 2, 0, 0, 0, 0, 0, 1, 3, 0, 1, 2, 1};
  const Tokens inputs = {4, 4, 0, 0, 4, 4}, lengths = {2, 3, 1, 0, 2, 4};
  for (bool zero_infinity : {false, true}) {
    Graph g;
    Tensor logits = g.input("logits", {T, N, C}), y = g.input("y", {N, 3}, DType::u32);
    Tensor il = g.input("il", {N}, DType::u32), tl = g.input("tl", {N}, DType::u32);
    Tensor loss = ctc_loss_from_logits(logits, y, il, tl, {.reduction = Reduction::none, .zero_infinity = zero_infinity});
    Tensor slope = gradients(sum(loss), {logits})[0];
    Program program = device().compile(g, {loss, slope});
    program.run({{logits, random_values(T * N * C, 6)}, {y, targets}, {il, inputs}, {tl, lengths}});
    const std::vector<float> values = program.read(loss), slopes = program.read(slope);
    EXPECT_GT(values[0], 0);
    EXPECT_LT(values[0], 20);
    for (int n : {1, 2, 4, 5}) EXPECT_EQ(values[n], zero_infinity ? 0.0f : INFINITY) << n;
    EXPECT_EQ(values[3], 0.0f);
    for (std::size_t i = 0; i < slopes.size(); ++i) {
      EXPECT_TRUE(std::isfinite(slopes[i]));
      EXPECT_EQ(slopes[i] != 0.0f, i / C % N == 0) << i;
    }
  }
}

TEST(Ctc, ClassesOfProbabilityZeroGiveNoNaN) {
  Graph g;
  Tensor log_p = g.input("log_p", {2, 2, 3}), y = g.full_u32({2, 1}, 1), two = g.full_u32({2}, 2), one = g.full_u32({2}, 1);
  Tensor loss = ctc_loss(log_p, y, two, one, {.reduction = Reduction::none}), slope = gradients(sum(loss), {log_p})[0];
  Program program = device().compile(g, {loss, slope});
  const float half = std::log(0.5f), none = -INFINITY;
  // Row 0 can spell 1 in three ways of 1/4 each; row 1 never can.
  program.run({{log_p, std::vector<float>{half, half, none, half, none, half, half, half, none, half, none, half}}});
  EXPECT_TRUE(close(program.read(loss), std::vector<double>{-std::log(0.75), HUGE_VAL}, 1e-6, 1e-6));
  for (float v : program.read(slope)) EXPECT_TRUE(std::isfinite(v));
}

TEST(CtcDecoding, GreedyMergesRepeatsAndDropsBlanks) {
  const Shape shape{6, 1, 3};
  const Tokens path = {1, 1, 0, 1, 2, 2};
  std::vector<float> scores(18, -5);
  for (std::size_t t = 0; t < path.size(); ++t) scores[t * 3 + path[t]] = 0;
  EXPECT_EQ(ctc_greedy(scores, shape, Tokens{6}), (std::vector<Tokens>{{1, 1, 2}}));
  EXPECT_EQ(ctc_greedy(scores, shape, Tokens{3}), (std::vector<Tokens>{{1}}));
  EXPECT_EQ(ctc_greedy(scores, shape, Tokens{6}, 2), (std::vector<Tokens>{{1, 0, 1}}));
}

TEST(CtcDecoding, AWideBeamFindsEveryLabellingWithItsProbability) {
  const std::int64_t T = 5, N = 2, C = 3;
  const auto log_p = random_values(T * N * C, 8, -4, 0);
  const auto beams = ctc_beam(log_p, {T, N, C}, Tokens{5, 3}, 1000, 1);
  for (std::int64_t n = 0; n < N; ++n) {
    const auto all = all_labellings(log_p, N, C, n, n == 0 ? 5 : 3, 1);
    ASSERT_EQ(beams[n].size(), all.size());
    for (std::size_t k = 0; k < beams[n].size(); ++k) {
      EXPECT_NEAR(beams[n][k].score, std::log(all.at(beams[n][k].tokens)), 1e-9);
      EXPECT_GE(beams[n][k > 0 ? k - 1 : 0].score, beams[n][k].score);
    }
  }
}

// The best path is two blanks (0.36), yet "1" has more probability over its three paths (0.64).
TEST(CtcDecoding, TheBeamSumsPathsWhereGreedyTakesOne) {
  const float a = std::log(0.6f), b = std::log(0.4f);
  const std::vector<float> log_p = {a, b, a, b};
  EXPECT_EQ(ctc_greedy(log_p, {2, 1, 2}, Tokens{2})[0], Tokens{});
  const auto beam = ctc_beam(log_p, {2, 1, 2}, Tokens{2}, 2)[0];
  EXPECT_EQ(beam[0].tokens, Tokens{1});
  EXPECT_NEAR(beam[0].score, std::log(0.64), 1e-6);
}

}  // namespace
}  // namespace volute::test
