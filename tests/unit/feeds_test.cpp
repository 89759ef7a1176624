// Feeding, reading and setting a program, and every wrong use of it: a typed error that names things, after
// which the program runs as if nothing had happened.
#include <gtest/gtest.h>

#include <cmath>

#include <volute/nn.hpp>
#include <volute/optim.hpp>

#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute {
namespace {

using Floats = std::vector<float>;

/// The message of the InvalidGraph that `wrong` throws.
template <class F>
std::string message_of(F wrong) {
  try {
    wrong();
  } catch (const InvalidGraph& error) {
    return error.what();
  }
  return "no InvalidGraph";
}

#define EXPECT_SAYS(statement, ...)                                                     \
  for (const char* part : {__VA_ARGS__}) {                                              \
    const std::string text = message_of([&] { statement; });                            \
    EXPECT_NE(text.find(part), std::string::npos) << "\"" << part << "\" in: " << text; \
  }

/// y = 2 x + s + count; count' = count + 1; picks = table[i].
class Feeds : public testing::Test {
 protected:
  void check(float expected) {
    program_.run({{x_, Floats{1, 2, 3}}, {i_, std::vector<std::uint32_t>{2, 0}}});
    EXPECT_EQ(program_.read(y_), (Floats{2 + expected, 4 + expected, 6 + expected}));
    EXPECT_EQ(program_.read_u32(indices_), (std::vector<std::uint32_t>{2, 0}));
  }

  Graph g_;
  Tensor x_ = g_.input("x", {3});
  Tensor i_ = g_.input("i", {2}, DType::u32);
  Tensor s_ = g_.scalar("s", 0.5f);
  Tensor count_ = g_.state("count", {}, 10.0f);
  Tensor y_ = 2.0f * x_ + s_ + count_;
  Tensor indices_ = slice(concat({i_, i_}, 0), 0, 2, 4);
  Tensor mean_ = mean(y_);
  Program program_ = compile();

  Program compile() {
    g_.carry(count_, count_ + 1.0f);
    return test::device().compile(g_, {y_, indices_, mean_});
  }
};

TEST_F(Feeds, WrongFeeds) {
  const Floats three{1, 2, 3}, two{1, 2};
  const std::vector<std::uint32_t> pair{2, 0}, words{1, 2, 3};
  EXPECT_SAYS(program_.run(), "was never fed");
  EXPECT_SAYS(program_.run({{x_, three}}), "\"i\" [2]", "never fed");
  EXPECT_SAYS(program_.run({{i_, pair}}), "\"x\" [3]", "never fed");
  EXPECT_SAYS(program_.run({{x_, two}, {i_, pair}}), "\"x\"", "3 values [3] f32", "got 2 f32");
  EXPECT_SAYS(program_.run({{x_, words}, {i_, pair}}), "\"x\"", "f32", "got 3 u32");
  EXPECT_SAYS(program_.run({{x_, three}, {i_, two}}), "\"i\"", "u32", "got 2 f32");
  EXPECT_SAYS(program_.run({{y_, three}}), "not an input");
  EXPECT_SAYS(program_.run({{Tensor(), three}}), "an empty tensor", "not an input");
  EXPECT_SAYS(program_.run({{count_, Floats{1}}}), "\"count\"", "not an input");
  Graph other;
  const Tensor stranger = other.input("stranger", {3});
  EXPECT_SAYS(program_.run({{stranger, three}}), "\"stranger\"", "not an input");
  check(10.5f);  // no run happened, no count was lost
  EXPECT_SAYS(program_.run({{x_, Floats{7, 8, 9}}, {i_, two}}), "\"i\"");
  program_.run();  // the good half of a bad feed was not taken
  EXPECT_EQ(program_.read(y_), (Floats{13.5f, 15.5f, 17.5f}));
}

TEST_F(Feeds, WrongReads) {
  EXPECT_SAYS(program_.read(y_), "has not run");
  EXPECT_SAYS(program_.value(mean_), "has not run");
  check(10.5f);
  EXPECT_SAYS(program_.read(s_), "not an output");
  EXPECT_SAYS(program_.read(Tensor()), "not an output");
  EXPECT_SAYS(program_.read(indices_), "u32, not f32");
  EXPECT_SAYS(program_.read_u32(y_), "f32, not u32");
  EXPECT_SAYS(program_.value(y_), "[3]");
  EXPECT_FLOAT_EQ(program_.value(mean_), 14.5f);
  check(11.5f);
}

TEST_F(Feeds, WrongNames) {
  EXPECT_SAYS(program_.set("lr", 1), "\"lr\"", "no scalar");
  EXPECT_SAYS(program_.set("x", 1), "\"x\"");
  EXPECT_SAYS(program_.set("seed", 1), "\"seed\"");
  EXPECT_SAYS(program_.read_state("h"), "\"h\"", "no state");
  EXPECT_SAYS(program_.write_state("h", Floats{1}), "\"h\"");
  EXPECT_SAYS(program_.write_state("count", (Floats{1, 2})), "\"count\"", "1 values", "got 2");
  check(10.5f);
}

TEST_F(Feeds, InputsAndScalarsKeepTheirValues) {
  check(10.5f);
  program_.set("s", 100.0f);
  program_.run();  // x and i as before
  EXPECT_EQ(program_.read(y_), (Floats{113, 115, 117}));
  program_.run({{x_, Floats{0, 0, 0}}});
  EXPECT_EQ(program_.read(y_), (Floats{112, 112, 112}));
}

TEST_F(Feeds, StatesPersistAndReset) {
  EXPECT_EQ(program_.state_names(), std::vector<std::string>{"count"});
  check(10.5f);
  check(11.5f);
  EXPECT_EQ(program_.read_state("count"), Floats{12});
  program_.write_state("count", Floats{-1});
  check(-0.5f);
  program_.reset("other");
  check(0.5f);
  program_.reset("cou");
  check(10.5f);
  program_.reset();
  check(10.5f);
}

TEST_F(Feeds, LastFeedOfAnInputCounts) {
  program_.run({{x_, Floats{9, 9, 9}}, {i_, std::vector<std::uint32_t>{1, 1}}, {x_, Floats{0, 0, 0}}});
  EXPECT_EQ(program_.read(y_), (Floats{10.5f, 10.5f, 10.5f}));
}

TEST(Compile, WrongTargets) {
  Device& device = test::device();
  Graph g, other;
  const Tensor x = g.input("x", {4, 3}), foreign = other.input("x", {4, 3});
  const Tensor a = g.state("a", {3}), u = g.state("u", {3}, 0, DType::u32);
  const Tensor one = g.full({3}, 1.0f);
  Tensor inside;
  const auto [ys, last] = scan(x, one, [&](Tensor xt, Tensor h) { return inside = tanh(xt + h); });
  EXPECT_SAYS(device.compile(g, {}), "nothing to compute");
  EXPECT_SAYS(device.compile(g, Tensor()), "an empty tensor");
  EXPECT_SAYS(device.compile(g, foreign), "not a tensor of this graph", "[4, 3]");
  EXPECT_SAYS(device.compile(g, inside), "inside a scan body", "[3]");
  EXPECT_SAYS(device.compile(g, Targets({}, {{a, inside}})), "inside a scan body");
  EXPECT_SAYS(device.compile(g, Targets({}, {{a, Tensor()}})), "an empty tensor");
  EXPECT_SAYS(device.compile(g, Targets({}, {{x, x}})), "only parameters and states");
  EXPECT_SAYS(device.compile(g, Targets({}, {{a, x}})), "[3]", "[4, 3]");
  EXPECT_SAYS(device.compile(g, Targets({}, {{u, one}})), "u32", "f32");
  EXPECT_SAYS(device.compile(g, Targets({}, {{a, one}, {a, last}})), "\"a\" is updated twice");
  Program program = device.compile(g, ys);
  program.run({{x, Floats(12, 0.0f)}});
  EXPECT_NEAR(program.read(ys)[0], std::tanh(1.0f), 1e-6);
}

TEST(Compile, CarriedAndUpdatedIsTwice) {
  Graph g;
  const Tensor a = g.state("a", {3});
  g.carry(a, a + 1.0f);
  EXPECT_SAYS(test::device().compile(g, Targets({a}, {{a, a + 2.0f}})), "\"a\"", "twice");
}

// Updates read the values before the run, whichever of them is stored first.
TEST(Compile, UpdatesHappenTogether) {
  Graph g;
  const Tensor a = g.state("a", {5}, 1.0f), b = g.state("b", {5}, 2.0f), c = g.state("c", {5}, 3.0f);
  const Targets targets({a, b}, {{a, b}, {b, a}, {c, sum(a) + b}});
  Program program = test::device().compile(g, targets);
  program.run();
  EXPECT_EQ(program.read(a), Floats(5, 1.0f)) << "an output is the value before the updates";
  EXPECT_EQ(program.read_state("a"), Floats(5, 2.0f));
  EXPECT_EQ(program.read_state("b"), Floats(5, 1.0f));
  EXPECT_EQ(program.read_state("c"), Floats(5, 7.0f));
}

TEST(Compile, AnOutputMayBeNamedTwice) {
  Graph g;
  const Tensor x = g.input("x", {3}), y = x * 2.0f;
  Program program = test::device().compile(g, {y, x, y});
  program.run({{x, Floats{1, 2, 3}}});
  EXPECT_EQ(program.read(y), (Floats{2, 4, 6}));
  EXPECT_EQ(program.read(x), (Floats{1, 2, 3}));
}

}  // namespace
}  // namespace volute
