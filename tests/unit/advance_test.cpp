// Steps run in parts: the same bits however they are cut, and what may be done between parts.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <random>

#include <volute/layers.hpp>
#include <volute/nn.hpp>
#include <volute/optim.hpp>

#include "engine/compile/program_data.hpp"
#include "tests/support/bits.hpp"
#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute {
namespace {

constexpr std::int64_t T = 12, N = 20, V = 17, E = 7, H = 13;
constexpr std::chrono::duration<double> nothing{0}, all{1e9};

/// A character model with dropout, in parts so short that dispatches are divided.
struct Model {
  explicit Model(const std::string& cell = "LSTM", Scans scans = Scans::automatic, double seconds = 5e-5) {
    manual_seed(5);
    const nn::RecurrentOptions options{.layers = 2, .dropout = 0.3f};
    if (cell == "LSTM") layer = std::make_unique<nn::LSTM>(E, H, options);
    else layer = std::make_unique<nn::GRU>(E, H, options);
    embed.emplace(V, E);
    head.emplace(H, V);
    x = g.input("x", {T, N}, DType::u32);  // [T, N]
    y = g.input("y", {T, N}, DType::u32);
    loss = cross_entropy((*head)((*layer)((*embed)(x), g.carried())), y);  // []
    program.emplace(compile_program(test::device().data(), g, minimize(loss, Adam{.lr = 1e-2f}, {.clip_norm = 1.0f}),
                                    {.submission_seconds = seconds, .scans = scans}));
  }

  std::vector<Feed> feeds(int step) {
    tokens = test::random_indices(T * N, static_cast<std::uint32_t>(step), V);
    return {{x, tokens}, {y, tokens}};
  }
  std::vector<std::uint32_t> weights() { return test::bits_of({&*embed, layer.get(), &*head}); }
  std::size_t parts() { return program->data().parts->size(); }

  std::unique_ptr<nn::Recurrent> layer;
  std::optional<nn::Embedding> embed;
  std::optional<nn::Linear> head;
  Graph g;
  Tensor x, y, loss;
  std::vector<std::uint32_t> tokens;
  std::optional<Program> program;
};

/// One step with budgets of every size: none, which takes the parts one by one, to more than there is.
void advance_at_random(Program& program, std::mt19937& engine) {
  Progress progress;
  double before = 0;
  for (int calls = 0; !progress.finished; ++calls) {
    ASSERT_LT(calls, 1000000);
    const double budgets[] = {0, 0, 1e-5, 1e-4, 1e-3, 1e3};
    progress = program.advance(std::chrono::duration<double>(budgets[engine() % (engine() % 8 ? 5 : 6)]));
    EXPECT_GE(progress.fraction, before);
    EXPECT_LE(progress.fraction, 1.0);
    EXPECT_EQ(progress.finished, !program.in_step());
    EXPECT_EQ(progress.submissions > 0, progress.seconds > 0);
    before = progress.fraction;
    if (engine() % 4 == 0) program.wait();
    if (engine() % 64 == 0) {
      program.finish();
      progress.finished = true;
    }
  }
  EXPECT_FALSE(program.in_step());
}

void expect_equal_bits(const std::string& cell, Scans scans) {
  Model whole(cell, scans, 1e9), cut(cell, scans);
  std::mt19937 engine(7);
  ASSERT_GT(cut.parts(), 20u);
  const auto& commands = cut.program->data().commands;
  EXPECT_TRUE(std::any_of(commands.begin(), commands.end(), [](const Command& c) { return c.is_box(); }));
  for (int step = 0; step < 8; ++step) {
    whole.program->run(whole.feeds(step));
    const auto feeds = cut.feeds(step);
    if (step % 3) cut.program->begin(feeds);
    if (step % 3) advance_at_random(*cut.program, engine);
    else cut.program->run(feeds);
    EXPECT_EQ(std::bit_cast<std::uint32_t>(whole.program->value(whole.loss)),
              std::bit_cast<std::uint32_t>(cut.program->value(cut.loss)))
        << "step " << step;
  }
  EXPECT_EQ(whole.weights(), cut.weights());
}

TEST(Advance, LstmUnrolledHasTheSameBits) { expect_equal_bits("LSTM", Scans::unrolled); }
TEST(Advance, LstmWalkedHasTheSameBits) { expect_equal_bits("LSTM", Scans::persistent); }
TEST(Advance, GruUnrolledHasTheSameBits) { expect_equal_bits("GRU", Scans::unrolled); }
TEST(Advance, GruWalkedHasTheSameBits) { expect_equal_bits("GRU", Scans::persistent); }

/// Loss and weights of a model with kernels of every kind after two steps: batched products, rows, scatters, products
/// in parts, joint dispatches.
std::vector<std::uint32_t> every_kind(const std::string& matmul, double seconds, std::size_t* boxes) {
  constexpr std::int64_t steps = 40, batch = 24, width = 32;
  manual_seed(5);
  nn::Embedding embed(V, width);
  nn::MultiHeadAttention attention(width, 4);
  nn::LSTM lstm(width, width, {.layer_norm = true});
  nn::Linear head(width, V);
  Graph g;
  const Tensor x = g.input("x", {steps, batch}, DType::u32);                  // [T, N]
  const Tensor ys = lstm(embed(x));                                           // [T, N, H]
  const Tensor loss = cross_entropy(head(attention(ys, attention.prepare(ys)).context), x);  // []
  Program program = compile_program(test::device().data(), g, minimize(loss, Adam{}, {.clip_norm = 1.0f}),
                                    {.submission_seconds = seconds, .matmul = matmul});
  *boxes = 0;
  for (const Command& command : program.data().commands) *boxes += command.is_box();
  const auto tokens = test::random_indices(steps * batch, 3, V);
  for (int step = 0; step < 2; ++step) program.run({{x, tokens}});
  std::vector<std::uint32_t> bits = test::bits_of({&embed, &attention, &lstm, &head});
  bits.push_back(std::bit_cast<std::uint32_t>(program.value(loss)));
  return bits;
}

TEST(Advance, KernelsOfEveryKindMayBeDivided) {
  for (const char* matmul : {"texel", "shared"}) {
    std::size_t boxes = 0;
    const auto whole = every_kind(matmul, 1e9, &boxes);
    EXPECT_EQ(boxes, 0u);
    EXPECT_EQ(whole, every_kind(matmul, 1e-5, &boxes)) << matmul;
    EXPECT_GT(boxes, 200u);
  }
}

TEST(Advance, WithoutABudgetTakesPartAfterPart) {
  Model model;
  model.program->begin(model.feeds(0));
  EXPECT_TRUE(model.program->in_step());
  std::size_t calls = 0;
  double before = 0;
  for (Progress progress; !progress.finished; ++calls) {
    progress = model.program->advance(nothing);
    model.program->wait();
    EXPECT_EQ(progress.submissions, 1);
    EXPECT_GT(progress.fraction, before);
    EXPECT_EQ(progress.finished, progress.fraction == 1.0);
    EXPECT_EQ(progress.finished, calls + 1 == model.parts());
    before = progress.fraction;
  }
  EXPECT_EQ(calls, model.parts());
  EXPECT_EQ(model.program->stats().submissions, static_cast<int>(calls));
  model.program->finish();
  EXPECT_FALSE(model.program->in_step()) << "there was nothing to finish";
}

TEST(Advance, SubmitsNothingWhileTheDeviceIsBusy) {
  Graph g;
  const Tensor x = g.input("x", {512, 512});
  Tensor y = x;
  for (int i = 0; i < 24; ++i) y = tanh(matmul(y, x));  // 6.4 GFLOP
  Program program = test::device().compile(g, {sum(y)}, {.submission_seconds = 5e-3});
  program.begin({{x, test::random_values(512 * 512, 1)}});
  EXPECT_TRUE(program.advance(all).finished);
  const Progress next = program.advance(nothing);  // of the next step
  EXPECT_FALSE(next.finished);
  EXPECT_EQ(next.submissions, 0);
  EXPECT_EQ(next.fraction, 0.0);
  EXPECT_EQ(next.seconds, 0.0);
  EXPECT_TRUE(program.in_step());
  program.wait();
  EXPECT_EQ(program.advance(nothing).submissions, 1);
  program.finish();
}

TEST(Advance, WithoutBeginRepeatsTheInputs) {
  Model fed, repeated;
  for (int step = 0; step < 3; ++step) {
    fed.program->run(fed.feeds(1));
    if (step) EXPECT_TRUE(repeated.program->advance(all).finished);
    else repeated.program->run(repeated.feeds(1));
  }
  EXPECT_EQ(fed.weights(), repeated.weights());
}

TEST(Advance, WhatNeedsAWholeStepSaysSo) {
  Model model;
  EXPECT_THROW(model.program->advance(all), InvalidGraph) << "nothing was ever fed";
  EXPECT_THROW(model.program->begin(), InvalidGraph);
  EXPECT_FALSE(model.program->in_step());
  model.program->begin(model.feeds(0));
  EXPECT_THROW(model.program->value(model.loss), InvalidGraph) << "no step has finished";
  const std::string name = model.program->state_names().at(0);
  const std::size_t size = static_cast<std::size_t>(model.program->data().states.at(name).first->shape.elements());
  for (int i = 0; i < 2; ++i) {
    EXPECT_THROW(model.program->begin(model.feeds(0)), InvalidGraph);
    EXPECT_THROW(model.program->reset(), InvalidGraph);
    EXPECT_THROW(model.program->read_state(name), InvalidGraph);
    EXPECT_THROW(model.program->write_state(name, std::vector<float>(size)), InvalidGraph);
    try {
      model.program->run(model.feeds(0));
      FAIL() << "ran";
    } catch (const InvalidGraph& error) {
      EXPECT_STREQ(error.what(), "run: a step is in progress; finish() it first");
    }
    model.program->advance(nothing);
  }
  model.program->finish();
  EXPECT_NO_THROW(model.program->read_state(name));
  EXPECT_NO_THROW(model.program->reset());
}

TEST(Advance, OutputsAreOfTheLastFinishedStep) {
  Model model;
  model.program->run(model.feeds(0));
  const float first = model.program->value(model.loss);
  model.program->begin(model.feeds(1));
  for (Progress progress; !progress.finished;) {
    EXPECT_EQ(model.program->value(model.loss), first);
    progress = model.program->advance(nothing);
  }
  EXPECT_NE(model.program->value(model.loss), first);
}

TEST(Advance, ScalarsAndSeedsCountFromTheNextStep) {
  Model before, during;
  const auto change = [](Model& model) {
    model.program->set("lr", 0.5f);
    model.program->set("lr", 0.02f);
    model.program->seed(11);
  };
  before.program->run(before.feeds(0));
  change(before);
  before.program->run(before.feeds(1));

  during.program->begin(during.feeds(0));
  change(during);  // the inputs have not been copied yet
  during.program->finish();
  during.program->begin(during.feeds(1));
  during.program->advance(nothing);
  during.program->set("lr", 100.0f);
  during.program->finish();
  EXPECT_EQ(before.weights(), during.weights());
}

TEST(Advance, AStepMayBeLeft) {
  {
    Model model;
    model.program->begin(model.feeds(0));
    for (int i = 0; i < 5; ++i) model.program->advance(std::chrono::duration<double>(1e-4));
    ASSERT_TRUE(model.program->in_step());
  }
  Model model, moved;
  model.program->begin(model.feeds(0));
  model.program->advance(nothing);
  Program other = std::move(*model.program);
  other.finish();
  moved.program->run(moved.feeds(0));
  EXPECT_EQ(model.weights(), moved.weights());
}

TEST(Advance, GoesByEstimatesWithoutTimestamps) {
  Device device;
  device.data()->context->timestamp_bits = 0;
  Graph g;
  const Tensor x = g.input("x", {512, 512}), y = sum(matmul(x, x));
  Program program = compile_program(device.data(), g, y, {.submission_seconds = 1e-3, .profile = false});
  const double estimate = program.data().parts->seconds();
  const auto values = test::random_values(512 * 512, 1);
  program.run({{x, values}});
  const float whole = program.value(y);
  program.begin({{x, values}});
  while (!program.advance(nothing).finished) program.wait();
  EXPECT_EQ(program.value(y), whole);
  EXPECT_EQ(program.data().parts->seconds(), estimate);
}

TEST(Advance, SubmissionsFollowWhatWasMeasured) {
  Model model("LSTM", Scans::unrolled, 1e-3);
  Parts& parts = *model.program->data().parts;
  const double estimate = parts.seconds();
  for (int step = 0; step < 3; ++step) {
    model.program->run(model.feeds(step));
    model.program->wait();
  }
  EXPECT_NE(parts.seconds(), estimate);
  const int submissions = parts.submissions();
  model.program->run(model.feeds(3));
  EXPECT_EQ(model.program->stats().submissions, submissions);
  int before = 0;
  for (const int submission : parts.submission_of()) {
    EXPECT_TRUE(submission == before || submission == before + 1);
    before = submission;
  }
  EXPECT_EQ(before + 1, submissions);
}

TEST(Cost, OneDisturbedRunDoesNotPoisonIt) {
  Cost cost(1.0);
  cost.measured(0.1);
  EXPECT_EQ(cost.seconds(), 0.1) << "a measurement replaces an estimate";
  for (int i = 0; i < 20; ++i) cost.measured(0.1);
  cost.measured(50.0);
  EXPECT_LE(cost.seconds(), 0.1251);
  for (int i = 0; i < 60; ++i) cost.measured(50.0);
  EXPECT_NEAR(cost.seconds(), 50.0, 1.0) << "what lasts is believed";
  for (int i = 0; i < 20; ++i) cost.measured(0.1);
  EXPECT_NEAR(cost.seconds(), 0.1, 0.01);
}

}  // namespace
}  // namespace volute
