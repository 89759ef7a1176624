// Graphs of many nodes: a thousand operations one after the other are differentiated, evaluated and planned without a
// call for each, which would exhaust the stack of a thread that has little of it.
#include <gtest/gtest.h>

#include <functional>

#include <volute/optim.hpp>
#include <volute/reference.hpp>

#include "engine/compile/limits.hpp"
#include "engine/compile/memory.hpp"

namespace volute {
namespace {

constexpr int length = 1'000;

/// The host's part of compile.
void plan(const Graph& graph, const Targets& targets) {
  LiveGraph live = live_graph(graph, targets);
  check_counts(live);
  const Destinations destinations = run_passes(live, Precision::f32, false).destinations;
  const KernelTarget target{.matmul = "texel", .cores = 2};
  const auto units = fuse(live, fuse_limits(target));
  Layout layout(live, destinations, units);
  const auto sections = lower(units, layout, target);
  check_counts(layout, sections);
  EXPECT_FALSE(lifetimes(sections, layout.storages().size(), {}).empty());
}

struct Chain {
  const char* title;
  std::function<Tensor(Tensor, int)> link;  ///< keeps [2, 2]
  int count = length;
};

void PrintTo(const Chain& chain, std::ostream* out) { *out << chain.title; }

class LongChains : public testing::TestWithParam<Chain> {};

TEST_P(LongChains, AreOrdinaryGraphs) {
  Graph g;
  const Tensor x = g.input("x", {2, 2});
  Tensor y = x;
  for (int i = 0; i < GetParam().count; ++i) y = GetParam().link(y, i);
  const Tensor loss = sum(y), gradient = gradients(loss, {x})[0];
  Reference reference;
  reference.set(x, {0.1, 0.2, 0.3, 0.4});
  const auto values = reference.evaluate({loss, gradient});
  EXPECT_EQ(values[0].size(), 1u);
  EXPECT_EQ(values[1].size(), 4u);
  plan(g, {loss, gradient});
}

INSTANTIATE_TEST_SUITE_P(Kinds, LongChains, testing::Values(
    Chain{"pointwise", [](Tensor y, int) { return tanh(y); }},
    Chain{"two_operands", [](Tensor y, int) { return y * y; }},
    Chain{"sums", [](Tensor y, int) { return y + sum(y); }, length / 10},
    Chain{"transposes", [](Tensor y, int) { return transpose(y); }},
    Chain{"reshapes", [](Tensor y, int i) { return i % 2 ? reshape(y, {2, 2}) : reshape(y, {4}); }},
    Chain{"views_and_values", [](Tensor y, int i) { return i % 2 ? tanh(y) : transpose(y); }, length / 10},
    Chain{"broadcasts", [](Tensor y, int) { return slice(broadcast_to(slice(y, 0, 0, 1), {2, 2}), 0, 0, 2); }, length / 10},
    Chain{"concats", [](Tensor y, int) { return concat({slice(y, 0, 1, 2), slice(y, 0, 0, 1)}, 0); }, length / 10},
    Chain{"products", [](Tensor y, int) { return matmul(y, y); }, length / 10},
    Chain{"stops", [](Tensor y, int) { return stop_gradient(y); }}),
    [](const auto& row) { return std::string(row.param.title); });

TEST(LongBodies, AreOrdinaryLoops) {
  Graph g;
  const Tensor xs = g.input("xs", {3, 2}), h = g.input("h", {2});
  const auto [ys, last] = scan(xs, h, [](Tensor x, Tensor state) {
    for (int i = 0; i < length / 10; ++i) state = tanh(state + x);
    return state;
  });
  const Tensor loss = sum(last), gradient = gradients(loss, {h})[0];
  Reference reference;
  reference.set(xs, std::vector<double>(6, 0.1));
  reference.set(h, {0.1, 0.2});
  EXPECT_EQ(reference.evaluate({gradient})[0].size(), 2u);
  plan(g, {loss, gradient});
}

}  // namespace
}  // namespace volute
