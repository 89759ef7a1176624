// Dynamic loss scaling in f32, where overflow is forced through an input: gradients are 2 w x, and x what a run is
// fed. Invariant: a run that overflows leaves every bit but the scale's own states as it was.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <volute/volute.hpp>

#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();

using Values = std::vector<float>;

class Problem {
 public:
  explicit Problem(MinimizeOptions options, const Optimizer& optimizer = Adam{.lr = 0.05f, .weight_decay = 0.01f})
      : targets_(make(options, optimizer)), program_(device().compile(g_, targets_)) {}

  void run(float x) { program_.run({{x_, Values{x, 1.0f, x, 0.5f, -1.0f}}}); }
  Program& program() { return program_; }
  float state(const std::string& name) { return program_.read_state(name)[0]; }
  Values w() const { return w_.values(); }
  EMA& ema() { return ema_; }

  /// Everything that lasts but the scale and its counters.
  std::vector<Values> lasting() {
    std::vector<Values> all{w_.values(), b_.values(), ema_.shadows()[0].values(), ema_.shadows()[1].values()};
    for (const std::string& name : program_.state_names())
      if (!name.starts_with("loss_scale")) all.push_back(program_.read_state(name));
    return all;
  }

 private:
  Targets make(MinimizeOptions& options, const Optimizer& optimizer) {
    x_ = g_.input("x", {5});
    const Tensor w = g_.parameter(w_), b = g_.parameter(b_);
    options.ema = ema_;
    return minimize(sum(w * w * x_) + sum(b * b), optimizer, options);
  }

  Graph g_;
  Parameter w_{"w", {5}, {1, -2, 3, 0.5f, 0.25f}}, b_{"b", {3}, {1, 2, -1}};
  EMA ema_{{w_, b_}, 0.9f};
  Tensor x_;
  Targets targets_;
  Program program_;
};

const LossScale by_three{.initial = 1024, .interval = 3};

TEST(LossScale, AnOverflowChangesNothingButTheScale) {
  Problem seen({.clip_norm = 1.0f, .loss_scale = LossScale{}}), spared({.clip_norm = 1.0f, .loss_scale = LossScale{}});
  for (const float x : {1.0f, 0.5f}) seen.run(x), spared.run(x);
  const auto before = seen.lasting();
  float scale = 65536.0f;
  for (const float bad : {inf, std::nanf(""), 1e37f, -inf}) {  // 1e37 overflows once it is scaled
    seen.run(bad);
    EXPECT_EQ(seen.lasting(), before) << bad;
    EXPECT_EQ(seen.state("loss_scale"), scale *= 0.5f) << bad;
    EXPECT_EQ(seen.state("loss_scale.good"), 0);
  }
  EXPECT_EQ(seen.state("loss_scale.skipped"), 4);
  EXPECT_EQ(seen.state("updates"), 2);
  for (const float x : {1.0f, 2.0f, 0.25f}) seen.run(x), spared.run(x);
  EXPECT_EQ(seen.lasting(), spared.lasting()) << "training after skipped runs goes on as if there had been none";
  EXPECT_EQ(spared.state("loss_scale"), 65536.0f);
  EXPECT_EQ(seen.state("loss_scale.good"), 3);
}

TEST(LossScale, GrowsAfterUpdatesInARow) {
  Problem p({.loss_scale = by_three});
  const struct {
    float x, scale, good;
  } steps[] = {{1, 1024, 1}, {1, 1024, 2}, {1, 2048, 0}, {1, 2048, 1},   {1, 2048, 2}, {inf, 1024, 0},
               {1, 1024, 1}, {1, 1024, 2}, {1, 2048, 0}, {inf, 1024, 0}, {inf, 512, 0}};
  for (std::size_t i = 0; i < std::size(steps); ++i) {
    p.run(steps[i].x);
    EXPECT_EQ(p.state("loss_scale"), steps[i].scale) << i;
    EXPECT_EQ(p.state("loss_scale.good"), steps[i].good) << i;
  }
  EXPECT_EQ(p.state("loss_scale.skipped"), 3);
  p.program().reset("loss_scale");
  EXPECT_EQ(p.state("loss_scale"), 1024);
}

TEST(LossScale, PowersOfTwoLeaveTheBits) {
  for (const Optimizer& optimizer : {Optimizer(SGD{.lr = 0.1f, .momentum = 0.5f}), Optimizer(Adam{}),
                                     Optimizer(RMSprop{}), Optimizer(Adagrad{})}) {
    Problem plain({.clip_norm = 1.0f}, optimizer), scaled({.clip_norm = 1.0f, .loss_scale = by_three}, optimizer);
    for (int i = 0; i < 8; ++i) plain.run(1.5f), scaled.run(1.5f);
    EXPECT_EQ(plain.w(), scaled.w());
  }
}

TEST(LossScale, AnOverflowSpoilsTheAccumulatedUpdateAlone) {
  Problem seen({.accumulate = 2, .loss_scale = by_three}), spared({.accumulate = 2, .loss_scale = by_three});
  const auto before = seen.w();
  seen.run(inf);
  EXPECT_EQ(seen.state("loss_scale"), 1024) << "decided when the update is due";
  seen.run(1.0f);
  EXPECT_EQ(seen.state("loss_scale"), 512);
  EXPECT_EQ(seen.state("loss_scale.skipped"), 1);
  EXPECT_EQ(seen.w(), before);
  for (const float x : {1.0f, 2.0f, 0.5f, 0.75f}) seen.run(x), spared.run(x);
  EXPECT_EQ(seen.lasting(), spared.lasting());
  EXPECT_EQ(seen.state("loss_scale.good"), 2);
}

TEST(LossScale, IsSharedWithTheStates) {
  OptimizerStates states;
  Problem p({.loss_scale = by_three, .states = states});
  p.run(inf);
  p.run(1.0f);
  const auto value = [&](const char* name) {
    for (const Parameter& each : states.parameters())
      if (each.name() == name) return each.values()[0];
    return -1.0f;
  };
  EXPECT_EQ(value("loss_scale"), 512);
  EXPECT_EQ(value("loss_scale.skipped"), 1);
  EXPECT_EQ(value("updates"), 1);
}

TEST(LossScale, StaysWithinNormalNumbersOrConstant) {
  Problem low({.loss_scale = LossScale{.initial = 1, .backoff = 0x1p-100f}}),
      high({.loss_scale = LossScale{.initial = 0x1p100f, .growth = 0x1p30f, .interval = 1}}, SGD{.lr = 0.0f}),
      constant({.loss_scale = LossScale{.initial = 8, .growth = 1, .backoff = 1, .interval = 1}});
  for (int i = 0; i < 2; ++i) low.run(inf), high.run(1e-20f), constant.run(i ? inf : 1.0f);
  EXPECT_EQ(low.state("loss_scale"), 0x1p-126f);
  EXPECT_EQ(constant.state("loss_scale"), 8);
  EXPECT_EQ(high.state("loss_scale"), 0x1p125f) << "2^130 is beyond the bound, and overflowed at once";
}

TEST(LossScale, ComesWithF16Alone) {
  const auto scales = [](MinimizeOptions options) {
    Problem p(options);
    const auto names = p.program().state_names();
    return std::find(names.begin(), names.end(), "loss_scale") != names.end();
  };
  EXPECT_TRUE(scales({.precision = Precision::f16}));
  EXPECT_FALSE(scales({.precision = Precision::bf16}));
  EXPECT_FALSE(scales({}));
}

}  // namespace
}  // namespace volute::test
