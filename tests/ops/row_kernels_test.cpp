// Row kernels: what is computed along the last axis, reductions and all between and after them, is one dispatch.
// Invariant: on one device a row kernel gives the bits of the kernels it stands for, where one invocation has a row.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <volute/volute.hpp>

#include "tests/ops/case.hpp"
#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

struct Named {
  const char* name;
  Build build;         ///< of x [R, V], y [R] u32 and w [V], positive
  int dispatches = 1;  ///< forward
};

std::vector<Tensor> none(Tensor losses) { return {losses}; }

const std::vector<Named>& functions() {
  static const std::vector<Named> all = {
      {"softmax", [](Inputs in) { return none(softmax(in[0])); }},
      {"log_softmax", [](Inputs in) { return none(log_softmax(in[0])); }},
      {"masked softmax", [](Inputs in) { return none(masked_softmax(in[0], in[2])); }},
      {"cross_entropy", [](Inputs in) { return none(cross_entropy(in[0], in[1], {.reduction = Reduction::none})); }},
      {"cross_entropy, ignored index",
       [](Inputs in) {
         return none(cross_entropy(in[0], in[1], {.ignore_index = 1, .reduction = Reduction::none}));
       }},
      {"cross_entropy, weights and smoothing",
       [](Inputs in) {
         return none(cross_entropy(
             in[0], in[1], {.label_smoothing = 0.2f, .class_weights = in[2], .reduction = Reduction::none}));
       }},
      {"layer norm",
       [](Inputs in) {
         Tensor centred = in[0] - mean(in[0], {-1}, true);
         return none(centred / sqrt(mean(centred * centred, {-1}, true) + 1e-5f) * in[2] + in[2]);
       }},
      {"argmax, whose V positions are computed once", [](Inputs in) { return none(argmax(in[0])); }, 2},
      {"values, their maximum and their sum",
       [](Inputs in) { return std::vector{exp(in[0]), max(exp(in[0]), {-1}), sum(tanh(in[0]), {-1}, true)}; }}};
  return all;
}

Leaves leaves(std::int64_t R, std::int64_t V) {
  return {between({R, V}, -3, 3), indices({R}, static_cast<std::uint32_t>(V)), positive({V})};
}

class RowKernels : public ::testing::TestWithParam<std::size_t> {};

TEST_P(RowKernels, AreOneDispatch) {
  const Named& f = functions()[GetParam()];
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
  const Named& f = functions()[GetParam()];
  for (auto [R, V] : {std::pair<std::int64_t, std::int64_t>{7, 1}, {1, 3}, {65, 5}, {6, 33}, {3, 257}, {1, 517}}) {
    const Case c(f.build, leaves(R, V), 17);
    SCOPED_TRACE(f.name + (" of " + c.shapes()));
    c.check_device({.texel_loads = true}, 1e-5);
    c.check_device({.texel_loads = false}, 1e-5);
    if (V == 33) c.check_device({.texel_loads = true, .max_storage_range = 1}, 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Functions, RowKernels, ::testing::Range(std::size_t{0}, functions().size()));

/// The words of outputs and gradients, with row kernels or without.
std::vector<std::vector<float>> values(const Named& f, const std::vector<float>& x, std::int64_t R, std::int64_t V,
                                       bool join) {
  Graph g;
  const std::vector<Tensor> in = {g.input("x", {R, V}), g.input("y", {R}, DType::u32), g.input("w", {V})};
  std::vector<Tensor> wanted = f.build(in);
  if (wanted[0].dtype() != DType::f32) return {};
  const std::vector<Tensor> gradient = gradients(sum(wanted[0]), {in[0]});
  wanted.push_back(gradient[0]);
  Program program = compile_program(device().data(), g, Targets(wanted), {.texel_loads = true, .join = join});
  const auto y = random_indices(static_cast<std::size_t>(R), 3, 5);
  const auto w = random_values(static_cast<std::size_t>(V), 4, 0.5f, 2.0f);
  std::vector<Feed> feeds{{in[0], x}};
  if (program.data().inputs.contains(in[1].node())) feeds.emplace_back(in[1], y);
  if (program.data().inputs.contains(in[2].node())) feeds.emplace_back(in[2], w);
  program.run(feeds);
  std::vector<std::vector<float>> read;
  for (const Tensor t : wanted) read.push_back(program.read(t));
  return read;
}

// Rows with some and with nothing but -inf among them.
TEST(RowKernel, GiveTheBitsOfTheirParts) {
  const std::int64_t R = 9, V = 33;
  std::vector<float> x = random_values(static_cast<std::size_t>(R * V), 8, -4, 4);
  const float low = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < x.size(); ++i)
    if (i % 7 == 3 || i / 33 == 4) x[i] = low;
  for (const Named& f : functions()) {
    SCOPED_TRACE(f.name);
    const auto together = values(f, x, R, V, true), apart = values(f, x, R, V, false);
    ASSERT_EQ(together.size(), apart.size());
    for (std::size_t k = 0; k < together.size(); ++k)
      for (std::size_t i = 0; i < together[k].size(); ++i)
        ASSERT_TRUE(together[k][i] == apart[k][i] || (std::isnan(together[k][i]) && std::isnan(apart[k][i])))
            << f.name << ", result " << k << " at " << i << ": " << together[k][i] << " and " << apart[k][i];
  }
}

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
