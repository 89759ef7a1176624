// The policies for runs that are not finite: what they change, say and throw, and that finite runs do not notice them.
// Invariant: under skip and stop a bad run leaves every lasting bit but the step count as it was.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <volute/volute.hpp>

#include "engine/compile/program_data.hpp"
#include "tests/support/bits.hpp"
#include "tests/support/device.hpp"
#include "tests/support/values.hpp"
#include "tests/support/warnings.hpp"

namespace volute::test {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
const float nan = std::nanf("");

using Words = std::vector<std::uint32_t>;

/// Batch norm, a carried state, a counter in u32 and averages, so that all there is to spoil is there.
class Net {
 public:
  explicit Net(MinimizeOptions options, const Optimizer& optimizer = Adam{.lr = 0.05f, .weight_decay = 0.01f}) {
    x_ = g_.input("x", {6, 3});
    const Tensor h = g_.state("h", {3}), seen = g_.state("seen", {2}, 0, DType::u32);
    g_.carry(h, h * 0.5f + mean(x_, {0}));
    g_.carry(seen, to_u32(to_f32(seen) + 1.0f));
    const Tensor y = norm_(x_) * g_.parameter(w_) + g_.parameter(b_) + h;  // [6, 3]
    loss = mean(y * y) + 0.0f * sum(to_f32(seen));
    options.ema = ema_;
    Targets targets = minimize(loss, optimizer, options);
    program_.emplace(device().compile(g_, targets));
  }

  void feed(float x) {
    std::vector<float> values = random_values(18, 4);
    for (float& v : values) v += 0.125f * static_cast<float>(fed_ % 5);
    values[7] = x;
    ++fed_;
    program_->run({{x_, values}});
  }
  void run(float x = 0.5f) {
    feed(x);
    program_->wait();
  }
  Program& program() { return *program_; }
  std::int64_t found() const { return program_->stats().non_finite; }
  float step() { return word("step"); }
  float word(const std::string& state) {
    return static_cast<float>(std::bit_cast<std::uint32_t>(program_->read_state(state)[0]));
  }

  /// All that lasts but the step count, bit by bit.
  Words lasting() {
    Words words = bits_of({&norm_});
    const auto add = [&](const std::vector<float>& values) {
      for (const float v : values) words.push_back(std::bit_cast<std::uint32_t>(v));
    };
    for (const Parameter& p : {w_, b_, ema_.shadows()[0], ema_.shadows()[1]}) add(p.values());
    for (const std::string& name : program_->state_names())
      if (name != "step") add(program_->read_state(name));
    return words;
  }

  Tensor loss;

 private:
  Graph g_;
  nn::BatchNorm norm_{3};
  Parameter w_{"w", {3}, {1, -2, 3}}, b_{"b", {3}, {1, 2, -1}};
  EMA ema_{{w_, b_}, 0.9f};
  Tensor x_;
  int fed_ = 0;
  std::optional<Program> program_;
};

const Optimizer optimizers[] = {SGD{.lr = 0.1f, .momentum = 0.5f}, Adam{}, AdamW{}, RMSprop{}, Adagrad{}};

TEST(NonFinite, OffLetsNanSpread) {
  Warnings warnings;
  Net net({});
  net.run(nan);
  EXPECT_TRUE(std::isnan(net.program().value(net.loss)));
  EXPECT_EQ(net.found(), 0);
  EXPECT_TRUE(warnings.take().empty());
}

TEST(NonFinite, WarnKeepsWhatWasComputed) {
  Warnings warnings;
  Net net({.non_finite = NonFinite::warn}), off({});
  for (const float x : {0.5f, inf, 0.5f}) net.run(x), off.run(x);
  EXPECT_EQ(net.lasting(), off.lasting());
  const auto texts = warnings.take();
  ASSERT_EQ(texts.size(), 2u);
  EXPECT_EQ(texts[0], "step 2 was not finite: loss nan, squared gradient norm nan");
  EXPECT_EQ(texts[1], "step 3 was not finite: loss nan, squared gradient norm nan (2 such steps by now)");
}

TEST(NonFinite, WarningsGrowRare) {
  Warnings warnings;
  Net net({.non_finite = NonFinite::skip});
  for (int i = 0; i < 17; ++i) net.run(nan);
  EXPECT_EQ(net.found(), 17);
  const auto texts = warnings.take();
  ASSERT_EQ(texts.size(), 5u) << "the first, second, fourth, eighth and sixteenth";
  EXPECT_EQ(texts[4].substr(0, 24), "step 16 was not finite: ");
  EXPECT_NE(texts[4].find("it has changed nothing (16 such steps by now)"), std::string::npos) << texts[4];
}

TEST(NonFinite, SkippedRunsChangeNothing) {
  Warnings warnings;
  for (const Optimizer& optimizer : optimizers)
    for (const MinimizeOptions& options :
         {MinimizeOptions{}, MinimizeOptions{.clip_norm = 1.0f}, MinimizeOptions{.clip_value = 0.1f},
          MinimizeOptions{.accumulate = 3}, MinimizeOptions{.clip_norm = 0.5f, .accumulate = 2}}) {
      MinimizeOptions skipping = options;
      skipping.non_finite = NonFinite::skip;
      Net net(skipping, optimizer);
      for (int i = 0; i < 4; ++i) net.run();
      for (const float bad : {nan, inf, -inf, nan}) {
        const Words before = net.lasting();
        net.run(bad);
        EXPECT_EQ(net.lasting(), before) << bad;
      }
      EXPECT_EQ(net.found(), 4);
      EXPECT_EQ(net.word("seen"), 4);
      if (net.program().data().states.contains("step")) {
        EXPECT_EQ(net.step(), 8);
      }
      const Words before = net.lasting();
      net.run();
      EXPECT_NE(net.lasting(), before) << "training goes on";
      EXPECT_EQ(net.found(), 4);
    }
}

// An optimiser that does not count runs goes on as if the bad ones had not been.
TEST(NonFinite, SkippedRunsAreForgotten) {
  Warnings warnings;
  for (const int accumulate : {1, 2}) {
    const MinimizeOptions options{.clip_norm = 1.0f, .accumulate = accumulate, .non_finite = NonFinite::skip};
    const SGD sgd{.lr = 0.1f, .momentum = 0.5f};
    Net seen(options, sgd), spared(options, sgd);
    for (int i = 0; i < 10; ++i) {
      spared.run();
      seen.run();
      for (int k = 0; i == 4 && k < 5; ++k) seen.run(nan);  // values fed repeat after five
    }
    EXPECT_EQ(seen.lasting(), spared.lasting());
    EXPECT_EQ(seen.found(), 5);
  }
}

TEST(NonFinite, FiniteRunsHaveTheSameBits) {
  Warnings warnings;
  for (const Optimizer& optimizer : optimizers)
    for (const MinimizeOptions& options :
         {MinimizeOptions{}, MinimizeOptions{.clip_norm = 0.5f}, MinimizeOptions{.clip_value = 0.1f, .accumulate = 2},
          MinimizeOptions{.clip_norm = 1.0f, .precision = Precision::f16}}) {
      std::vector<Words> found;
      for (const NonFinite policy : {NonFinite::off, NonFinite::warn, NonFinite::skip, NonFinite::stop}) {
        MinimizeOptions with = options;
        with.non_finite = policy;
        Net net(with, optimizer);
        for (int i = 0; i < 7; ++i) net.run();
        EXPECT_EQ(net.found(), 0);
        found.push_back(net.lasting());
      }
      for (const Words& words : found) EXPECT_EQ(words, found[0]);
    }
  EXPECT_TRUE(warnings.take().empty());
}

TEST(NonFinite, StopThrowsOnceAndTheProgramGoesOn) {
  Warnings warnings;
  Net net({.non_finite = NonFinite::stop});
  const std::function<void()> calls[] = {[&] { net.program().wait(); }, [&] { net.program().value(net.loss); },
                                         [&] { net.program().read_state("h"); }, [&] { net.program().reset("h"); },
                                         [&] { net.feed(0.5f); }};
  net.run();
  for (const auto& call : calls) {
    const Words before = net.lasting();
    net.feed(nan);
    EXPECT_THROW(call(), NotFinite);
    EXPECT_NO_THROW(net.program().wait()) << "it has been said";
    EXPECT_EQ(net.lasting(), before);
  }
  EXPECT_EQ(net.found(), 5);
  EXPECT_EQ(net.step(), 6) << "the run that could not be fed was not made";
  EXPECT_TRUE(std::isnan(net.program().value(net.loss))) << "what was computed can be read";
  const Words before = net.lasting();
  net.program().set("lr", 0.01f);
  net.run();
  EXPECT_NE(net.lasting(), before);
  EXPECT_TRUE(warnings.take().empty());
}

TEST(NonFinite, AProgramThatIsDestroyedWarns) {
  Warnings warnings;
  for (const NonFinite policy : {NonFinite::warn, NonFinite::skip, NonFinite::stop}) {
    std::optional<Net> net(std::in_place, MinimizeOptions{.non_finite = policy});
    net->feed(nan);
    EXPECT_TRUE(warnings.take().empty());
    net.reset();
    EXPECT_EQ(warnings.take().size(), 1u);
  }
}

TEST(NonFinite, StepsInPartsAreSeenByTheEndOfTheNext) {
  Warnings warnings;
  Net net({.non_finite = NonFinite::skip});
  net.feed(nan);
  for (int i = 1; i < 6; ++i) {
    net.program().begin();
    while (!net.program().advance(std::chrono::duration<double>(i % 2 ? 0.0 : 1.0)).finished) {
    }
    EXPECT_GE(net.found(), i);
    if (i == 3) net.program().wait();
  }
  net.program().begin();
  net.program().finish();
  EXPECT_GE(net.found(), 6);
  net.program().wait();
  EXPECT_EQ(net.found(), 7);
}

/// loss = sum(w w x): the loss is finite where a scaled gradient is not.
struct Square {
  explicit Square(const std::string& name = "") : w("w" + name, {2}, {1, 2}) { x = g.input("x" + name, {2}); }
  Tensor loss() { return sum(g.parameter(w) * g.parameter(w) * x); }
  Graph g;
  Parameter w;
  Tensor x;
};

TEST(NonFinite, OverflowIsTheBusinessOfALossScaleThatAdapts) {
  Warnings warnings;
  for (const bool adapts : {true, false}) {
    const LossScale scale = adapts ? LossScale{} : LossScale{.growth = 1, .backoff = 1};
    Square s;
    Program p = device().compile(
        s.g, minimize(s.loss(), SGD{}, {.non_finite = NonFinite::skip, .loss_scale = scale}));
    const auto run = [&](float x) {
      p.run({{s.x, std::vector<float>{x, 1}}});
      p.wait();
    };
    run(1e36f);
    EXPECT_EQ(p.stats().non_finite, adapts ? 0 : 1);
    EXPECT_EQ(p.read_state("loss_scale")[0], adapts ? 32768 : 65536);
    EXPECT_EQ(p.read_state("loss_scale.skipped")[0], adapts ? 1 : 0) << "a skipped run changes no counter";
    run(nan);
    EXPECT_EQ(p.stats().non_finite, adapts ? 1 : 2) << "a loss that is not finite counts";
    EXPECT_EQ(p.read_state("loss_scale")[0], adapts ? 32768 : 65536);
    EXPECT_EQ(s.w.values(), (std::vector<float>{1, 2}));
  }
}

TEST(NonFinite, OfMergedTargetsTheStrictestPolicyHolds) {
  Warnings warnings;
  Graph g;
  Parameter v{"v", {2}, {1, 2}}, w{"w", {2}, {3, 4}};
  const Tensor x = g.input("x", {2}), y = g.input("y", {2});
  const auto part = [&](const Parameter& p, Tensor of, const char* name, NonFinite policy) {
    return minimize(sum(g.parameter(p) * of), SGD{}, {.non_finite = policy, .name = name});
  };
  const Targets merged = merge({part(v, x, "first", NonFinite::warn), part(w, y, "second", NonFinite::skip)});
  EXPECT_EQ(merged.non_finite, NonFinite::skip);
  EXPECT_EQ(merged.watched.size(), 4u);
  Program p = device().compile(g, merged);
  const std::vector<float> good{1, 1}, bad{1, nan};
  p.run({{x, bad}, {y, good}});
  p.wait();
  EXPECT_EQ(v.values(), (std::vector<float>{1, 2}));
  EXPECT_EQ(w.values(), (std::vector<float>{3, 4})) << "the run is skipped as a whole";
  EXPECT_NE(warnings.take().at(0).find("first.loss nan, first.squared gradient norm nan"), std::string::npos);
  p.run({{x, good}, {y, good}});
  p.wait();
  EXPECT_NE(v.values()[0], 1);
  EXPECT_NE(w.values()[0], 3);
  EXPECT_EQ(p.stats().non_finite, 1);

  Program some = device().compile(
      g, merge({part(v, x, "third", NonFinite::off), part(w, y, "fourth", NonFinite::stop)}));
  some.run({{x, bad}, {y, good}});
  EXPECT_NO_THROW(some.wait()) << "what has no policy is not watched";
  some.run({{x, good}, {y, bad}});
  EXPECT_THROW(some.wait(), NotFinite);
}

TEST(NonFinite, ProgramsThatShareParametersAndMomentsAreSpared) {
  Warnings warnings;
  OptimizerStates states;
  Parameter w{"w", {2}, {1, 2}};
  const auto make = [&](Graph& g, Tensor& x, NonFinite policy) {
    x = g.input("x", {2});
    return device().compile(
        g, minimize(sum(g.parameter(w) * x), Adam{}, {.non_finite = policy, .states = states}));
  };
  Graph g1, g2, g3;
  Tensor x1, x2;
  Program skips = make(g1, x1, NonFinite::skip), stops = make(g2, x2, NonFinite::stop);
  Program reads = device().compile(g3, sum(g3.parameter(w)));
  const std::vector<float> good{1, 1}, bad{1, nan};
  skips.run({{x1, good}});
  const auto values = [&] {
    std::vector<float> all = w.values();
    for (const Parameter& p : states.parameters())
      for (const float v : p.values()) all.push_back(v);
    return all;
  };
  const auto before = values();
  skips.run({{x1, bad}});
  stops.run({{x2, bad}});
  EXPECT_THROW(stops.wait(), NotFinite);
  EXPECT_EQ(values(), before) << "the count of updates too";
  reads.run();
  EXPECT_TRUE(std::isfinite(reads.value(reads.data().watch.targets.outputs[0])));
  EXPECT_EQ(skips.stats().non_finite, 0) << "not looked at yet";
  skips.wait();
  EXPECT_EQ(skips.stats().non_finite, 1);
}

TEST(NonFinite, OwnTargetsWatchWhatTheyLike) {
  Warnings warnings;
  Square s;
  Targets targets(s.loss());
  targets.non_finite = NonFinite::stop;
  EXPECT_THROW(device().compile(s.g, targets), InvalidGraph) << "nothing to watch";
  targets.watched = {{"x", s.x}};
  EXPECT_THROW(device().compile(s.g, targets), InvalidGraph) << "no scalar";
  targets.watched = {{"count", s.g.step()}};
  EXPECT_THROW(device().compile(s.g, targets), InvalidGraph) << "no f32";
  targets.watched = {{"product", targets.outputs[0] * 2.0f}};
  Program p = device().compile(s.g, targets);
  p.run({{s.x, std::vector<float>{nan, 1}}});
  EXPECT_THROW(p.wait(), NotFinite);
  targets.non_finite = NonFinite::off;
  EXPECT_THROW(device().compile(s.g, targets), InvalidGraph) << "watched for nothing";
}

// What is kept back is decided in the kernels that update; besides there are sums and scalars.
TEST(NonFinite, CostsAFewDispatchesWhateverTheLength) {
  const auto dispatches = [](std::int64_t T, const MinimizeOptions& options) {
    nn::Embedding embed(11, 8);
    nn::LSTM lstm(8, 12);
    nn::Linear head(12, 11);
    Graph g;
    const Tensor x = g.input("x", {T, 5}, DType::u32), y = g.input("y", {T, 5}, DType::u32);
    const Tensor loss = cross_entropy(head(lstm(embed(x), g.carried())), y);
    return compile_program(device().data(), g, minimize(loss, Adam{}, options), {.scans = Scans::unrolled})
        .stats()
        .dispatches;
  };
  const auto extra = [&](std::int64_t T, std::optional<float> clip, NonFinite policy) {
    return dispatches(T, {.clip_norm = clip, .non_finite = policy}) - dispatches(T, {.clip_norm = clip});
  };
  for (const std::int64_t T : {4, 12}) {
    EXPECT_LE(extra(T, 1.0f, NonFinite::warn), 0) << T;
    EXPECT_LE(extra(T, 1.0f, NonFinite::skip), 3) << T;
    EXPECT_LE(extra(T, {}, NonFinite::warn), 8) << T;
    EXPECT_LE(extra(T, {}, NonFinite::skip), 8) << T;
    EXPECT_EQ(extra(T, 1.0f, NonFinite::skip), extra(T, 1.0f, NonFinite::stop));
  }
}

}  // namespace
}  // namespace volute::test
