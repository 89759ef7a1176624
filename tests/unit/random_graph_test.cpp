// Random graphs, compiled and run, against the float64 reference: whatever the passes make of a graph, its
// values stay. Each runs twice, so updates and carried states count, with guard words between storages.
#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>

#include "engine/compile/program_data.hpp"
#include "tests/support/device.hpp"
#include "tests/support/reference_run.hpp"
#include "tests/unit/random_graph.hpp"

namespace volute {
namespace {

void check(std::uint32_t seed, Precision precision = Precision::f32) {
  test::RandomGraph random(seed);
  random.targets.precision = precision;
  // Next to a tie, the device and the reference may round to different sides.
  const double relative = precision == Precision::f32 ? 2e-3 : 3e-2;
  const double absolute = precision == Precision::f32 ? 2e-4 : 3e-2;
  Program program = compile_program(test::device().data(), random.graph, random.targets, {.guard_bytes = 64});
  program.seed(9);
  test::ReferenceRun reference(random.graph, random.targets);
  reference.seed(9);
  for (const Parameter& p : random.parameters) reference.set(Graph(random.graph).parameter(p), test::widen(p.values()));
  const auto indices = test::random_indices(static_cast<std::size_t>(random.indices.shape().elements()), seed, 4);
  reference.set(random.indices, test::widen(indices));
  for (int run = 0; run < 2; ++run) {
    std::vector<Feed> feeds;
    std::vector<std::vector<float>> values;
    for (const Tensor& x : random.inputs)
      values.push_back(
          test::random_values(static_cast<std::size_t>(x.shape().elements()), seed + static_cast<std::uint32_t>(run)));
    for (std::size_t i = 0; i < values.size(); ++i) {
      reference.set(random.inputs[i], test::widen(values[i]));
      if (program.data().inputs.contains(random.inputs[i].node())) feeds.emplace_back(random.inputs[i], values[i]);
    }
    if (program.data().inputs.contains(random.indices.node())) feeds.emplace_back(random.indices, indices);
    program.run(feeds);
    const auto expected = reference.run();
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_TRUE(test::close(program.read(random.targets.outputs[i]), expected[i], relative, absolute))
          << "output " << i << ", run " << run;
  }
  EXPECT_TRUE(guards_intact(program));
}

void check_range(std::uint32_t first, std::uint32_t count, Precision precision) {
  for (std::uint32_t seed = first; seed < first + count; ++seed) {
    try {
      check(seed, precision);
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
    if (::testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

/// The bits of all outputs after two runs.
std::vector<std::vector<std::uint32_t>> bits(std::uint32_t seed, bool join) {
  const test::RandomGraph random(seed);
  Program program = compile_program(test::device().data(), random.graph, random.targets, {.join = join});
  program.seed(9);
  const auto indices = test::random_indices(static_cast<std::size_t>(random.indices.shape().elements()), seed, 4);
  std::vector<std::vector<float>> values;
  for (const Tensor& x : random.inputs)
    values.push_back(test::random_values(static_cast<std::size_t>(x.shape().elements()), seed));
  std::vector<Feed> feeds;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (program.data().inputs.contains(random.inputs[i].node())) feeds.emplace_back(random.inputs[i], values[i]);
  if (program.data().inputs.contains(random.indices.node())) feeds.emplace_back(random.indices, indices);
  program.run(feeds);
  program.run(feeds);
  std::vector<std::vector<std::uint32_t>> found;
  for (const Tensor& output : random.targets.outputs) {
    auto& words = found.emplace_back();
    for (const float value : program.read(output)) words.push_back(std::bit_cast<std::uint32_t>(value));
  }
  return found;
}

// Row kernels and joint dispatches compute what the kernels they are made of do, in the same order.
TEST(RandomGraph, HasTheSameBitsWithEveryKernelAlone) {
  for (std::uint32_t seed = 2000; seed < 2020; ++seed) {
    EXPECT_EQ(bits(seed, true), bits(seed, false)) << "seed " << seed;
    if (HasFailure()) return;
  }
}

TEST(RandomGraph, AgreesWithTheReference) { check_range(1000, 40, Precision::f32); }

TEST(RandomGraph, AgreesWithTheRoundedReference) {
  check_range(2000, 20, Precision::f16);
  check_range(3000, 20, Precision::bf16);
}

}  // namespace
}  // namespace volute
