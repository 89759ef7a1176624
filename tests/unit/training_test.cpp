// What surrounds an optimiser: accumulation, EMA weights, several losses, truncated BPTT, early stopping.
// Invariant: where two ways must agree bit by bit, they are compared bit by bit.

#include <gtest/gtest.h>

#include <volute/volute.hpp>

#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

using Floats = std::vector<float>;

/// mean((tanh(x w^T + b) - y)^2) over [N, 3] inputs; the parameters belong to the caller.
struct Regression {
  Graph g;
  Tensor x, y, loss;
  Regression(const Parameter& w, const Parameter& b, std::int64_t N) {
    x = g.input("x", {N, 3}), y = g.input("y", {N, 2});
    Tensor W = g.parameter(w), B = g.parameter(b);  // in this order, which names the states
    Tensor difference = tanh(matmul(x, W, false, true) + B) - y;
    loss = mean(difference * difference);
  }
};

struct Weights {
  Parameter w{"w", {2, 3}, random_values(6, 1)}, b{"b", {2}, random_values(2, 2)};
};

Floats part(const Floats& all, int i, int of) {
  const auto size = static_cast<std::ptrdiff_t>(all.size()) / of;
  return {all.begin() + i * size, all.begin() + (i + 1) * size};
}

const Optimizer optimizers[] = {SGD{.lr = 0.1f, .momentum = 0.7f, .dampening = 0.2f, .weight_decay = 0.01f},
                                Adam{.lr = 0.05f, .weight_decay = 0.01f}, AdamW{.lr = 0.05f},
                                RMSprop{.lr = 0.01f, .momentum = 0.5f, .centered = true},
                                Adagrad{.lr = 0.1f, .lr_decay = 0.1f}};

TEST(Accumulation, FollowsTheBigBatch) {
  for (const Optimizer& optimizer : optimizers) {
    Weights small, big;
    Regression micro(small.w, small.b, 4), whole(big.w, big.b, 12);
    Program a = device().compile(micro.g, minimize(micro.loss, optimizer, {.clip_norm = 0.3f, .accumulate = 3}));
    Program b = device().compile(whole.g, minimize(whole.loss, optimizer, {.clip_norm = 0.3f}));
    for (int step = 0; step < 6; ++step) {
      const Floats x = random_values(36, 10 + step, -2, 2), y = random_values(24, 50 + step);
      for (int i = 0; i < 3; ++i) a.run({{micro.x, part(x, i, 3)}, {micro.y, part(y, i, 3)}});
      b.run({{whole.x, x}, {whole.y, y}});
      EXPECT_TRUE(close(small.w.values(), big.w.values(), 1e-5, 1e-5))
          << "optimiser " << optimizer.index() << ", step " << step;
      EXPECT_TRUE(close(small.b.values(), big.b.values(), 1e-5, 1e-5));
    }
  }
}

// Sums of 4 equal gradients, divided by 4, are those gradients exactly; so nothing may differ in any bit.
TEST(Accumulation, OfEqualBatchesIsBitEqualToNone) {
  for (const Optimizer& optimizer : optimizers) {
    Weights plain, accumulated;
    Regression one(plain.w, plain.b, 5), four(accumulated.w, accumulated.b, 5);
    Program a = device().compile(one.g, minimize(one.loss, optimizer));
    Program b = device().compile(four.g, minimize(four.loss, optimizer, {.accumulate = 4}));
    for (int step = 0; step < 8; ++step) {
      const Floats x = random_values(15, 10 + step), y = random_values(10, 50 + step);
      const Floats before = accumulated.w.values();
      a.run({{one.x, x}, {one.y, y}});
      for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(accumulated.w.values(), before) << "changed before its time, run " << i;
        b.run({{four.x, x}, {four.y, y}});
      }
      EXPECT_EQ(plain.w.values(), accumulated.w.values()) << "optimiser " << optimizer.index() << ", step " << step;
      EXPECT_EQ(plain.b.values(), accumulated.b.values());
    }
    EXPECT_EQ(b.read_state("accumulate.count"), Floats{0});
    EXPECT_EQ(b.read_state("updates"), Floats{8});
  }
}

TEST(Accumulation, StartsOverAtReset) {
  Weights w;
  Regression r(w.w, w.b, 2);
  Program program = device().compile(r.g, minimize(r.loss, SGD{.lr = 1}, {.accumulate = 2}));
  const Floats x = random_values(6, 1), y = random_values(4, 2), before = w.w.values();
  program.run({{r.x, x}, {r.y, y}});
  program.reset();
  program.run();
  EXPECT_EQ(w.w.values(), before);
  program.run();
  EXPECT_NE(w.w.values(), before);
}

// Two programs in turn, as for two lengths, against one: no bit may differ, and reset starts over.
TEST(SharedStates, MakeSeveralProgramsTrainAsOne) {
  for (int accumulate : {1, 2})
    for (const Optimizer& optimizer : optimizers) {
      Weights alone, shared;
      Regression one(alone.w, alone.b, 5), first(shared.w, shared.b, 5), second(shared.w, shared.b, 5);
      OptimizerStates states;
      Program a = device().compile(one.g, minimize(one.loss, optimizer, {.accumulate = accumulate}));
      const MinimizeOptions options{.accumulate = accumulate, .states = states};
      Program b = device().compile(first.g, minimize(first.loss, optimizer, options));
      Program c = device().compile(second.g, minimize(second.loss, optimizer, options));
      for (int round = 0; round < 2; ++round) {
        for (int step = 0; step < 6; ++step) {
          const Floats x = random_values(15, 10 + step), y = random_values(10, 50 + step);
          a.run({{one.x, x}, {one.y, y}});
          if (step % 3 == 1) b.run({{first.x, x}, {first.y, y}});
          else c.run({{second.x, x}, {second.y, y}});
          EXPECT_EQ(alone.w.values(), shared.w.values()) << "optimiser " << optimizer.index() << ", step " << step;
          EXPECT_EQ(alone.b.values(), shared.b.values());
        }
        a.reset(), states.reset();
      }
    }
}

TEST(EmaWeights, FollowEveryUpdateAndNoOtherRun) {
  for (int accumulate : {1, 3}) {
    Weights w;
    EMA ema({w.w, w.b}, 0.8f);
    EXPECT_EQ(ema.shadows()[0].values(), w.w.values());
    EXPECT_EQ(ema.shadows()[0].name(), "ema.w");
    Regression r(w.w, w.b, 4);
    Program program = device().compile(
        r.g, minimize(r.loss, Adam{.lr = 0.1f}, {.accumulate = accumulate, .ema = ema}));
    auto expected = widen(w.w.values());
    for (int step = 0; step < 10; ++step) {
      for (int i = 0; i < accumulate; ++i) {
        const Floats before = ema.shadows()[0].values();
        program.run({{r.x, random_values(12, 10 + step)}, {r.y, random_values(8, 50 + step)}});
        EXPECT_EQ(ema.shadows()[0].values() == before, i + 1 < accumulate);
      }
      const Floats now = w.w.values();
      for (std::size_t i = 0; i < now.size(); ++i) expected[i] += 0.2 * (now[i] - expected[i]);
      EXPECT_TRUE(close(ema.shadows()[0].values(), expected, 1e-5, 1e-6)) << "step " << step;
    }
  }
}

TEST(EmaWeights, AreSwappedIntoOtherProgramsAndBack) {
  Weights w;
  EMA ema({w.w, w.b}, 0.9f);
  Regression r(w.w, w.b, 4), evaluation(w.w, w.b, 4);
  Program train = device().compile(r.g, minimize(r.loss, SGD{.lr = 0.5f}, {.ema = ema}));
  Program evaluate = device().compile(evaluation.g, evaluation.loss);
  const Floats x = random_values(12, 3), y = random_values(8, 4);
  for (int i = 0; i < 5; ++i) train.run({{r.x, x}, {r.y, y}});
  const auto loss = [&] {
    evaluate.run({{evaluation.x, x}, {evaluation.y, y}});
    return evaluate.value(evaluation.loss);
  };
  const Floats weights = w.w.values(), shadow = ema.shadows()[0].values();
  const float before = loss();
  ema.swap();
  EXPECT_EQ(w.w.values(), shadow);
  EXPECT_GT(loss(), before);  // the average lags behind on the way down
  ema.swap();
  EXPECT_EQ(w.w.values(), weights);
  EXPECT_EQ(loss(), before);
}

// A generator and a critic: each loss trains its own side, in one program.
TEST(SeveralLosses, TrainInOneProgram) {
  Weights w;
  Regression r(w.w, w.b, 4);
  Tensor other = sum(r.loss + mean(r.g.parameter(w.b) * r.g.parameter(w.b)));
  const Group w_frozen{.parameters = {w.w}, .frozen = true}, b_frozen{.parameters = {w.b}, .frozen = true};
  const Targets first = minimize(r.loss, Adam{.lr = 0.1f}, {.groups = {b_frozen}, .name = "first"});
  const Targets second = minimize(other, Adam{.lr = 0.2f}, {.clip_norm = 1, .groups = {w_frozen}, .name = "second"});
  EXPECT_THROW(merge({first, first}), InvalidGraph);
  Program program = device().compile(r.g, merge({first, second}));
  const Floats x = random_values(12, 3), y = random_values(8, 4), before = w.w.values();
  program.run({{r.x, x}, {r.y, y}});
  const Floats after = w.w.values(), b = w.b.values();
  for (std::size_t i = 0; i < after.size(); ++i) EXPECT_NEAR(std::abs(after[i] - before[i]), 0.1, 1e-4);
  program.set("first.lr", 0);
  program.run();
  EXPECT_EQ(w.w.values(), after);
  EXPECT_NE(w.b.values(), b);
  EXPECT_NO_THROW(program.read_state("second.adam.m.1.b"));
}

TEST(Groups, HaveRatesThatTheHostMayChange) {
  Weights w;
  Regression r(w.w, w.b, 4);
  Program program = device().compile(
      r.g, minimize(r.loss, SGD{.lr = 0.1f}, {.groups = {{.name = "bias", .parameters = {w.b}, .lr = 0.5f}}}));
  const Floats x = random_values(12, 3), y = random_values(8, 4), b = w.b.values(), weight = w.w.values();
  program.set("lr.bias", 0);
  program.run({{r.x, x}, {r.y, y}});
  EXPECT_EQ(w.b.values(), b);
  EXPECT_NE(w.w.values(), weight);
}

TEST(Stopping, CountsLooksWithoutProgress) {
  Weights w;
  EarlyStopping stopping({.patience = 3, .min_delta = 0.125, .keep = {w.w}});
  EXPECT_THROW(stopping.restore(), InvalidGraph);
  EXPECT_FALSE(stopping.observe(NAN));
  EXPECT_TRUE(stopping.observe(2.0));
  const Floats best = w.w.values();
  w.w.set(Floats(6, 7.0f));
  EXPECT_FALSE(stopping.observe(1.95));  // not by more than min_delta
  EXPECT_FALSE(stopping.observe(NAN));
  EXPECT_FALSE(stopping.stop());
  EXPECT_FALSE(stopping.observe(1.875));
  EXPECT_TRUE(stopping.stop());
  EXPECT_EQ(stopping.best(), 2.0);
  EXPECT_EQ(stopping.best_look(), 1);
  stopping.restore();
  EXPECT_EQ(w.w.values(), best);
  EXPECT_TRUE(stopping.observe(1.5));
  EXPECT_FALSE(stopping.stop());
  EarlyStopping highest({.goal = Goal::highest, .patience = 1});
  EXPECT_TRUE(highest.observe(-5));
  EXPECT_TRUE(highest.observe(-4));
  EXPECT_FALSE(highest.observe(-4));
  EXPECT_TRUE(highest.stop());
}

}  // namespace
}  // namespace volute::test
