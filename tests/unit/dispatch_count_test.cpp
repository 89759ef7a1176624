// What a recurrent layer costs: dispatches a time step, forward and backward, a number independent of T
// besides, and one product per weight gradient, whatever T is. Counted twice, in the plan and at Vulkan.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include <volute/nn.hpp>
#include <volute/optim.hpp>

#include "engine/compile/program_data.hpp"
#include "tests/support/device.hpp"
#include "tests/unit/call_counter.hpp"

namespace volute {
namespace {

// All different, so that a product is known by its extents; multiples of 4 play no part here.
constexpr std::int64_t N = 5, I = 12, H = 20, V = 44;

struct Recorded {
  Program program;
  long dispatches;  ///< vkCmdDispatch of the step
};

/// Embedding, one layer, head, cross-entropy, Adam with clipping.
Recorded record(const nn::Recurrent& layer, std::int64_t T, Scans scans = Scans::unrolled) {
  nn::Embedding embed(V, I);
  nn::Linear head(H, V);
  Graph g;
  const Tensor x = g.input("x", {T, N}, DType::u32), y = g.input("y", {T, N}, DType::u32);  // [T, N]
  const Tensor loss = cross_entropy(head(layer(embed(x), g.carried())), y);                 // []
  const Targets targets = minimize(loss, Adam{}, {.clip_norm = 1.0f});
  const test::CallCounter counter(test::device().data()->context);
  Program program = compile_program(test::device().data(), g, targets, {.scans = scans});
  const long warming_up = program.stats().kernels;  // each kernel once, without a workgroup
  return {std::move(program), counter["vkCmdDispatch"] - warming_up};
}

/// "M x N x K" of the products in or outside of loops, smaller outer extent first: which of both operands is
/// written transposed does not matter here.
std::multiset<std::string> products(Program& program, bool in_loops) {
  std::multiset<std::string> found;
  for (const Section& section : program.data().sections) {
    if ((section.length > 0) != in_loops) continue;
    for (const Dispatch& dispatch : section.dispatches) {
      const std::size_t at = dispatch.label.find("matmul");
      if (at == std::string::npos) continue;
      long long m = 0, n = 0, k = 0;
      EXPECT_EQ(std::sscanf(dispatch.label.c_str() + at, "matmul %lldx%lldx%lld", &m, &n, &k), 3) << dispatch.label;
      EXPECT_EQ(dispatch.label.find("matmul", at + 1), std::string::npos) << dispatch.label;
      found.insert(std::to_string(std::min(m, n)) + "x" + std::to_string(std::max(m, n)) + "x" + std::to_string(k));
    }
  }
  return found;
}

std::string product(std::int64_t m, std::int64_t n, std::int64_t k) {
  return std::to_string(std::min(m, n)) + "x" + std::to_string(std::max(m, n)) + "x" + std::to_string(k);
}

/// One dispatch a step each way: a product with what is computed from it. Backwards the product that ends a step
/// shares the dispatch of the one after it, so the last of all stands alone.
void expect_costs(const nn::Recurrent& layer, std::int64_t gates) {
  Recorded at16 = record(layer, 16), at32 = record(layer, 32);
  const ProgramStats& a = at16.program.stats();
  const ProgramStats& b = at32.program.stats();
  ASSERT_EQ(a.loops.size(), 2u) << at16.program.explain();
  EXPECT_FALSE(a.loops[0].reverse);
  EXPECT_TRUE(a.loops[1].reverse);
  EXPECT_EQ(a.loops[0].dispatches_per_step, 1) << at16.program.explain();
  EXPECT_EQ(a.loops[1].dispatches_per_step, 1) << at16.program.explain();
  EXPECT_EQ(a.loops[0].dispatches, 16);
  EXPECT_EQ(a.loops[1].dispatches, 15);
  EXPECT_EQ(a.dispatches_outside_loops, b.dispatches_outside_loops);
  EXPECT_LE(a.dispatches_outside_loops, 19) << at16.program.explain();  // of which 7 are products

  const int a_step = a.loops[0].dispatches_per_step + a.loops[1].dispatches_per_step;
  EXPECT_EQ(at32.dispatches - at16.dispatches, 16 * a_step);
  EXPECT_EQ(at16.dispatches, 16 + 15 + a.dispatches_outside_loops);
  EXPECT_EQ(at16.dispatches, a.dispatches);

  const std::int64_t G = gates * H, TN = 16 * N;
  EXPECT_EQ(products(at16.program, false),
            (std::multiset<std::string>{product(TN, G, I),    // x W_ih^T for all T
                                        product(TN, V, H),    // head
                                        product(TN, H, V),    // gradient of the layer's output
                                        product(V, H, TN),    // gradient of the head's weight
                                        product(G, I, TN),    // gradient of W_ih
                                        product(G, H, TN),    // gradient of W_hh
                                        product(TN, I, G),    // gradient of the embedded input
                                        product(N, H, G)}))   // gradient of the first state
      << at16.program.explain();
  EXPECT_EQ(products(at16.program, true), (std::multiset<std::string>{product(N, G, H), product(N, H, G)}))
      << at16.program.explain();
  std::printf("%d dispatches a step forward, %d backward, %d besides\n", a.loops[0].dispatches_per_step,
              a.loops[1].dispatches_per_step, a.dispatches_outside_loops);
}

TEST(DispatchCount, Lstm) { expect_costs(nn::LSTM(I, H), 4); }
TEST(DispatchCount, Gru) { expect_costs(nn::GRU(I, H), 3); }
TEST(DispatchCount, Rnn) { expect_costs(nn::RNN(I, H), 1); }

/// Kernels that walk time: as many dispatches for 32 steps as for 16.
void expect_constant(const nn::Recurrent& layer) {
  const Recorded at16 = record(layer, 16, Scans::persistent), at32 = record(layer, 32, Scans::persistent);
  ASSERT_EQ(at16.program.stats().loops.size(), 2u);
  for (const auto& loop : at16.program.stats().loops) EXPECT_EQ(loop.dispatches, 1) << at16.program.explain();
  EXPECT_EQ(at16.dispatches, at32.dispatches);
}

TEST(DispatchCount, PersistentLstm) { expect_constant(nn::LSTM(I, H)); }
TEST(DispatchCount, PersistentGru) { expect_constant(nn::GRU(I, H)); }
TEST(DispatchCount, PersistentRnn) { expect_constant(nn::RNN(I, H)); }

TEST(DispatchCount, LayersAddUp) {
  const Recorded one = record(nn::LSTM(I, H), 16), three = record(nn::LSTM(I, H, {.layers = 3, .dropout = 0.3f}), 16);
  ASSERT_EQ(three.program.stats().loops.size(), 6u);
  for (const auto& loop : three.program.stats().loops)
    EXPECT_EQ(loop.dispatches_per_step, 1) << three.program.explain();
  EXPECT_LE(three.program.stats().dispatches, 3 * one.program.stats().dispatches);
}

struct OptimiserCosts {
  int updates = 0;   ///< dispatches of Adam's own
  int all = 0;       ///< dispatches of a training step
  std::size_t text = 0;  ///< bytes of GLSL of Adam's first
};

/// Of a training step on so many small parameters.
OptimiserCosts optimiser_costs(int count, bool texel_loads) {
  Graph g;
  std::vector<Parameter> parameters;
  Tensor loss;
  for (int i = 0; i < count; ++i) {
    const std::int64_t rows = 3 + i % 5, columns = 5 + i % 7;
    parameters.emplace_back("p" + std::to_string(i), Shape{rows, columns},
                            std::vector<float>(static_cast<std::size_t>(rows * columns), 0.5f));
    const Tensor p = g.parameter(parameters.back()), term = sum(p * p * p);  // [], its gradient in one kernel with g^2
    loss = loss ? loss + term : term;
  }
  Program program = compile_program(test::device().data(), g, minimize(loss, Adam{}, {.clip_norm = 1.0f}),
                                    {.texel_loads = texel_loads});
  OptimiserCosts costs;
  costs.all = static_cast<int>(program.stats().dispatches);
  for (const Section& section : program.data().sections)
    for (const Dispatch& dispatch : section.dispatches) {
      if (dispatch.label.find("sqrt+mul+add+div+sub") == std::string::npos) continue;
      if (costs.updates++ == 0) costs.text = dispatch.source.size();
    }
  return costs;
}

// Adam reads four tensors a parameter, and three for all, and writes three: what a joint dispatch may bind bounds how
// many parameters share one, and so does the text of a kernel, on devices that may bind much. Texel loads are counted
// apart from stores.
TEST(DispatchCount, OptimisersShareDispatches) {
  const KernelTarget& target = test::device().data()->target;
  for (const bool texel_loads : {true, false}) {
    const int buffers = static_cast<int>(target.max_buffers), images = static_cast<int>(target.max_images);
    const int most = texel_loads ? std::min(buffers / 3, (images - 3) / 4) : (buffers - 3) / 7;
    const OptimiserCosts one = optimiser_costs(1, texel_loads);
    const int most_by_text = (48 << 10) / static_cast<int>(one.text);  // at least: joint kernels share their head
    for (const int count : {7, 20, 60}) {
      const OptimiserCosts costs = optimiser_costs(count, texel_loads);
      std::printf("%d parameters: %d dispatches for Adam, %d altogether\n", count, costs.updates, costs.all);
      EXPECT_GE(costs.updates, (count + most - 1) / most) << count << " parameters";
      // Parameters of one shape share a kernel before dispatches are joined: two of them leave the last of an odd
      // number of places free.
      const int places = std::min(most, most_by_text), few = places - (places > 1 ? places % 2 : 0);
      EXPECT_LE(costs.updates, (count + few - 1) / few) << count << " parameters";
      EXPECT_LE(costs.all, 3 * costs.updates + 5) << count << " parameters";
    }
  }
}

}  // namespace
}  // namespace volute
