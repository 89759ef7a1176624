// What the matmul kernels do beside plain products: gates with an epilogue, sums over K in parts; and that every
// variant in every form is SPIR-V the validator accepts.
#include <gtest/gtest.h>
#include <spirv-tools/libspirv.h>

#include <volute/volute.hpp>

#include "engine/compile/program_data.hpp"
#include "engine/vulkan/glsl.hpp"
#include "engine/check/products.hpp"
#include "tests/support/device.hpp"
#include "tests/support/findings.hpp"

namespace volute::test {
namespace {

using namespace check;

TEST(MatmulEpilogue, SeesTheGatesOfItsUnits) {
  expect_nothing_found([](Findings& found) {
    check_epilogues(device(), found);
    EXPECT_GE(found.cases(), 2 * 9);
  });
}

TEST(SplitMatmul, SumsThePartsInOrder) {
  expect_nothing_found([](Findings& found) { check_split_sums(device(), found); });
}

TEST(SplitMatmul, TakesSumsThatLoopsOfCpuDriversCannot) {
  expect_nothing_found([](Findings& found) { check_long_products(device(), found); });
}

TEST(SplitMatmul, IsForDeepProductsOfParametersSize) {
  const Storage storage;
  const auto splits = [&](std::int64_t M, std::int64_t N, std::int64_t K, bool a_t, bool b_t, const char* family) {
    KernelTarget target;
    target.matmul = family;
    const View a = natural_view(&storage, a_t ? Shape{K, M} : Shape{M, K});
    const View b = natural_view(&storage, b_t ? Shape{N, K} : Shape{K, N});
    return matmul_splits(*matrix_operand(a_t ? *transpose_view(a, {1, 0}) : a),
                         *matrix_operand(b_t ? *transpose_view(b, {1, 0}) : b), target);
  };
  EXPECT_EQ(splits(1024, 256, 2048, true, false, "shared"), 4);
  EXPECT_EQ(splits(128, 64, 8192, true, false, "shared"), 16);
  EXPECT_EQ(splits(4096, 1024, 8192, true, false, "shared"), 1) << "tiles enough";
  EXPECT_EQ(splits(128, 64, 512, true, false, "shared"), 1) << "not deep";
  EXPECT_EQ(splits(128, 64, 8192, false, false, "shared"), 1) << "rows of A may be rows of time";
  EXPECT_EQ(splits(128, 64, 8192, true, true, "shared"), 1);
  EXPECT_EQ(splits(128, 64, 8192, true, false, "texel"), 1) << "two cores have work enough";
  EXPECT_EQ(splits(8, 4, 131073, false, false, "texel"), 2) << "its loops would end too early";
}

std::string validator_says(const std::vector<std::uint32_t>& words) {
  spv_context context = spvContextCreate(SPV_ENV_VULKAN_1_2);
  spv_const_binary_t binary{words.data(), words.size()};
  spv_diagnostic diagnostic = nullptr;
  const spv_result_t result = spvValidate(context, &binary, &diagnostic);
  std::string message = result == SPV_SUCCESS ? "" : diagnostic ? diagnostic->error : "invalid";
  spvDiagnosticDestroy(diagnostic);
  spvContextDestroy(context);
  return message;
}

/// The source of a product of K columns in each form of operands, access and epilogue.
std::vector<std::string> sources_of(const MatmulVariant& v, MatmulOperands operands) {
  std::vector<std::string> sources;
  for (const int options : {0, 1, 2, 3, 4, 5, 6, 7}) {
    const bool a_t = options & 1, b_t = options & 2;
    const std::int64_t K = options & 4 ? 33 : 32;
    const DType type = operands == MatmulOperands::f16    ? DType::f16
                       : operands == MatmulOperands::bf16 ? DType::bf16
                                                          : DType::f32;
    const Matrices a(device(), 8, K, 1, a_t, 0, type), b(device(), K, 8, 1, b_t, 1, type), c(device(), 8, 8, 1, false, 2);
    for (const Access access : {Access{"", false, false}, Access{"", true, false}, Access{"", false, true}}) {
      KernelTarget target = target_of(device(), access);
      const auto left = *matrix_operand(a.view(1)), right = *matrix_operand(b.view(1));
      sources.push_back(matmul_dispatch(left, right, c.view(1), target, &v).source);
      if (v.family != std::string("shared")) continue;
      const MatmulEpilogue epilogue{4, 2, 2 + 2 * !b_t, weighted_sum(4), {}, {{}, {}}, {}};
      sources.push_back(matmul_epilogue_dispatch(left, right, epilogue, target, &v).source);
    }
  }
  return sources;
}

TEST(MatmulShaders, AreValidInEveryForm) {
  for (const MatmulVariant& v : matmul_variants()) {
    if (v.family == std::string("cooperative")) continue;
    for (const std::string& source : sources_of(v, MatmulOperands::f32))
      ASSERT_EQ(validator_says(vk::compile_glsl(source)), "") << name_of(v) << "\n" << source;
  }
}

TEST(MatmulShaders, ForMatrixUnitsCompileWhereGlslangKnowsThem) {
  // The extension came with glslang 13, right from 14 on; older ones must say so, and no device may be reported to
  // have it then.
  const bool known = vk::glslang_major_version() >= 14;
  for (const MatmulVariant& v : matmul_variants()) {
    if (v.family != std::string("cooperative")) continue;
    for (const std::string& source : sources_of(v, MatmulOperands::f16)) {
      if (known) {
        EXPECT_EQ(validator_says(vk::compile_glsl(source)), "") << source;
      } else if (vk::glslang_major_version() < 13) {
        EXPECT_THROW(vk::compile_glsl(source), Error);
      }
    }
  }
  EXPECT_TRUE(known || !device().data()->target.cooperative);
}

// Generated kernels too: products with their gates, walks, row kernels and joint dispatches of whole training steps.
TEST(SpirV, OfEveryKernelOfATrainingStepIsValid) {
  nn::Embedding embed(11, 6);
  nn::LSTM lstm(6, 12, {.layer_norm = true, .recurrent_dropout = 0.1f});
  nn::GRU gru(12, 8);
  nn::Linear head(8, 11);
  Graph g;
  const Tensor x = g.input("x", {7, 5}, DType::u32), y = g.input("y", {7, 5}, DType::u32);
  const Tensor loss = cross_entropy(head(gru(lstm(embed(x)))), y);
  const Targets f32 = minimize(loss, Adam{});
  Targets f16 = f32;
  f16.precision = Precision::f16;
  std::size_t kernels = 0;
  for (const char* family : {"texel", "shared"})
    for (const Scans scans : {Scans::unrolled, Scans::persistent})
      for (const Targets* targets : std::vector<const Targets*>{&f32, &f16}) {
        Program program = compile_program(device().data(), g, *targets,
                                          {.matmul = family, .scans = scans, .texel_loads = family[0] == 't'});
        for (const Section& section : program.data().sections)
          for (const Dispatch& dispatch : section.dispatches) {
            ASSERT_EQ(validator_says(vk::compile_glsl(dispatch.source)), "") << dispatch.label << "\n" << dispatch.source;
            ++kernels;
          }
      }
  EXPECT_GT(kernels, 8u * 15u);
}

}  // namespace
}  // namespace volute::test
