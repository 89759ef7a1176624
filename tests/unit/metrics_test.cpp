// Metrics and beam search on the host, against figures worked out by hand.

#include <cmath>

#include <gtest/gtest.h>

#include <volute/volute.hpp>

namespace volute::test {
namespace {

using Tokens = std::vector<std::uint32_t>;
using Texts = std::vector<std::string>;
using metrics::Average;

TEST(Metrics, AccuracyCountsWhatIsNotIgnored) {
  EXPECT_DOUBLE_EQ(metrics::accuracy(Tokens{1, 2, 3, 4}, Tokens{1, 2, 0, 0}), 0.5);
  EXPECT_DOUBLE_EQ(metrics::accuracy(Tokens{1, 2, 3, 4}, Tokens{1, 2, 3, 0}, 0), 1.0);
  EXPECT_TRUE(std::isnan(metrics::accuracy(Tokens{1}, Tokens{7}, 7)));
  EXPECT_TRUE(std::isnan(metrics::accuracy(Tokens{}, Tokens{})));
  EXPECT_THROW(metrics::accuracy(Tokens{1}, Tokens{}), InvalidGraph);
}

TEST(Metrics, PerplexityOfAUniformGuessIsTheVocabulary) {
  EXPECT_NEAR(metrics::perplexity(std::log(50.0)), 50.0, 1e-12);
}

// Rows are targets:  class 0: 2 right, 1 as 1;  class 1: 1 right, 1 as 0, 1 as 2;  class 2: never a target.
TEST(Metrics, ConfusionMatrixAndItsFigures) {
  metrics::ConfusionMatrix m(3);
  m.add(Tokens{0, 0, 1}, Tokens{0, 0, 0});
  m.add(Tokens{1, 0, 2}, Tokens{1, 1, 1});
  EXPECT_EQ(m.count(0, 1), 1);
  EXPECT_EQ(m.count(1, 0), 1);
  EXPECT_EQ(m.count(2, 2), 0);
  EXPECT_DOUBLE_EQ(m.accuracy(), 0.5);
  EXPECT_DOUBLE_EQ(m.precision(0), 2.0 / 3);
  EXPECT_DOUBLE_EQ(m.recall(1), 1.0 / 3);
  EXPECT_DOUBLE_EQ(m.f1(1), 2 * 0.5 * (1.0 / 3) / (0.5 + 1.0 / 3));
  EXPECT_DOUBLE_EQ(m.recall(2), 0.0);
  EXPECT_DOUBLE_EQ(m.precision(Average::macro), (2.0 / 3 + 0.5 + 0) / 3);
  EXPECT_DOUBLE_EQ(m.recall(Average::macro), (2.0 / 3 + 1.0 / 3 + 0) / 3);
  EXPECT_DOUBLE_EQ(m.f1(Average::macro), (m.f1(0) + m.f1(1) + m.f1(2)) / 3);
  for (double micro : {m.precision(Average::micro), m.recall(Average::micro), m.f1(Average::micro)})
    EXPECT_DOUBLE_EQ(micro, 0.5);
  EXPECT_THROW(m.add(Tokens{3}, Tokens{0}), InvalidGraph);
  EXPECT_THROW(m.precision(3), InvalidGraph);
}

TEST(Metrics, EditDistance) {
  EXPECT_EQ(metrics::edit_distance(Tokens{}, Tokens{}), 0);
  EXPECT_EQ(metrics::edit_distance(Tokens{1, 2, 3}, Tokens{}), 3);
  EXPECT_EQ(metrics::edit_distance(Tokens{}, Tokens{1, 2}), 2);
  EXPECT_EQ(metrics::edit_distance(Tokens{1, 2, 3, 4}, Tokens{2, 3, 5}), 2);
  EXPECT_EQ(metrics::edit_distance(Tokens{'k', 'i', 't', 't', 'e', 'n'}, Tokens{'s', 'i', 't', 't', 'i', 'n', 'g'}), 3);
}

TEST(Metrics, ErrorRatesSumBeforeTheyDivide) {
  const Texts references = {"the cat sat", "on  a\tmat"}, hypotheses = {"the bat sat down", "on a mat"};
  EXPECT_DOUBLE_EQ(metrics::word_error_rate(references, hypotheses), 2.0 / 6);
  EXPECT_DOUBLE_EQ(metrics::character_error_rate(Texts{"abcd", "xy"}, Texts{"abd", "xy"}), 1.0 / 6);
  EXPECT_DOUBLE_EQ(metrics::character_error_rate(Texts{"n\xC3\xA4h"}, Texts{"nah"}), 1.0 / 3);  // one code point
  EXPECT_GT(metrics::word_error_rate(Texts{"a"}, Texts{"b c d"}), 1.0);
  EXPECT_TRUE(std::isnan(metrics::word_error_rate(Texts{" "}, Texts{"b"})));
  EXPECT_THROW(metrics::word_error_rate(references, Texts{}), InvalidGraph);
}

// Beam search over a made-up model: tokens 0 (end), 1 and 2 whose probabilities depend on the last token. --

std::vector<float> chain(std::span<const std::uint32_t> tokens, std::span<const std::uint32_t>) {
  // After begin (3): 1 is likelier; but only 2 leads to a sure end.
  static const double table[4][4] = {{1, 0, 0, 0}, {0.3, 0.35, 0.35, 0}, {0.98, 0.01, 0.01, 0}, {0.01, 0.55, 0.44, 0}};
  std::vector<float> out;
  for (std::uint32_t t : tokens)
    for (double p : table[t]) out.push_back(p == 0 ? -INFINITY : static_cast<float>(std::log(p)));
  return out;
}

TEST(BeamSearch, FindsWhatGreedyMisses) {
  BeamOptions options{.width = 1, .begin = 3, .end = 0, .max_length = 3};
  EXPECT_EQ(beam_search(chain, options)[0].tokens[0], 1u);
  options.width = 3;
  const auto best = beam_search(chain, options);
  ASSERT_EQ(best.size(), 3u);
  EXPECT_EQ(best[0].tokens, Tokens{2});
  EXPECT_NEAR(best[0].score, std::log(0.44 * 0.98), 1e-6);
}

TEST(BeamSearch, AWideBeamIsExhaustive) {
  const BeamOptions options{.width = 40, .begin = 3, .end = 0, .max_length = 2};
  // All ended sequences of at most two tokens; what is longer is cut off there.
  const auto best = beam_search(chain, options);
  double total = 0;
  for (const Hypothesis& h : best)
    if (std::isfinite(h.score)) total += std::exp(h.score);
  EXPECT_NEAR(total, 1.0, 1e-6);
  EXPECT_EQ(best[0].tokens, Tokens{2});
  EXPECT_EQ(best[1].tokens, (Tokens{1, 1}));  // as likely as 1 2; the lower token comes first
  EXPECT_EQ(best[2].tokens, (Tokens{1, 2}));
}

TEST(BeamSearch, LengthPenaltyPrefersLonger) {
  BeamOptions options{.width = 8, .begin = 3, .end = 0, .max_length = 3};
  const auto plain = beam_search(chain, options);
  options.length_penalty = 2.0;
  const auto longer = beam_search(chain, options);
  EXPECT_GT(longer[0].tokens.size(), plain[0].tokens.size());
}

TEST(BeamSearch, ParentsSayWhichRowIsContinued) {
  std::vector<Tokens> prefixes(2);
  auto step = [&](std::span<const std::uint32_t> tokens, std::span<const std::uint32_t> parents) {
    std::vector<Tokens> next;
    for (std::size_t i = 0; i < 2; ++i) {
      next.push_back(prefixes[parents[i]]);
      next.back().push_back(tokens[i]);
    }
    prefixes = next;
    return chain(tokens, parents);
  };
  const auto best = beam_search(step, {.width = 2, .begin = 3, .end = 0, .max_length = 2});
  EXPECT_EQ(best[0].tokens, Tokens{2});
  for (const Tokens& prefix : prefixes) EXPECT_EQ(prefix[0], 3u);
}

}  // namespace
}  // namespace volute::test
