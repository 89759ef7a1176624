// f16 and bf16 values on the device: rounding, and memory as every kind of kernel writes and reads it.
// Invariant: the device gives the reference's bits exactly; values are chosen around ties and the formats' limits.
#include <cmath>

#include <gtest/gtest.h>

#include <volute/reference.hpp>

#include "engine/check/half.hpp"
#include "engine/compile/program_data.hpp"
#include "engine/graph/build.hpp"
#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

using check::Rounding;
using check::roundings;

/// How kernels reach memory.
const CompileOptions accesses[] = {{.matmul = "texel", .texel_loads = true},
                                   {.matmul = "shared", .texel_loads = false},
                                   {.texel_loads = true, .max_storage_range = 1}};

void expect_same(const std::vector<float>& got, const std::vector<double>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_TRUE(check::same_value(got[i], static_cast<float>(want[i]))) << i << ": got " << got[i] << ", expected " << want[i];
}

TEST(Half, RoundsToNearestEven) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    Graph g;
    const Tensor x = g.input("x", {std::size(roundings)}), y = to_f32(to_half(x, dtype));
    std::vector<float> from;
    std::vector<double> want;
    for (const Rounding& r : roundings) {
      from.push_back(r.from);
      want.push_back(dtype == DType::f16 ? r.f16 : r.bf16);
    }
    Program program = device().compile(g, y);
    program.run({{x, from}});
    SCOPED_TRACE(name_of(dtype));
    expect_same(program.read(y), want);
    Reference reference;
    reference.set(x, widen(from));
    expect_same({want.begin(), want.end()}, reference.evaluate({y})[0]);
  }
}

TEST(Half, GradientIsThatOfTheIdentity) {
  Graph g;
  const Tensor x = g.input("x", {3, 7}), factor = g.input("factor", {3, 7});
  const Tensor dx = gradients(sum(to_half(x, DType::f16) * factor), {x})[0];
  Program program = device().compile(g, dx);
  const auto factors = random_values(21, 2);
  program.run({{factor, factors}});
  EXPECT_EQ(program.read(dx), factors);
}

class HalfMemory : public ::testing::TestWithParam<DType> {};

/// Values of every size, some of them special.
std::vector<float> mixed(std::size_t n, std::uint32_t seed) {
  auto values = random_values(n, seed);
  const auto scales = random_values(n, seed + 1, -26, 18);
  for (std::size_t i = 0; i < n; ++i) values[i] = std::ldexp(values[i], static_cast<int>(scales[i]));
  for (std::size_t i = 0; i < n; i += 5) values[i] = roundings[i / 5 % std::size(roundings)].from;
  return values;
}

/// 16-bit values outside of loops in memory of their own whose padding lanes are all zero; fails on others.
int count_clean(Program& program) {
  Program::Data& data = program.data();
  int count = 0;
  for (const Node& node : data.live.graph->nodes) {
    if (!is_half(node.dtype) || node.scope || !data.layout->is_needed(&node)) continue;
    const View view = data.layout->view(&node);
    const std::int64_t elements = padded_elements(node.shape);
    if (!view.natural() || view.storage->bytes != static_cast<std::uint64_t>(stored_bytes(elements, node.dtype))) continue;
    vk::BufferRange range = data.ranges.at(view.storage->id);
    range.bytes = view.storage->bytes;  // without its guard
    std::vector<std::uint16_t> words(range.bytes / 2);
    vk::download(data.device->context, range, words.data());
    const auto width = static_cast<std::size_t>(node.shape[-1]), pitch = (width + 3) / 4 * 4;
    bool clean = true;
    for (std::size_t i = 0; i < static_cast<std::size_t>(elements); ++i) clean &= i % pitch < width || words[i] == 0;
    EXPECT_TRUE(clean) << name_of(node.op) << node.shape.str();
    ++count;
  }
  return count;
}

// In registers; from memory as it lies, by lanes, by rows and repeated; and again after a copy and a state.
TEST_P(HalfMemory, KeepsTheReferencesBits) {
  for (const Shape& shape : {Shape{1, 1}, Shape{3, 7}, Shape{7, 33}, Shape{5, 64}, Shape{3, 3, 65}}) {
    Graph g;
    const Tensor x = g.input("x", shape);
    const Tensor h = to_half(x, GetParam()), two = concat({h, to_half(x * 0.5f, GetParam())}, 0);
    const int last = shape.rank() - 1;
    const Tensor first = slice(two, 0, 0, 1);
    // A state and its history, without arithmetic that rounds: s = half(x_t < 0 ? x_t : -s).
    const auto [states, end] =
        scan(x, reshape(first, Shape(std::vector(shape.dims().begin() + 1, shape.dims().end()))),
             [&](Tensor a, Tensor s) { return to_half(where(less(a, g.full({}, 0.0f)), a, -s), s.dtype()); });
    const std::vector<Tensor> wanted{to_f32(h), to_f32(transpose(h)), to_f32(two), to_f32(slice(h, last, 0, 1)),
                                     to_f32(reshape(h, {shape.elements()})), to_f32(states), to_f32(end)};
    Reference reference;
    const auto values = mixed(static_cast<std::size_t>(shape.elements()), 3);
    reference.set(x, widen(values));
    const auto want = reference.evaluate(wanted);
    for (CompileOptions options : accesses) {
      SCOPED_TRACE(shape.str() + (*options.texel_loads ? " texel" : " storage"));
      options.guard_bytes = 256;
      options.alias = false;
      Program program = compile_program(device().data(), g, Targets(wanted), options);
      program.run({{x, values}});
      for (std::size_t k = 0; k < wanted.size(); ++k) {
        SCOPED_TRACE(k);
        expect_same(program.read(wanted[k]), want[k]);
      }
      EXPECT_GE(count_clean(program), 2);
      EXPECT_TRUE(guards_intact(program)) << program.explain();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, HalfMemory, ::testing::Values(DType::f16, DType::bf16),
                         [](const auto& row) { return std::string(name_of(row.param)); });

}  // namespace
}  // namespace volute::test
