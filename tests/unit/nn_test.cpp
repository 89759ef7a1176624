// Layers: what their parameters are called, how they start, what they refuse, how states are named and kept.
// Their maths is held to PyTorch in tests/golden.

#include <cmath>
#include <functional>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include <volute/reference.hpp>
#include <volute/volute.hpp>

#include "tests/support/mistakes.hpp"
#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

using Named = std::vector<std::pair<std::string, Shape>>;

Named names_of(const nn::Module& module) {
  Named result;
  for (const Parameter& p : module.parameters()) result.emplace_back(p.name(), p.shape());
  return result;
}

// clang-format off
TEST(Layers, ParametersHavePyTorchsNamesShapesAndOrder) {
  EXPECT_EQ(names_of(nn::LSTM(10, 6, {.layers = 2})),
            (Named{{"weight_ih_l0", {24, 10}}, {"weight_hh_l0", {24, 6}}, {"bias_ih_l0", {24}}, {"bias_hh_l0", {24}},
                   {"weight_ih_l1", {24, 6}}, {"weight_hh_l1", {24, 6}}, {"bias_ih_l1", {24}}, {"bias_hh_l1", {24}}}));
  EXPECT_EQ(names_of(nn::GRU(3, 5)), (Named{{"weight_ih_l0", {15, 3}}, {"weight_hh_l0", {15, 5}},
                                            {"bias_ih_l0", {15}}, {"bias_hh_l0", {15}}}));
  EXPECT_EQ(names_of(nn::RNN(3, 5)), (Named{{"weight_ih_l0", {5, 3}}, {"weight_hh_l0", {5, 5}},
                                            {"bias_ih_l0", {5}}, {"bias_hh_l0", {5}}}));
  EXPECT_EQ(names_of(nn::LSTM(10, 6, {.layers = 2, .bidirectional = true, .projection = 3})).size(), 20u);
  const Named projected = names_of(nn::LSTM(10, 6, {.layers = 2, .bidirectional = true, .projection = 3}));
  EXPECT_EQ(projected[4], (std::pair<std::string, Shape>{"weight_hr_l0", {3, 6}}));
  EXPECT_EQ(projected[6], (std::pair<std::string, Shape>{"weight_hh_l0_reverse", {24, 3}}));
  EXPECT_EQ(projected[10], (std::pair<std::string, Shape>{"weight_ih_l1", {24, 6}}));
  EXPECT_EQ(names_of(nn::LSTM(3, 5, {.bias = nn::Bias::single, .peepholes = true, .coupled = true, .layer_norm = true})),
            (Named{{"weight_ih_l0", {15, 3}}, {"weight_hh_l0", {15, 5}}, {"bias_ih_l0", {15}}, {"gamma_ih_l0", {15}},
                   {"gamma_hh_l0", {15}}, {"weight_ch_l0", {10}}, {"gamma_h_l0", {5}}, {"beta_h_l0", {5}}}));
  EXPECT_EQ(names_of(nn::IndRNN(3, 5)), (Named{{"weight_ih_l0", {5, 3}}, {"weight_hh_l0", {5}}, {"bias_ih_l0", {5}}}));
  EXPECT_EQ(names_of(nn::MinGRU(3, 5, {.bias = nn::Bias::none})), (Named{{"weight_ih_l0", {10, 3}}}));
  EXPECT_EQ(names_of(nn::MinLSTM(3, 5)), (Named{{"weight_ih_l0", {15, 3}}, {"bias_ih_l0", {15}}}));
  EXPECT_EQ(names_of(nn::LSTM(3, 5, {.bidirectional = true, .learned_states = true})).back(),
            (std::pair<std::string, Shape>{"c_0", {2, 5}}));
  EXPECT_EQ(names_of(nn::Linear(3, 4)), (Named{{"weight", {4, 3}}, {"bias", {4}}}));
  EXPECT_EQ(names_of(nn::Linear(3, 4, false)), (Named{{"weight", {4, 3}}}));
  EXPECT_EQ(names_of(nn::Embedding(7, 2)), (Named{{"weight", {7, 2}}}));
}
// clang-format on

/// Values fill U(-bound, bound): extremes near the bound, mean 0, variance bound^2 / 3.
void expect_uniform(const Parameter& parameter, double bound) {
  double sum = 0, squares = 0, largest = 0;
  const std::vector<float> values = parameter.values();
  for (double v : values) sum += v, squares += v * v, largest = std::max(largest, std::abs(v));
  const auto n = static_cast<double>(values.size());
  EXPECT_LE(largest, bound) << parameter.name();
  EXPECT_GT(largest, 0.9 * bound) << parameter.name();
  EXPECT_NEAR(sum / n, 0.0, 5 * bound / std::sqrt(3 * n)) << parameter.name();  // five standard errors
  EXPECT_NEAR(squares / n, bound * bound / 3, 5 * bound * bound * 0.3 / std::sqrt(n)) << parameter.name();
}

TEST(Layers, StartFromPyTorchsDistributions) {
  manual_seed(3);
  const nn::LSTM lstm(10, 64, {.layers = 2});
  for (const Parameter& p : lstm.parameters()) expect_uniform(p, 1.0 / 8);
  const nn::Linear linear(16, 400);
  for (const Parameter& p : linear.parameters()) expect_uniform(p, 1.0 / 4);

  const std::vector<float> normal = nn::Embedding(101, 99).parameters()[0].values();  // an odd count
  double sum = 0, squares = 0, within = 0;
  for (double v : normal) sum += v, squares += v * v, within += std::abs(v) < 1;
  const auto n = static_cast<double>(normal.size());
  EXPECT_NEAR(sum / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1, 5 * std::sqrt(2 / n));
  EXPECT_NEAR(within / n, 0.6827, 5 * 0.4654 / std::sqrt(n));
}

TEST(Layers, KerasInitialiserIsGlorotOrthogonalZeroAndForgetOne) {
  manual_seed(4);
  const std::int64_t I = 48, H = 24;
  const nn::LSTM lstm(I, H, {.initialiser = nn::Initialiser::keras});
  expect_uniform(lstm.parameters()[0], std::sqrt(6.0 / static_cast<double>(I + 4 * H)));
  const auto u = lstm.parameters()[1].values();  // [4H, H], columns orthonormal
  for (std::int64_t a = 0; a < H; ++a)
    for (std::int64_t b = 0; b <= a; ++b) {
      double dot = 0;
      for (std::int64_t r = 0; r < 4 * H; ++r) dot += double{u[r * H + a]} * u[r * H + b];
      ASSERT_NEAR(dot, a == b, 1e-6);
    }
  const auto bias = lstm.parameters()[2].values();
  for (std::int64_t k = 0; k < 4 * H; ++k) EXPECT_EQ(bias[k], k / H == 1 ? 1.0f : 0.0f);
  const auto coupled = nn::LSTM(2, 3, {.coupled = true, .forget_bias = 2.0f}).parameters()[2].values();
  EXPECT_EQ(std::vector(coupled.begin(), coupled.begin() + 3), std::vector<float>(3, -2.0f)) << "f = 1 - i";
}

TEST(Layers, ManualSeedRepeatsInitialValues) {
  auto draw = [](std::uint64_t seed) {
    manual_seed(seed);
    std::vector<float> all;
    const nn::Embedding embed(5, 3);
    const nn::GRU gru(3, 4);
    for (const nn::Module* module : {static_cast<const nn::Module*>(&embed), static_cast<const nn::Module*>(&gru)})
      for (const Parameter& p : module->parameters())
        for (float v : p.values()) all.push_back(v);
    return all;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
  manual_seed(9);
  EXPECT_NE(nn::Linear(4, 4).parameters()[0].values(), nn::Linear(4, 4).parameters()[0].values());

  manual_seed(9);  // the definition, so that a file of weights can be made again anywhere
  std::mt19937_64 engine(9);
  for (float v : nn::Linear(4, 4).parameters()[0].values())
    EXPECT_EQ(v, static_cast<float>(0.5 * (2 * (static_cast<double>(engine() >> 11) * 0x1p-53) - 1)));
}

// Mistakes. ---------------------------------------------------------------------------------------

// clang-format off
const std::vector<Mistake>& mistakes() {
  static const std::vector<Mistake> all = {
      {"hidden", [](Graph&) { nn::LSTM(3, 0); }, {"lstm", "hidden must be positive, got 0"}},
      {"inputs", [](Graph&) { nn::GRU(-1, 4); }, {"gru", "inputs must be positive, got -1"}},
      {"layers", [](Graph&) { nn::RNN(3, 4, {.layers = 0}); }, {"rnn", "layers", "0"}},
      {"dropout_one", [](Graph&) { nn::LSTM(3, 4, {.dropout = 1.0f}); }, {"lstm", "dropout", "[0, 1)"}},
      {"dropout_negative", [](Graph&) { nn::LSTM(3, 4, {.dropout = -0.1f}); }, {"lstm", "dropout"}},
      {"dropout_nan", [](Graph&) { nn::LSTM(3, 4, {.dropout = NAN}); }, {"lstm", "dropout"}},
      {"x_rank", [](Graph& g) { nn::LSTM(3, 4)(g.input("x", {5, 3})); }, {"lstm", "[T, N, 3]", "[5, 3]"}},
      {"x_size", [](Graph& g) { nn::GRU(3, 4)(g.input("x", {5, 2, 7})); }, {"gru", "[T, N, 3]", "[5, 2, 7]"}},
      {"x_type", [](Graph& g) { nn::RNN(3, 4)(g.input("x", {5, 2, 3}, DType::u32)); }, {"rnn", "f32", "u32"}},
      {"x_size_carried",
       [](Graph& g) { nn::RNN(3, 4)(g.input("x", {5, 2, 7}), g.carried()); },
       {"rnn", "[T, N, 3]", "[5, 2, 7]"}},
      {"states_missing",
       [](Graph& g) { nn::LSTM(3, 4).run(g.input("x", {5, 2, 3}), {.initial = {g.full({1, 2, 4}, 0)}}); },
       {"lstm", "2 initial states", "got 1"}},
      {"state_shape",
       [](Graph& g) { nn::GRU(3, 4, {.layers = 2}).run(g.input("x", {5, 2, 3}), {.initial = {g.full({1, 2, 4}, 0)}}); },
       {"gru", "[2, 2, 4]", "[1, 2, 4]"}},
      {"linear_sizes", [](Graph&) { nn::Linear(0, 4); }, {"linear", "inputs must be positive, got 0"}},
      {"linear_x", [](Graph& g) { nn::Linear(3, 4)(g.input("x", {5, 2})); }, {"linear", "[5, 2]", "[4, 3]"}},
      {"linear_rank", [](Graph& g) { nn::Linear(3, 4)(g.input("x", {3})); }, {"linear", "[3]"}},
      {"embedding_sizes", [](Graph&) { nn::Embedding(3, 0); }, {"embedding", "size must be positive, got 0"}},
      {"embedding_type", [](Graph& g) { nn::Embedding(3, 2)(g.input("x", {4})); }, {"embedding"}},
  };
  return all;
}
// clang-format on

TEST(Layers, MistakesAreRefusedWithTheLayerAndTheShapes) {
  expect_refused(mistakes());
}

// States. -----------------------------------------------------------------------------------------

TEST(Recurrent, ShapesOfOutputsAndLastStates) {
  Graph g;
  Tensor x = g.input("x", {7, 5, 3});
  Tensor zero = g.full({2, 5, 4}, 0);
  const nn::RecurrentResult result = nn::LSTM(3, 4, {.layers = 2}).run(x, {.initial = {zero, zero}});
  EXPECT_EQ(result.outputs.shape(), (Shape{7, 5, 4}));
  ASSERT_EQ(result.last.size(), 2u);
  EXPECT_EQ(result.last[0].shape(), (Shape{2, 5, 4}));
  EXPECT_EQ(result.last[1].shape(), (Shape{2, 5, 4}));
  EXPECT_EQ(nn::GRU(3, 4)(x).shape(), (Shape{7, 5, 4}));
}

TEST(Recurrent, CarriedStatesHaveNamesOfTheirOwn) {
  Graph g;
  Tensor x = g.input("x", {2, 1, 3});
  g.input("rnn.h", {1});
  nn::LSTM a(3, 3), b(3, 3);
  b(a(x, g.carried()), g.carried());
  nn::GRU(3, 3)(x, g.carried());
  nn::RNN(3, 3)(x, g.carried());
  for (const char* name : {"lstm.h", "lstm.c", "lstm2.h", "lstm2.c", "gru.h", "rnn2.h"})
    EXPECT_TRUE(g.has(name)) << name;
  for (const char* name : {"lstm3.h", "gru.c", "gru2.h", "rnn3.h"}) EXPECT_FALSE(g.has(name)) << name;
}

TEST(Recurrent, DropoutActsBetweenLayersInTrainingOnly) {
  manual_seed(5);
  const nn::LSTM plain(3, 6, {.layers = 2}), dropped(3, 6, {.layers = 2, .dropout = 0.5f});
  for (std::size_t i = 0; i < plain.parameters().size(); ++i)
    Parameter(dropped.parameters()[i]).set(plain.parameters()[i].values());
  const auto values = widen(random_values(4 * 2 * 3, 1));
  auto run = [&](const nn::LSTM& lstm, Mode mode) {
    Graph g(mode);
    Tensor x = g.input("x", {4, 2, 3}), zero = g.full({2, 2, 6}, 0);
    const nn::RecurrentResult result = lstm.run(x, {.initial = {zero, zero}});
    Reference reference;
    reference.set(x, values);
    return reference.evaluate({result.outputs, slice(result.last[0], 0, 0, 1)});
  };
  const auto want = run(plain, Mode::training);
  EXPECT_EQ(run(dropped, Mode::inference), want);
  const auto got = run(dropped, Mode::training);
  EXPECT_NE(got[0], want[0]);
  EXPECT_EQ(got[1], want[1]) << "the first layer's own state must not be dropped";
}

TEST(Recurrent, GatesStatesAndLastOutputsCanBeRead) {
  manual_seed(7);
  const std::int64_t T = 4, N = 3, H = 5;
  const nn::LSTM lstm(3, H, {.layers = 2, .bidirectional = true, .learned_states = true});
  Graph g;
  Tensor x = g.input("x", {T, N, 3}), n = g.input("n", {N}, DType::u32);
  const nn::RecurrentResult result = lstm.run(x, {.lengths = n});
  EXPECT_EQ(result.last_output.shape(), (Shape{N, 2 * H}));
  EXPECT_EQ(lstm.features(), 2 * H);
  Tensor c = result.step("c", 0), o = result.step("o"), h = result.step("h");
  Tensor made = o * tanh(result.step("c"));  // [T, N, H]; h' where the step counts
  Reference reference;
  reference.set(x, widen(random_values(static_cast<std::size_t>(T * N * 3), 3)));
  reference.set(n, {4, 4, 4});
  const auto values = reference.evaluate({h, made, slice(result.last[1], 0, 0, 1), slice(c, 0, T - 1, T),
                                          result.last_output, slice(result.last[0], 0, 2, 3), slice(result.last[0], 0, 3, 4)});
  EXPECT_TRUE(close(values[0], values[1], 1e-12, 1e-12));
  EXPECT_EQ(values[2], values[3]) << "the last c of the first layer, forward";
  for (std::int64_t i = 0; i < N * H; ++i) {
    EXPECT_EQ(values[4][i / H * 2 * H + i % H], values[5][i]);
    EXPECT_EQ(values[4][i / H * 2 * H + H + i % H], values[6][i]);
  }
}

TEST(Recurrent, ZoneoutKeepsItsShareOfOldValues) {
  manual_seed(8);
  const std::int64_t T = 40, N = 2, H = 8;
  Graph g;
  Tensor x = g.input("x", {T, N, 3});
  Tensor out = nn::RNN(3, H, {.zoneout = 0.25f})(x);
  Reference reference;
  reference.set(x, widen(random_values(static_cast<std::size_t>(T * N * 3), 3)));
  const auto h = reference.evaluate({out})[0];
  int kept = 0;
  for (std::int64_t i = N * H; i < T * N * H; ++i) kept += h[i] == h[i - N * H];
  EXPECT_NEAR(kept, 156, 54) << "a quarter of 624, within five standard deviations";
}

TEST(Recurrent, VariationalDropoutDrawsOneMaskForAllSteps) {
  const std::int64_t T = 6, H = 16;
  for (const bool variational : {false, true}) {
    manual_seed(8);
    const nn::RNN rnn(3, H, {.layers = 2, .dropout = 0.5f, .variational = variational});
    Graph g;
    Tensor x = g.input("x", {T, 1, 3});
    const nn::RecurrentResult result = rnn.run(x);
    const Tensor w = g.parameter(rnn.parameters()[4]);  // weight_ih_l1: a column is 0 where its input is dropped
    ASSERT_EQ(rnn.parameters()[4].name(), "weight_ih_l1");
    std::vector<Reference::Values> dropped;
    Reference reference;
    reference.set(x, widen(random_values(static_cast<std::size_t>(T * 3), 3)));
    for (std::int64_t t = 0; t < T; ++t) {
      Tensor seen = sum(gradients(sum(slice(result.outputs, 0, t, t + 1)), {w})[0], {0});  // [H]
      dropped.push_back(reference.evaluate({equal(seen, g.full({}, 0.0f))})[0]);
    }
    const double lost = std::accumulate(dropped[T - 1].begin(), dropped[T - 1].end(), 0.0);
    if (variational) {
      EXPECT_GT(lost, 2);
      for (const auto& step : dropped) EXPECT_EQ(step, dropped[0]);
    } else {
      EXPECT_LT(lost, 3) << "over six steps nearly every input was seen once";
    }
  }
}

/// Weights that are fed give what a layer that has them gives, and get gradients as it does.
TEST(Recurrent, TensorsMayStandInForParameters) {
  Graph g;
  nn::GRU owner(3, 2, {.bidirectional = true}), other(3, 2, {.bidirectional = true});
  Tensor x = g.input("x", {4, 2, 3});
  nn::RecurrentInputs in;
  for (const Parameter& parameter : owner.parameters()) in.weights[parameter.name()] = g.parameter(parameter) * 1.0f;
  Tensor expected = sum(owner(x)), got = sum(other(x, in));
  const Tensor weight = g.parameter(owner.parameters()[5]);  // weight_hh_l0_reverse
  Reference reference;
  reference.set(x, widen(random_values(24, 1)));
  const auto values = reference.evaluate({expected, got, gradients(expected, {weight})[0], gradients(got, {weight})[0]});
  EXPECT_EQ(values[0], values[1]);
  EXPECT_EQ(values[2], values[3]);
}

TEST(Recurrent, CarriedStateContinuesWhereTheLastRunStopped) {
  manual_seed(6);
  const std::int64_t T = 3, N = 2, I = 3, H = 5;
  const nn::LSTM lstm(I, H, {.layers = 2});
  const auto values = random_values(static_cast<std::size_t>(2 * T * N * I), 2);

  Graph whole;
  Tensor all = whole.input("x", {2 * T, N, I});
  Tensor expected = lstm(all);  // [2T, N, H]
  Reference reference;
  reference.set(all, widen(values));
  const auto want = reference.evaluate({expected})[0];
  const auto half = static_cast<std::ptrdiff_t>(T * N * H);

  Graph g(Mode::inference);
  Tensor x = g.input("x", {T, N, I});
  Tensor y = lstm(x, g.carried());  // [T, N, H]
  Program program = device().compile(g, y);
  const auto pieces = std::span(values);
  for (int round = 0; round < 2; ++round) {
    program.run({{x, pieces.first(values.size() / 2)}});
    EXPECT_TRUE(close(program.read(y), std::vector(want.begin(), want.begin() + half), 1e-5, 1e-6));
    program.run({{x, pieces.last(values.size() / 2)}});
    EXPECT_TRUE(close(program.read(y), std::vector(want.begin() + half, want.end()), 1e-5, 1e-6));
    program.reset("lstm.");
  }
}

}  // namespace
}  // namespace volute::test
