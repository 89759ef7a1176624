// Several programs of one set of parameters: training is seen by validation and generation, values set by
// hand are seen by all, and each program has states of its own. explain() says what stats() counts.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <volute/nn.hpp>
#include <volute/optim.hpp>

#include "engine/compile/program_data.hpp"
#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute {
namespace {

using Floats = std::vector<float>;

constexpr std::int64_t V = 11, E = 6, H = 9;

/// Loss, and logits of the last step, of one model at one T and N.
struct Unrolled {
  Unrolled(const nn::Embedding& embed, const nn::LSTM& lstm, const nn::Linear& head, std::int64_t T, std::int64_t N,
           Mode mode)
      : g(mode), x(g.input("x", {T, N}, DType::u32)), y(g.input("y", {T, N}, DType::u32)) {
    logits = head(lstm(embed(x), g.carried()));  // [T, N, V]
    loss = cross_entropy(logits, y);             // []
  }
  Graph g;
  Tensor x, y, logits, loss;
};

class Sharing : public testing::Test {
 protected:
  float loss_of(Program& program, const Unrolled& net) {
    const auto tokens = test::random_indices(static_cast<std::size_t>(net.x.shape().elements()), 3, V);
    program.run({{net.x, tokens}, {net.y, tokens}});
    return program.value(net.loss);
  }

  nn::Embedding embed_{V, E};
  nn::LSTM lstm_{E, H};
  nn::Linear head_{H, V};
  Unrolled train_{embed_, lstm_, head_, 7, 3, Mode::training};
  Unrolled validate_{embed_, lstm_, head_, 5, 2, Mode::inference};
  Unrolled generate_{embed_, lstm_, head_, 1, 1, Mode::inference};
};

TEST_F(Sharing, TrainingIsSeenByAll) {
  Device& device = test::device();
  Program validate = device.compile(validate_.g, validate_.loss);  // before training knows of the parameters
  Program train = device.compile(train_.g, minimize(train_.loss, Adam{.lr = 0.05f}));
  Program generate = device.compile(generate_.g, {generate_.logits, generate_.loss});
  const float before = loss_of(validate, validate_);
  for (int i = 0; i < 60; ++i) loss_of(train, train_);
  validate.reset();
  EXPECT_LT(loss_of(validate, validate_), 0.5f * before);

  const Floats weight = lstm_.parameters()[1].values();
  EXPECT_EQ(weight.size(), static_cast<std::size_t>(4 * H * H));
  EXPECT_TRUE(std::all_of(weight.begin(), weight.end(), [](float w) { return std::isfinite(w); }));
  loss_of(train, train_);
  EXPECT_NE(weight, lstm_.parameters()[1].values());

  loss_of(generate, generate_);
  const Floats logits = generate.read(generate_.logits);
  generate.reset();
  loss_of(generate, generate_);
  EXPECT_EQ(logits, generate.read(generate_.logits));
}

TEST_F(Sharing, ValuesSetByHandAreSeenByAll) {
  Device& device = test::device();
  Program validate = device.compile(validate_.g, validate_.loss);
  Program generate = device.compile(generate_.g, {generate_.logits, generate_.loss});
  loss_of(validate, validate_);
  const Parameter weight = head_.parameters()[0], bias = head_.parameters()[1];
  Parameter(weight).set(Floats(static_cast<std::size_t>(V * H), 0.0f));
  Parameter(bias).set(Floats(V, 0.25f));
  EXPECT_NEAR(loss_of(validate, validate_), std::log(static_cast<float>(V)), 1e-5);
  loss_of(generate, generate_);
  EXPECT_EQ(generate.read(generate_.logits), Floats(V, 0.25f));
  EXPECT_EQ(bias.values(), Floats(V, 0.25f));
  EXPECT_THROW(Parameter(bias).set(Floats(V - 1)), InvalidGraph);
  EXPECT_EQ(bias.values(), Floats(V, 0.25f));
}

TEST_F(Sharing, StatesAreNotShared) {
  Device& device = test::device();
  Program first = device.compile(generate_.g, {generate_.logits, generate_.loss});
  Program second = device.compile(generate_.g, {generate_.logits, generate_.loss});
  loss_of(first, generate_);
  loss_of(second, generate_);
  EXPECT_EQ(first.read(generate_.logits), second.read(generate_.logits));
  loss_of(first, generate_);
  EXPECT_NE(first.read(generate_.logits), second.read(generate_.logits)) << "state is carried on";
  EXPECT_NE(first.read_state("lstm.h"), second.read_state("lstm.h"));
}

TEST_F(Sharing, ParametersOutliveProgramsAndGraphs) {
  {
    Graph g;
    const Tensor loss = mean(head_(g.full({2, H}, 1.0f)));
    Program program = test::device().compile(g, minimize(loss, SGD{.lr = 1.0f}));
    program.run();
  }
  const Floats bias = head_.parameters()[1].values();
  Graph g;
  const Tensor y = head_(g.full({1, H}, 0.0f));
  Program program = test::device().compile(g, y);
  program.run();
  EXPECT_EQ(program.read(y), bias);
}

TEST_F(Sharing, ResetByPrefix) {
  Program train = test::device().compile(train_.g, minimize(train_.loss, Adam{}));
  loss_of(train, train_);
  loss_of(train, train_);
  const auto is_zero = [&](const std::string& name) {
    const Floats values = train.read_state(name);
    return std::all_of(values.begin(), values.end(), [](float v) { return v == 0.0f; });
  };
  ASSERT_FALSE(is_zero("lstm.h") || is_zero("lstm.c"));
  train.reset("lstm.");
  EXPECT_TRUE(is_zero("lstm.h") && is_zero("lstm.c"));
  int moments = 0;
  for (const std::string& name : train.state_names())
    if (name.starts_with("adam.")) moments += !is_zero(name);
  EXPECT_EQ(moments, 2 * 7);
  train.reset();
  for (const std::string& name : train.state_names()) EXPECT_TRUE(is_zero(name) || !name.starts_with("adam.")) << name;
}

TEST_F(Sharing, ExplainSaysWhatStatsCount) {
  Program train = test::device().compile(train_.g, minimize(train_.loss, Adam{}, {.clip_norm = 1.0f}));
  const ProgramStats& s = train.stats();
  const std::string text = train.explain();
  const auto says = [&](const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << "\"" << part << "\" in\n" << text;
  };
  const auto mebibytes = [](std::uint64_t bytes) {
    char line[32];
    std::snprintf(line, sizeof line, "%.2f MiB", static_cast<double>(bytes) / (1 << 20));
    return std::string(line);
  };
  says(test::device().name());
  ASSERT_GE(s.passes.size(), 4u);
  for (const auto& pass : s.passes) says(std::to_string(pass.nodes) + " ");
  ASSERT_FALSE(s.hoisted.empty());
  for (const std::string& node : s.hoisted) says(node);
  says(std::to_string(s.nodes_fused) + " share a kernel");
  says("kernels: " + std::to_string(s.kernels));
  says("dispatches a run: " + std::to_string(s.dispatches));
  says("barriers " + std::to_string(s.barriers));
  says("submissions " + std::to_string(s.submissions));
  says("arena: " + mebibytes(s.arena_bytes) + ", without aliasing " + mebibytes(s.unaliased_bytes));
  ASSERT_EQ(s.loops.size(), 2u);
  for (const auto& loop : s.loops)
    says("loop over " + std::to_string(loop.length) + " steps, " + (loop.reverse ? "backward" : "forward") +
         " in time, " +
         (loop.dispatches_per_step ? std::to_string(loop.dispatches_per_step) + " dispatches a step"
                                   : "persistent: " + std::to_string(loop.dispatches) + " dispatches for all"));
  EXPECT_EQ(s.dispatches, s.dispatches_outside_loops + s.loops[0].dispatches + s.loops[1].dispatches);
  EXPECT_LT(s.arena_bytes, s.unaliased_bytes);
}

}  // namespace
}  // namespace volute
