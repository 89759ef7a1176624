// Row kernels: what is computed along the last axis, reductions and all between and after them, is one dispatch.
// Invariant: on one device a row kernel gives the bits of the kernels it stands for, where one invocation has a row.

#include <gtest/gtest.h>

#include <volute/volute.hpp>

#include "engine/check/row_functions.hpp"
#include "tests/support/device.hpp"
#include "tests/support/findings.hpp"

namespace volute::test {
namespace {

using namespace check;

class RowKernels : public ::testing::TestWithParam<std::size_t> {};

TEST_P(RowKernels, AreOneDispatch) {
  const RowFunction& f = row_functions()[GetParam()];
  for (auto [R, V] : {std::pair<std::int64_t, std::int64_t>{1, 96}, {7, 3}, {300, 5}, {5, 33}, {3, 257}})
    for (bool texel : {true, false}) {
      Graph g;
      const std::vector<Tensor> in = {g.input("x", {R, V}), g.input("y", {R}, DType::u32), g.input("w", {V})};
      const Program program = compile_program(device().data(), g, Targets(f.build(in)), {.texel_loads = texel});
      EXPECT_EQ(program.stats().dispatches, f.dispatches) << f.name << " [" << R << ", " << V << "]\n" << program.explain();
    }
}

// Forward and backward, in every way kernels reach memory; with storage loads several invocations share a row.
TEST_P(RowKernels, MatchReference) {
  const RowFunction& f = row_functions()[GetParam()];
  for (auto [R, V] : {std::pair<std::int64_t, std::int64_t>{7, 1}, {1, 3}, {65, 5}, {6, 33}, {3, 257}, {1, 517}}) {
    const Case c(f.build, row_leaves(R, V), 17);
    SCOPED_TRACE(f.name + (" of " + c.shapes()));
    expect_nothing_found([&](Findings& findings) {
      c.check_device(device(), {.texel_loads = true}, 1e-5, findings);
      c.check_device(device(), {.texel_loads = false}, 1e-5, findings);
      if (V == 33) c.check_device(device(), {.texel_loads = true, .max_storage_range = 1}, 1e-5, findings);
    });
  }
}

TEST_P(RowKernels, GiveTheBitsOfTheirParts) {
  expect_nothing_found([&](Findings& found) { check_row_bits(device(), row_functions()[GetParam()], found); });
}

INSTANTIATE_TEST_SUITE_P(Functions, RowKernels, ::testing::Range(std::size_t{0}, row_functions().size()));

// One dispatch walks the logits [T, N, V] forward and backward; the mean over rows follows.
TEST(RowKernel, CrossEntropyAndItsGradientAreOneDispatch) {
  Graph g;
  const Tensor x = g.input("x", {16, 8, 65}), y = g.input("y", {16, 8}, DType::u32);
  const Tensor loss = cross_entropy(x, y);
  Program program = device().compile(g, Targets({loss, gradients(loss, {x})[0]}));
  int walks = 0;
  for (const Section& section : program.data().sections)
    for (const Dispatch& dispatch : section.dispatches)
      for (const Touch& touch : dispatch.touches)
        if (!touch.write && touch.bytes >= 16 * 8 * 68 * 4) {
          ++walks;
          break;
        }
  EXPECT_EQ(walks, 1) << program.explain();
}

// Too few rows to fill a device: their elements are spread over it as before.
TEST(RowKernel, AreNotMadeOfFewLongRows) {
  Graph g;
  const Program program = device().compile(g, softmax(g.input("x", {2, 5000})));
  EXPECT_GT(program.stats().dispatches, 1);
}

}  // namespace
}  // namespace volute::test
