// The search for the first node and time step that is not finite: it names what a user wrote, where and when.
// Invariant: what is poisoned is known, so the node that is found is compared, not only the text.

#include <bit>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <volute/volute.hpp>

#include "engine/compile/first_non_finite.hpp"
#include "engine/compile/program_data.hpp"
#include "tests/support/device.hpp"
#include "tests/support/values.hpp"
#include "tests/unit/random_graph.hpp"

namespace volute::test {
namespace {

const float nan = std::nanf("");

using Values = std::vector<float>;

/// What NotFinite says; empty if a run of the program is finite.
std::string said(Program& program, const std::vector<Feed>& feeds = {}) {
  try {
    program.run(feeds);
    program.wait();
  } catch (const NotFinite& error) {
    return error.what();
  }
  return "";
}

testing::AssertionResult has(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "\"" << text << "\" has no \"" << part << "\"";
}

struct Case {
  Graph g;
  Parameter w{"w", {3}, {1, 2, 3}};
  Tensor x = g.input("x", {4, 3});

  Program compile(Tensor loss, MinimizeOptions options = {}) {
    options.non_finite = NonFinite::stop;
    return device().compile(g, minimize(loss, SGD{}, options));
  }
  /// w x + 1, so that there is a parameter in whatever is made of it.
  Tensor y() { return g.parameter(w) * x + 1.0f; }
};

TEST(NonFiniteSearch, NamesWhatWasFed) {
  Case c;
  Program program = c.compile(mean(c.y()));
  Values x(12, 0.5f);
  EXPECT_EQ(said(program, {{c.x, x}}), "");
  x[5] = nan;
  const std::string text = said(program, {{c.x, x}});
  EXPECT_EQ(text, "step 2 was not finite: loss nan, squared gradient norm nan; first: input \"x\" [4, 3] is nan, on "
                  "the way to the loss; the step has changed nothing");
}

TEST(NonFiniteSearch, NamesParametersAndStates) {
  Case c;
  const Tensor h = c.g.state("h", {3});
  Program program = c.compile(mean(c.y() + h));
  const Values x(12, 0.5f), good(3, 0.0f), bad{0, std::numeric_limits<float>::infinity(), 0};
  program.write_state("h", bad);
  EXPECT_TRUE(has(said(program, {{c.x, x}}), "first: state \"h\" [3] is inf"));
  program.write_state("h", good);
  EXPECT_EQ(said(program), "");
  c.w.set(Values{1, nan, 1});
  EXPECT_TRUE(has(said(program), "first: parameter \"w\" [3] is nan"));
}

TEST(NonFiniteSearch, NamesTheOperation) {
  struct {
    const char* text;
    std::function<Tensor(Case&)> loss;
  } const cases[] = {
      {"first: exp [4, 3] of mul(add(...), 100), computed from input \"x\", parameter \"w\" is inf",
       [](Case& c) { return mean(exp(c.y() * 100.0f)); }},
      {"first: log [4, 3] of neg(add(...)), computed from input \"x\", parameter \"w\" is nan",
       [](Case& c) { return mean(log(-c.y())); }},
      {"first: mul [4, 3] of parameter \"w\", mul(input \"x\", 3e+38) is inf, on the way to the loss",
       [](Case& c) { return mean(c.y() + c.g.parameter(c.w) * (c.x * 3e38f) * 1.0f); }},
  };
  for (const auto& each : cases) {
    Case c;
    Program program = c.compile(each.loss(c));
    EXPECT_TRUE(has(said(program, {{c.x, Values(12, 1.0f)}}), each.text));
  }
}

TEST(NonFiniteSearch, SeesWhatHappensInGradientsAlone) {
  Case c;
  const Tensor root = sqrt(c.g.parameter(c.w) + c.x);  // finite at 0, its gradient is not
  Program program = c.compile(mean(root), {.clip_norm = 1.0f});
  EXPECT_EQ(said(program, {{c.x, Values(12, 0.0f)}}), "");
  c.w.set(Values{1, 2, 3});
  const std::string text = said(program, {{c.x, Values(12, -1.0f)}});
  EXPECT_TRUE(has(text, "not finite: squared gradient norm inf; first: div [4, 3]"));
  EXPECT_TRUE(has(text, "on the way to the squared gradient norm"));
}

// A mask of infinities is no fault, though it comes first.
TEST(NonFiniteSearch, PassesInfinitiesThatVanish) {
  Case c;
  const Tensor hidden = c.g.full({}, -std::numeric_limits<float>::infinity());
  const Tensor masked = where(less(c.x, c.g.full({}, 0.0f)), hidden, c.y());
  Program program = c.compile(mean(exp(masked)) + mean(log(c.x + 2.0f)));
  Values x(12, 0.5f);
  x[0] = -1.0f;
  EXPECT_EQ(said(program, {{c.x, x}}), "");
  x[0] = -3.0f;
  EXPECT_TRUE(has(said(program, {{c.x, x}}), "first: log [4, 3] of add(input \"x\", 2) is nan"));
}

class InScans : public testing::TestWithParam<bool> {};

TEST_P(InScans, NamesTheTimeStep) {
  const bool reverse = GetParam();
  Case c;
  constexpr std::int64_t T = 20;
  const Tensor xs = c.g.input("xs", {T, 3});
  Tensor quotient;
  const ScanResult result = scan({xs}, {c.g.full({3}, 0.5f)},
                                 [&](std::span<const Tensor> x, std::span<const Tensor> h) -> ScanStep {
                                   quotient = 1.0f / x[0];
                                   const Tensor next = tanh(h[0] * c.g.parameter(c.w)) + quotient;
                                   return {{next}, {next}};
                                 },
                                 {.reverse = reverse});
  Program program = c.compile(mean(result.outputs[0]) + sum(result.last[0]));
  Values values(3 * T, 1.0f);
  EXPECT_EQ(said(program, {{xs, values}}), "");
  values[3 * 7 + 1] = values[3 * 12 + 2] = 0.0f;
  const std::string text = said(program, {{xs, values}});
  EXPECT_TRUE(has(text, std::string("first: div [3] of 1, input \"xs\" at time step ") + (reverse ? "12" : "7") +
                            " of 20 (" + (reverse ? "backward" : "forward") + " loop over input \"xs\") is inf"));
  const auto origin = find_non_finite(program.data(), {});
  ASSERT_TRUE(origin);
  EXPECT_EQ(origin->node, quotient.node());
  EXPECT_EQ(origin->time, reverse ? 12 : 7);
}

INSTANTIATE_TEST_SUITE_P(NonFiniteSearch, InScans, testing::Values(false, true));

// Weights too large for products that are hoisted out of the loop over time, in f16 for the rounding in front of them.
TEST(NonFiniteSearch, FindsItsWayThroughLayers) {
  constexpr std::int64_t T = 9, N = 3, V = 7, E = 4, H = 5;
  for (const Precision precision : {Precision::f32, Precision::f16}) {
    manual_seed(5);
    nn::Embedding embed(V, E);
    Parameter(embed.parameters()[0]).set(Values(V * E, 2.0f));
    nn::LSTM lstm(E, H, {.dropout = 0.25f});
    nn::Linear head(H, V);
    Graph g;
    const Tensor x = g.input("x", {T, N}, DType::u32), y = g.input("y", {T, N}, DType::u32);
    const Tensor loss = cross_entropy(head(lstm(embed(x), g.carried())), y);
    Program program = device().compile(
        g, minimize(loss, Adam{}, {.clip_norm = 1.0f, .non_finite = NonFinite::stop, .precision = precision}));
    const auto tokens = random_indices(T * N, 3, V);
    EXPECT_EQ(said(program, {{x, tokens}, {y, tokens}}), "");
    Parameter weight = lstm.parameters()[0];
    const Values before = weight.values();
    Values huge(before.size(), precision == Precision::f16 ? 7e4f : 3e38f);
    for (std::size_t i = 0; i < huge.size(); i += 2) huge[i] = -huge[i];  // infinities alone would saturate the gates
    weight.set(huge);
    const std::string text = said(program);
    if (precision == Precision::f16) {
      EXPECT_TRUE(has(text, "first: to_f16 [20, 4] of parameter \"weight_ih_l0\" is inf"));
    } else {
      EXPECT_TRUE(has(text, "first: matmul [3, 20] of ") && has(text, "parameter \"weight_ih_l0\"")) << text;
      EXPECT_TRUE(has(text, "at time step 0 of 9 (forward loop over ")) << text;
    }
    weight.set(before);
    EXPECT_EQ(said(program), "");
  }
}

// The repetition draws the same random numbers and counts the same steps.
TEST(NonFiniteSearch, RepeatsTheStepItWas) {
  Case c;
  const Tensor gap = to_f32(c.g.step()) - 2.0f;  // 0 in the third run
  const Tensor quotient = 1.0f / gap;
  const Tensor dropped = dropout(c.y() + 1.0f, 0.5f);
  Program program = c.compile(mean(dropped) * quotient);
  program.seed(3);
  const Values x(12, 0.5f);
  EXPECT_EQ(said(program, {{c.x, x}}), "");
  EXPECT_EQ(said(program), "");
  const std::string text = said(program);
  EXPECT_TRUE(has(text, "step 3 was not finite"));
  EXPECT_TRUE(has(text, "first: div [] of 1, sub(to_f32(...), 2), computed from state \"step\" is inf"));
  EXPECT_EQ(said(program), "");

  Case d;
  const Tensor inverse = 1.0f / dropout(d.g.parameter(d.w) * d.x, 0.5f);  // infinite where dropped
  Program drops = d.compile(mean(inverse));
  drops.seed(5);
  EXPECT_TRUE(has(said(drops, {{d.x, x}}), "first: div [4, 3]"));
}

// A step that is advanced is seen to be bad when the next one has its inputs already.
TEST(NonFiniteSearch, KnowsInputsThatHaveBeenReplaced) {
  Case c;
  const Targets targets = minimize(mean(c.y()), SGD{}, {.non_finite = NonFinite::stop});
  Program program =
      compile_program(device().data(), c.g, targets, {.submission_seconds = 1e-9, .part_seconds = 1e-9});
  const Values good(12, 0.5f);
  Values bad = good;
  bad[3] = nan;
  program.begin({{c.x, bad}});
  while (!program.advance(std::chrono::duration<double>(1.0)).finished) {
  }
  program.begin({{c.x, good}});
  std::string text;
  try {
    program.finish();
  } catch (const NotFinite& error) {
    text = error.what();
  }
  EXPECT_TRUE(has(text, "first: input \"x\" [4, 3] is nan"));
  EXPECT_TRUE(program.in_step()) << "the next step goes on";
  program.finish();
  EXPECT_NO_THROW(program.wait());
}

void poison(std::uint32_t first, std::uint32_t count, Precision precision) {
  set_warning_handler([](const std::string&) {});
  int named = 0;
  for (std::uint32_t seed = first; seed < first + count; ++seed) {
    RandomGraph random(seed, static_cast<int>(seed % 7), precision);
    if (!random.poisoned) continue;
    Program program = device().compile(random.graph, random.targets);
    if (!program.data().input_names.contains("poison")) continue;
    program.seed(9);
    const auto indices = random_indices(static_cast<std::size_t>(random.indices.shape().elements()), seed, 4);
    std::vector<Values> values;
    for (const Tensor& x : random.inputs)
      values.push_back(random_values(static_cast<std::size_t>(x.shape().elements()), seed));
    std::vector<Feed> feeds;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (program.data().inputs.contains(random.inputs[i].node())) feeds.emplace_back(random.inputs[i], values[i]);
    if (program.data().inputs.contains(random.indices.node())) feeds.emplace_back(random.indices, indices);
    program.run(feeds);
    program.wait();
    ASSERT_EQ(program.stats().non_finite, 0) << "seed " << seed;
    program.set("poison", 0.0f);
    program.run();
    if (std::isfinite(program.value(random.targets.outputs[0]))) continue;  // it vanished on the way
    const auto origin = find_non_finite(program.data(), {});
    ASSERT_TRUE(origin) << "seed " << seed;
    EXPECT_EQ(origin->node, random.poisoned.node()) << "seed " << seed << ": " << origin->text;
    EXPECT_EQ(origin->time >= 0, random.poisoned.node()->scope != nullptr) << "seed " << seed;
    ++named;
  }
  EXPECT_GE(named, static_cast<int>(count) / 4);
  set_warning_handler({});
}

TEST(NonFiniteSearch, NamesThePoisonedNodeOfRandomGraphs) { poison(5000, 24, Precision::f32); }
TEST(NonFiniteSearch, NamesThePoisonedNodeOfRoundedGraphs) {
  poison(6000, 8, Precision::f16);
  poison(7000, 8, Precision::bf16);
}

}  // namespace
}  // namespace volute::test
