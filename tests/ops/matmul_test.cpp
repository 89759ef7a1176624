// Every matmul variant on its own: each table entry, both operands as stored and transposed, both ways of
// reading and of writing, on extents around its tile; and that all of them give the same bits.
// Invariant: see matmul_case.hpp; what surrounds the operands is NaN, and C lies between guard words.
#include <cstring>

#include <gtest/gtest.h>

#include "tests/ops/matmul_case.hpp"

namespace volute::test {
namespace {

void multiply(const MatmulVariant& variant, const Extents& e, bool a_t, bool b_t, const Access& access,
              DType dtype = DType::f32) {
  SCOPED_TRACE(::testing::Message() << e.batches << " x [" << e.M << ", " << e.K << "] [" << e.K << ", " << e.N << "]");
  Matrices a(e.M, e.K, e.batches, a_t, 0, dtype), b(e.K, e.N, e.shared_b ? 1 : e.batches, b_t, 1, dtype);
  Matrices c(e.M, e.N, e.batches, false, 2);
  a.set_random(1);
  b.set_random(2);
  for (Matrices* m : {&a, &b, &c}) m->upload();
  const auto left = matrix_operand(a.view(e.batches)), right = matrix_operand(b.view(e.batches));
  ASSERT_TRUE(left && right);
  run({matmul_dispatch(*left, *right, c.view(e.batches), target_of(access), &variant)},
      {{a.storage(), a.range()}, {b.storage(), b.range()}, {c.storage(), c.range()}});
  c.download();
  compare(a, b, c, e);
}

/// Odd extents, and one less, one more and exactly what a workgroup of the variant computes.
std::vector<Extents> extents_for(const MatmulVariant& v) {
  return {{1, 1, 1},
          {3, 7, 33},
          {7, 1, 3, 3},
          {1, 33, 65, 2},
          {v.rows, v.columns, 8},
          {v.rows + 1, v.columns + 1, 7, 2, true},
          {std::max(v.rows - 1, 1), v.columns - 1, 127},
          {v.rows + 3, 2 * v.columns + 5, 36, 3}};
}

/// Matrix units take 16-bit operands; what their kernel lacks here, matmul_forms_test compiles where it can.
bool runs_here(const MatmulVariant& v) {
  const bool shuffles = !v.shuffle_lanes || v.shuffle_lanes == device().data()->target.shuffle_lanes;
  return shuffles && v.family != std::string("cooperative");
}

class Variants : public ::testing::TestWithParam<std::size_t> {
 protected:
  static void every_size(const MatmulVariant& variant, bool a_t, bool b_t, const Access& access) {
    SCOPED_TRACE(::testing::Message() << access.name << (a_t ? ", A transposed" : "") << (b_t ? ", B transposed" : ""));
    for (const Extents& e : extents_for(variant)) multiply(variant, e, a_t, b_t, access);
  }
};

TEST_P(Variants, SumElementsOfTheOperandsAlone) {
  const MatmulVariant& variant = matmul_variants()[GetParam()];
  if (!runs_here(variant)) return;  // never chosen here
  const Access texel{"texel loads", true, false}, storage{"storage loads", false, false};
  const bool for_gpus = variant.family == std::string("shared");
  for (const bool a_t : {false, true})
    for (const bool b_t : {false, true}) every_size(variant, a_t, b_t, for_gpus ? storage : texel);
  every_size(variant, false, true, for_gpus ? texel : storage);  // the way its devices do not take: once
  multiply(variant, {33, 65, 7, 2}, false, true, {"image stores", true, true});
}

// 16-bit operands differ in how a texel is loaded alone: each transposition and each way of reading, one size each.
TEST_P(Variants, ReadSixteenBits) {
  const MatmulVariant& v = matmul_variants()[GetParam()];
  if (!runs_here(v)) return;  // never chosen here
  const Access texel{"texel loads", true, false}, storage{"storage loads", false, false};
  const bool for_gpus = v.family == std::string("shared");
  const Extents odd{v.rows + 1, v.columns + 1, 7, 2, true};
  for (const DType dtype : {DType::f16, DType::bf16}) {
    SCOPED_TRACE(name_of(dtype));
    for (const bool a_t : {false, true})
      for (const bool b_t : {false, true}) multiply(v, odd, a_t, b_t, for_gpus ? storage : texel, dtype);
    multiply(v, odd, false, true, for_gpus ? texel : storage, dtype);
  }
}

std::vector<std::size_t> all_variants() {
  std::vector<std::size_t> all(matmul_variants().size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  return all;
}

INSTANTIATE_TEST_SUITE_P(Table, Variants, ::testing::ValuesIn(all_variants()), [](const auto& row) {
  const MatmulVariant& v = matmul_variants()[row.param];
  return std::string(v.family) + "_" + std::to_string(v.rows) + "x" + std::to_string(v.columns) +
         (v.shuffle_lanes ? "_shuffle" : "");
});

/// The bytes of C of one product by this variant.
std::vector<float> result_of(const MatmulVariant& variant, bool a_t, bool b_t) {
  const Extents e{37, 91, 143, 2};
  Matrices a(e.M, e.K, e.batches, a_t, 0), b(e.K, e.N, e.batches, b_t, 1), c(e.M, e.N, e.batches, false, 2);
  a.set_random(3);
  b.set_random(4);
  for (Matrices* m : {&a, &b, &c}) m->upload();
  const Access access{"", std::string(variant.family) == "texel", false};
  run({matmul_dispatch(*matrix_operand(a.view(e.batches)), *matrix_operand(b.view(e.batches)), c.view(e.batches),
                       target_of(access), &variant)},
      {{a.storage(), a.range()}, {b.storage(), b.range()}, {c.storage(), c.range()}});
  c.download();
  return c.host();
}

TEST(MatmulVariants, GiveTheSameBits) {
  for (const bool a_t : {false, true})
    for (const bool b_t : {false, true}) {
      const auto expected = result_of(matmul_variants()[5], a_t, b_t);
      for (const MatmulVariant& v : matmul_variants()) {
        if (!runs_here(v)) continue;
        const auto got = result_of(v, a_t, b_t);
        EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * 4), 0) << name_of(v) << a_t << b_t;
      }
    }
}

TEST(ChooseMatmul, SuitsTheShapeToAGpu) {
  KernelTarget target;
  target.matmul = "shared";
  target.max_shared_bytes = 49152;
  target.max_workgroup = 1024;
  target.cores = 132;
  EXPECT_EQ(choose_matmul(2048, 4096, 1, target).rows, 128);
  EXPECT_LE(choose_matmul(32, 1024, 1, target).rows, 32) << "one step of time: many small workgroups";
  const auto candidates = matmul_candidates(32, 4096, 1, target);
  EXPECT_GE(candidates.size(), 2u);
  EXPECT_LE(candidates.size(), 4u);
  for (const MatmulVariant* v : matmul_candidates(32, 256, 1, target, {MatmulOperands::f32, 4}, 100, 100))
    EXPECT_EQ(v->tile_texels, 1) << "an invocation has one texel of every gate";
}

TEST(ChooseMatmul, TakesMatrixUnitsForSixteenBitOperandsWhereTheyAre) {
  KernelTarget target;
  target.matmul = "shared";
  target.max_shared_bytes = 49152;
  target.max_workgroup = 1024;
  target.subgroup_size = 32;
  const MatmulForm half{MatmulOperands::f16, 1};
  EXPECT_STREQ(choose_matmul(512, 512, 1, target, half).family, "shared");
  target.cooperative.f16 = {16, 16, 16};
  EXPECT_STREQ(choose_matmul(512, 512, 1, target, half).family, "cooperative");
  EXPECT_STREQ(choose_matmul(512, 512, 1, target).family, "shared");
  EXPECT_STREQ(choose_matmul(512, 512, 1, target, {MatmulOperands::bf16, 1}).family, "shared");
  EXPECT_STREQ(choose_matmul(512, 512, 1, target, {MatmulOperands::f16, 4}).family, "shared");
  for (const MatmulVariant* v : matmul_candidates(512, 512, 1, target, half, 100, 100)) {
    const auto constants = matmul_constants(*v, target, half);
    EXPECT_EQ(constants[0], constants[1]);
    EXPECT_EQ(constants[0], static_cast<unsigned>(v->rows / v->tile_rows * v->columns / (4 * v->tile_texels) * 32));
    EXPECT_LE(constants[0], target.max_workgroup);
  }
}

TEST(ChooseMatmul, TakesOnlyWhatTheTargetCanRun) {
  KernelTarget target;
  for (const char* family : {"texel", "shared"}) {
    target.matmul = family;
    for (const std::int64_t extent : {1, 7, 33, 1000}) {
      const MatmulVariant& v = choose_matmul(extent, extent, 1, target);
      EXPECT_STREQ(v.family, family);
      EXPECT_EQ(v.shuffle_lanes, 0u);
    }
  }
  target.matmul = "none";
  EXPECT_THROW(choose_matmul(1, 1, 1, target), Unsupported);
}

TEST(MatrixOperand, RefusesWhatNoKernelCanRead) {
  const Storage storage;
  const View whole = natural_view(&storage, {8, 12});
  EXPECT_TRUE(matrix_operand(whole));
  EXPECT_TRUE(matrix_operand(*transpose_view(whole, {1, 0}))->transposed);
  EXPECT_TRUE(matrix_operand(*slice_view(whole, 1, 4, 11)));
  EXPECT_FALSE(matrix_operand(*slice_view(whole, 1, 1, 9))) << "rows off the texel grid";
  EXPECT_FALSE(matrix_operand(*reshape_view(natural_view(&storage, {8, 11}), {11, 8}))) << "padding inside the rows";
  EXPECT_FALSE(matrix_operand(*broadcast_view(natural_view(&storage, {8, 1}), {8, 12}))) << "one element a row";
  EXPECT_FALSE(matrix_operand(natural_view(&storage, {12}))) << "a vector";
}

}  // namespace
}  // namespace volute::test
