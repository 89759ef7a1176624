// Layers around the cell: device, reference and finite differences, and what each promises beyond its formula.

#include <set>

#include <gtest/gtest.h>

#include "engine/check/layer_rows.hpp"
#include "tests/support/gradient_check.hpp"

namespace volute::test {
namespace {

using Tokens = std::vector<std::uint32_t>;

TEST(Program, AnOutputMayBeNamedTwice) {
  Graph g;
  Tensor x = g.input("x", {3}), y = x * 2.0f;
  Program program = device().compile(g, {y, y, x, y});
  program.run({{x, std::vector<float>{1, 2, 3}}});
  EXPECT_EQ(program.read(y), (std::vector<float>{2, 4, 6}));
}

class LayerRows : public ::testing::TestWithParam<std::size_t> {};

TEST_P(LayerRows, DeviceReferenceAndDifferences) {
  const check::LayerRow row = check::layer_rows()[GetParam()];
  SCOPED_TRACE(row.name);
  expect_nothing_found([&](check::Findings& found) { check::check_layer(device(), row, found); });
}

INSTANTIATE_TEST_SUITE_P(Rows, LayerRows, ::testing::Range(std::size_t{0}, check::layer_rows().size()));

// Norms and dropout. ------------------------------------------------------------------------------

TEST(Norms, MaskedStatisticsAreThoseOfTheElementsThatCount) {
  const nn::BatchNorm masked(2), plain(2);
  const auto kept = random_values(6, 3);
  auto train = [&](const nn::BatchNorm& norm, const std::vector<float>& values, bool with_mask) {
    Graph g;
    const auto rows = static_cast<std::int64_t>(values.size()) / 2;
    Tensor x = g.input("x", {rows, 1, 2}), mask = g.input("mask", {rows, 1});
    Tensor y = with_mask ? norm(x, mask) : norm(x) * reshape(mask, {rows, 1, 1});
    Program program = device().compile(g, y);
    std::vector<float> ones(static_cast<std::size_t>(rows), 1.0f);
    if (with_mask) ones.back() = 0;
    program.run({{x, values}, {mask, ones}});
    std::vector<float> out = program.read(y);
    out.resize(6);
    for (const Parameter& p : norm.parameters())
      for (float v : p.values()) out.push_back(v);
    return out;
  };
  std::vector<float> padded = kept;
  padded.insert(padded.end(), {1000.0f, NAN});
  EXPECT_TRUE(close(train(masked, padded, true), train(plain, kept, false), 1e-5, 1e-6));
}

TEST(Norms, WhatIsMaskedChangesNoBitOfAGradient) {
  const nn::BatchNorm norm(2);
  Graph g;
  Tensor x = g.input("x", {3, 2, 2}), mask = g.input("mask", {3, 2}), factor = g.input("factor", {3, 2, 2});
  Tensor loss = sum(norm(x, mask) * factor * reshape(mask, {3, 2, 1}));
  std::vector<Tensor> slopes = gradients(loss, {x, g.parameter(norm.parameters()[0]), g.parameter(norm.parameters()[1])});
  Program program = device().compile(g, Targets(slopes));
  auto run = [&](float padding) {
    std::vector<float> values = random_values(12, 4);
    for (int i : {2, 3, 10, 11}) values[i] = padding;
    program.run({{x, values}, {mask, std::vector<float>{1, 0, 1, 1, 1, 0}}, {factor, random_values(12, 5)}});
    std::vector<std::vector<float>> all;
    for (Tensor slope : slopes) all.push_back(program.read(slope));
    return all;
  };
  const auto clean = run(0);
  EXPECT_EQ(run(1e6f), clean);
  EXPECT_EQ(run(NAN), clean);
  EXPECT_EQ(clean[0][2], 0.0f);
}

TEST(Norms, RunningStatisticsAreNotTrained) {
  const nn::BatchNorm norm(3);
  Graph g;
  Tensor loss = sum(norm(g.input("x", {4, 3})));
  std::set<std::string> names;
  for (Tensor p : parameters_of(loss)) names.insert(label(p));
  EXPECT_EQ(names, (std::set<std::string>{"weight", "bias"}));
}

TEST(Dropout, OverTimeUsesOneMaskForEveryStep) {
  Graph g;
  const nn::Dropout layer(0.5f, true);
  Tensor x = g.full({6, 4, 8}, 1), y = layer(x);
  Program program = device().compile(g, y);
  program.run();
  const std::vector<float> values = program.read(y);
  int dropped = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    dropped += values[i] == 0;
    for (std::size_t t = 1; t < 6; ++t) EXPECT_EQ(values[t * 32 + i], values[i]);
  }
  EXPECT_GT(dropped, 4);
  EXPECT_LT(dropped, 28);
  program.run();
  EXPECT_NE(program.read(y), values);
  Graph inference(Mode::inference);
  Tensor same = inference.full({2, 3}, 1);
  EXPECT_EQ(layer(same), same);
}

// Embedding. --------------------------------------------------------------------------------------

/// One step of SGD; the weight after it.
std::vector<float> trained(const nn::Embedding& embed, const std::function<Tensor(Graph&, Tensor)>& model) {
  Graph g;
  Tensor x = g.input("x", {4}, DType::u32);
  Program program = device().compile(g, minimize(sum(model(g, x)), SGD{.lr = 1}));
  program.run({{x, Tokens{0, 2, 1, 2}}});
  program.wait();
  return embed.parameters()[0].values();
}

TEST(Embedding, PaddingRowStaysZeroInTraining) {
  const nn::Embedding embed(4, 3, {.padding = 2});
  const auto before = embed.parameters()[0].values();
  const auto after = trained(embed, [&](Graph&, Tensor x) { return embed(x); });
  for (int i = 0; i < 12; ++i) EXPECT_EQ(after[i], i < 6 ? before[i] - 1 : i < 9 ? 0 : before[i]) << i;
}

TEST(Embedding, FrozenIsNotTrainedNorIsAHeadTiedToIt) {
  const nn::Embedding embed(4, 3, {.frozen = true});
  const nn::Linear head(embed);
  const auto before = embed.parameters()[0].values();
  EXPECT_EQ(trained(embed, [&](Graph&, Tensor x) { return head(embed(x)); }), before);
}

TEST(Embedding, ATiedHeadTrainsTheTable) {
  const nn::Embedding embed(4, 3);
  const nn::Linear head(embed, false);
  EXPECT_EQ(head.parameters().size(), 1u);
  Graph g;
  Tensor x = g.input("x", {4}, DType::u32);
  EXPECT_EQ(parameters_of(head(embed(x))).size(), 1u);
  const auto before = embed.parameters()[0].values();
  const auto after = trained(embed, [&](Graph&, Tensor t) { return head(embed(t)); });
  for (int i = 0; i < 12; ++i) EXPECT_NE(after[i], before[i]) << i;  // row 3 through the head alone
}

// Attention. --------------------------------------------------------------------------------------

struct Scored {
  const char* name;
  nn::Score score;
};

constexpr Scored all_scores[] = {{"additive", nn::Score::additive},
                                 {"dot", nn::Score::dot},
                                 {"general", nn::Score::general},
                                 {"scaled", nn::Score::scaled}};

TEST(Attention, FullyMaskedRowsGiveZerosAndNoNaN) {
  for (const Scored& s : all_scores) {
    SCOPED_TRACE(s.name);
    Graph g;
    const nn::Attention attention(s.score, 3, 3);
    Tensor values = g.input("memory", {4, 2, 3}), query = g.input("query", {2, 3}), mask = g.input("mask", {4, 2});
    const nn::Attended out = attention(query, attention.prepare(values, mask));
    std::vector<Tensor> wanted = {out.context, out.weights};
    for (Tensor slope : gradients(sum(out.context * out.context), {values, query})) wanted.push_back(slope);
    Program program = device().compile(g, Targets(wanted));
    program.run({{values, random_values(24, 1)}, {query, random_values(6, 2)}, {mask, std::vector<float>{1, 0, 1, 0, 1, 0, 1, 0}}});
    const auto context = program.read(out.context), weights = program.read(out.weights), slopes = program.read(wanted[2]);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(context[3 + i], 0.0f);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(weights[4 + i], 0.0f);
    for (std::size_t i = 0; i < slopes.size(); ++i) EXPECT_EQ(slopes[i] == 0.0f, i / 3 % 2 == 1) << i;
    for (float v : program.read(wanted[3])) EXPECT_TRUE(std::isfinite(v));
  }
}

TEST(Attention, WhatIsMaskedChangesNoBit) {
  Graph g;
  const nn::Attention attention(nn::Score::additive, 3, 3);
  Tensor values = g.input("memory", {4, 2, 3}), query = g.input("query", {2, 3}), mask = g.input("mask", {4, 2});
  Tensor out = attention(query, attention.prepare(values, mask)).context, slope = gradients(sum(out), {query})[0];
  Program program = device().compile(g, {out, slope});
  auto memory = random_values(24, 1);
  const std::vector<float> keep = {1, 1, 1, 1, 0, 1, 0, 1};
  auto run = [&] {
    program.run({{values, memory}, {query, random_values(6, 2)}, {mask, keep}});
    return std::pair(program.read(out), program.read(slope));
  };
  const auto first = run();
  for (std::size_t i = 0; i < 24; ++i)
    if (keep[i / 3] == 0) memory[i] = 1e6f;
  EXPECT_EQ(run(), first);
}

// Encoder-decoder. --------------------------------------------------------------------------------

const nn::Seq2SeqOptions tiny = {.source_vocabulary = 6, .target_vocabulary = 7, .embed = 3, .hidden = 4};

TEST(Seq2Seq, DeviceReferenceAndDifferences) {
  for (auto [score, sampled] : {std::pair(nn::Score::additive, false), {nn::Score::general, false},
                                {nn::Score::additive, true}}) {
    manual_seed(4);
    nn::Seq2SeqOptions options = tiny;
    options.score = score;
    const nn::Seq2Seq model(options);
    GradientCheck c;
    Tensor source = c.indices("source", {3, 2}, {3, 4, 5, 3, 4, 0});
    Tensor inputs = c.indices("inputs", {3, 2}, {1, 1, 5, 6, 4, 2}), targets = c.indices("targets", {3, 2}, {5, 6, 4, 2, 2, 0});
    Tensor sampling = sampled ? c.graph.scalar("sampling", 0.5f) : Tensor();
    c.parameters(model).check(model.loss(source, inputs, targets, sampling), 5e-5);
  }
}

// Scheduled sampling: a coin of 1 always feeds the model's own guess, a coin of 0 never.
TEST(Seq2Seq, ScheduledSamplingGoesFromTeacherForcingToGreedy) {
  manual_seed(5);
  const nn::Seq2Seq model(tiny);
  Graph g;
  Tensor source = g.input("source", {3, 2}, DType::u32), inputs = g.input("inputs", {4, 2}, DType::u32);
  Tensor sampling = g.scalar("sampling", 0);
  const nn::Seq2Seq::Encoded encoded = model.encode(source);
  Tensor sampled = model.decode(encoded, inputs, sampling), forced = model.decode(encoded, inputs);  // [4, 2, 7]
  Tensor best = argmax(sampled);
  Tensor slope = gradients(sum(sampled * sampled), {g.parameter(model.parameters()[0])})[0];
  Program program = device().compile(g, {sampled, forced, best, slope});
  const Tokens from = {3, 4, 5, 3, 4, 5};
  Tokens given = {1, 1, 5, 6, 4, 3, 3, 6};
  program.run({{source, from}, {inputs, given}});
  EXPECT_TRUE(close(program.read(sampled), program.read(forced), 1e-5, 1e-6));
  for (float v : program.read(slope)) EXPECT_TRUE(std::isfinite(v));
  program.set("sampling", 1);
  program.run({{source, from}, {inputs, given}});
  const Tokens guesses = program.read_u32(best);
  const auto own = program.read(sampled);
  for (std::size_t i = 2; i < given.size(); ++i) given[i] = guesses[i - 2];  // what a greedy decoder would feed
  program.run({{source, from}, {inputs, given}});
  EXPECT_TRUE(close(program.read(forced), own, 1e-5, 1e-6));
}

TEST(Seq2Seq, PaddingTheSourceChangesNothing) {
  manual_seed(6);
  const nn::Seq2Seq model(tiny);
  auto logits = [&](std::int64_t S) {
    Graph g(Mode::inference);
    Tensor source = g.input("source", {S, 1}, DType::u32), inputs = g.input("inputs", {2, 1}, DType::u32);
    Tensor out = model.decode(model.encode(source), inputs);
    Program program = device().compile(g, out);
    Tokens from(static_cast<std::size_t>(S), 0);
    std::copy_n(Tokens{3, 5, 4}.begin(), 3, from.begin());
    program.run({{source, from}, {inputs, Tokens{1, 4}}});
    return program.read(out);
  };
  EXPECT_TRUE(close(logits(8), logits(3), 1e-5, 1e-6));
}

TEST(Translator, GreedyAndABeamOfOneAgreeAndAWiderBeamIsNoWorse) {
  manual_seed(7);
  const nn::Seq2Seq model(tiny);
  nn::Translator one(device(), model, 4, 1, 5), wide(device(), model, 4, 6, 5);
  for (const Tokens& source : {Tokens{3, 4, 5}, Tokens{5}, Tokens{4, 4, 3, 5}}) {
    const auto greedy = one.greedy({source});
    const auto single = one.beam(source), six = wide.beam(source);
    ASSERT_EQ(single.size(), 1u);
    ASSERT_EQ(six.size(), 6u);
    EXPECT_EQ(single[0].tokens, greedy[0]);
    EXPECT_EQ(wide.greedy({{3}, source, {5, 5}, {4}, {3, 3}, {4, 5}, {5, 4}})[1], greedy[0]);
    for (std::size_t i = 1; i < six.size(); ++i) EXPECT_GE(six[i - 1].score, six[i].score);
    EXPECT_GE(six[0].score, single[0].score - 1e-5);
  }
  EXPECT_THROW(one.greedy({{3, 3, 3, 3, 3}}), InvalidGraph);
  EXPECT_THROW(one.greedy({{6}}), InvalidGraph);
}

// Hierarchy. --------------------------------------------------------------------------------------

// Words to sentences to documents: [W, D * S] words -> [D * S, H] sentences -> [S, D, H] -> [D, H] documents.
TEST(Hierarchy, WordsToSentencesToDocuments) {
  manual_seed(8);
  const std::int64_t W = 3, D = 2, S = 2, H = 4;
  const nn::Embedding embed(5, 3);
  const nn::GRU words(3, H), sentences(H, H);
  GradientCheck c;
  Tensor x = c.indices("x", {W, D * S}, {0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1});
  Tensor zero_s = c.graph.full({1, D * S, H}, 0), zero_d = c.graph.full({1, D, H}, 0);
  Tensor each = reshape(words.run(embed(x), {.initial = {zero_s}}).last[0], {D * S, H});
  Tensor documents = sentences.run(nn::regroup(each, S), {.initial = {zero_d}}).last[0];
  EXPECT_EQ(documents.shape(), (Shape{1, D, H}));
  c.parameters(embed).check(documents);

  Graph g;
  Tensor v = g.input("v", {4, 1});
  Reference reference;
  reference.set(v, {10, 11, 20, 21});  // documents 1 and 2, their parts 0 and 1
  EXPECT_EQ(reference.evaluate({nn::regroup(v, 2)})[0], (std::vector<double>{10, 20, 11, 21}));
}

}  // namespace
}  // namespace volute::test
