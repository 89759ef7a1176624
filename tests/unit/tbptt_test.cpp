// TBPTT(k1, k2): the gradient of each run is that of the k1 new losses through a window of k2 steps, taken
// here from a graph over the whole sequence in which the state is cut where the window begins.

#include <gtest/gtest.h>

#include <volute/volute.hpp>

#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

using Floats = std::vector<float>;
constexpr std::int64_t N = 2, I = 3, H = 4;

/// h' = tanh(x W^T + h U^T), the same in both graphs.
struct Cell {
  Parameter w{"w", {H, I}, random_values(H * I, 1)}, u{"u", {H, H}, random_values(H * H, 2)};

  Unrolled unroll(Graph g, Tensor xs, Tensor h0) const {
    Tensor W = g.parameter(w), U = g.parameter(u);
    auto [hs, last] = scan(xs, h0, [&](Tensor x, Tensor h) {
      return tanh(matmul(x, W, false, true) + matmul(h, U, false, true));
    });
    return {hs, {last}};
  }
};

Tensor loss_of(Tensor h) { return sum(h * h * h); }

struct Reach {
  std::int64_t k1, k2;
};

class TruncatedBptt : public ::testing::TestWithParam<Reach> {};

TEST_P(TruncatedBptt, GradientIsThatOfTheWindow) {
  const auto [k1, k2] = GetParam();
  const std::int64_t runs = 4, T = k2 + (runs - 1) * k1;
  const Cell cell;
  const Floats all = random_values(T * N * I, 3);

  Graph g;
  Tensor x = g.input("x", {k2, N, I});
  int calls = 0;
  Tensor h = tbptt(g, "cell", x, k1, {{N, H}}, [&](Tensor xs, const std::vector<Tensor>& s) {
    ++calls;
    return cell.unroll(g, xs, s[0]);
  });
  EXPECT_EQ(h.shape(), (Shape{k1, N, H}));
  EXPECT_EQ(calls, k1 == k2 ? 1 : 2);
  Tensor loss = loss_of(h);
  const auto grads = gradients(loss, {g.parameter(cell.w), g.parameter(cell.u)});
  Program windowed = device().compile(g, {loss, grads[0], grads[1]});

  for (std::int64_t run = 0; run < runs; ++run) {
    const std::int64_t start = run * k1;
    windowed.run({{x, Floats(all.begin() + start * N * I, all.begin() + (start + k2) * N * I)}});

    Graph whole;
    Tensor xs = whole.input("x", {T, N, I}), state = whole.full({N, H}, 0);
    if (start > 0) state = stop_gradient(cell.unroll(whole, slice(xs, 0, 0, start), state).last[0]);
    Tensor out = cell.unroll(whole, slice(xs, 0, start, start + k2), state).outputs;
    Tensor expected = loss_of(slice(out, 0, k2 - k1, k2));
    const auto expected_grads = gradients(expected, {whole.parameter(cell.w), whole.parameter(cell.u)});
    Program program = device().compile(whole, {expected, expected_grads[0], expected_grads[1]});
    program.run({{xs, all}});

    EXPECT_NEAR(windowed.value(loss), program.value(expected), 1e-5) << "run " << run;
    for (int i : {0, 1})
      EXPECT_TRUE(close(windowed.read(grads[i]), program.read(expected_grads[i]), 1e-4, 1e-5)) << "run " << run;
  }
}

INSTANTIATE_TEST_SUITE_P(Reaches, TruncatedBptt,
                         ::testing::Values(Reach{3, 3}, Reach{1, 4}, Reach{2, 5}, Reach{3, 5}, Reach{4, 5},
                                           Reach{1, 1}),
                         [](const auto& row) {
                           return std::to_string(row.param.k1) + "_of_" + std::to_string(row.param.k2);
                         });

TEST(TruncatedBpttStreams, WindowsOverlapByTheReach) {
  std::vector<std::uint32_t> tokens(60);
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<std::uint32_t>(i);
  const data::Streams streams(tokens, 5, 2, 2);
  ASSERT_EQ(streams.pieces(), 13);  // 30 tokens a stream, 29 inputs: windows start at 0, 2, ..., 24
  for (std::int64_t i = 0; i < streams.pieces(); ++i) {
    EXPECT_EQ(streams.batch(i).x[0], 2 * i);
    EXPECT_EQ(streams.batch(i).y.back(), 30 + 2 * i + 5);
  }
}

TEST(TruncatedBpttModule, TakesAModuleAndTrains) {
  nn::LSTM lstm(I, H);
  Graph g;
  Tensor x = g.input("x", {6, N, I});
  Tensor h = tbptt(g, "lstm", x, 2, {{1, N, H}, {1, N, H}}, [&](Tensor xs, const std::vector<Tensor>& s) {
    auto result = lstm.run(xs, s);
    return Unrolled{result.outputs, result.last};
  });
  Tensor difference = h - 0.3f;
  Tensor loss = mean(difference * difference);
  Program program = device().compile(g, minimize(loss, Adam{.lr = 0.05f}));
  program.run({{x, random_values(6 * N * I, 1)}});
  const float before = program.value(loss);
  EXPECT_NE(program.read_state("lstm.0"), Floats(N * H, 0.0f));
  EXPECT_NE(program.read_state("lstm.1"), Floats(N * H, 0.0f));
  for (int i = 0; i < 60; ++i) program.run();
  EXPECT_LT(program.value(loss), before / 10);
}

}  // namespace
}  // namespace volute::test
