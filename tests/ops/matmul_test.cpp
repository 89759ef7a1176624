// Every matmul variant on its own: each table entry, both operands as stored and transposed, both ways of
// reading and of writing, on extents around its tile; and that all of them give the same bits.
// Invariant: see engine/check/products.hpp; what surrounds the operands is NaN, and C lies between guard words.
#include <gtest/gtest.h>

#include "engine/check/products.hpp"
#include "tests/support/device.hpp"
#include "tests/support/findings.hpp"

namespace volute::test {
namespace {

using namespace check;

/// Matrix units take 16-bit operands.
bool is_cooperative(const MatmulVariant& v) { return v.family == std::string("cooperative"); }

class Variants : public ::testing::TestWithParam<std::size_t> {
 protected:
  static const MatmulVariant& variant() { return matmul_variants()[GetParam()]; }
};

TEST_P(Variants, SumElementsOfTheOperandsAlone) {
  if (!lacks(device(), variant()).empty() || is_cooperative(variant())) return;  // never chosen here
  expect_nothing_found([](Findings& found) { check_every_size(device(), variant(), found); });
}

TEST_P(Variants, ReadSixteenBits) {
  if (!lacks(device(), variant()).empty()) return;  // never chosen here; matmul_forms_test compiles what it can
  const vk::CooperativeMatrix& units = device().data()->target.cooperative;
  for (const DType dtype : {DType::f16, DType::bf16}) {
    if (is_cooperative(variant()) && !(dtype == DType::f16 ? units.f16 : units.bf16)) continue;
    SCOPED_TRACE(name_of(dtype));
    expect_nothing_found([&](Findings& found) { check_sixteen_bits(device(), variant(), dtype, found); });
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

TEST(MatmulVariants, GiveTheSameBits) {
  expect_nothing_found([](Findings& found) {
    check_same_bits(device(), found);
    EXPECT_GT(found.cases(), 4 * 10);
  });
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
