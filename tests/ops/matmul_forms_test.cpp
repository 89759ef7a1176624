// What the matmul kernels do beside plain products: gates with an epilogue, sums over K in parts; and that every
// variant in every form is SPIR-V the validator accepts.
#include <cmath>
#include <cstring>

#include <glslang/build_info.h>
#include <gtest/gtest.h>
#include <spirv-tools/libspirv.h>

#include "engine/vulkan/glsl.hpp"
#include "tests/ops/matmul_case.hpp"

namespace volute::test {
namespace {

KernelTarget gpu_target() {
  KernelTarget target = target_of({"storage loads", false, false});
  target.matmul = "shared";
  return target;
}

/// The sum of the gates, each times its number, plus the number pushed.
std::string weighted_sum(int gates) {
  std::string text = "WRITE(2, vec4, Out);\nvoid epilogue(uint m, uint u, vec4 z[GATES]) {\n  vec4 sum = vec4(0.0);\n";
  for (int g = 0; g < gates; ++g) text += "  sum += " + std::to_string(g + 1) + ".0 * z[" + std::to_string(g) + "];\n";
  return text + "  STORE(Out, pc.word[0] + m * pc.word[1] + u, sum);\n}\n";
}

void check_epilogue(const MatmulVariant& v, int gates, bool b_t) {
  const std::int64_t M = v.rows + 3, width = v.columns + 5, K = 39, stride = b_t ? width : pad4(width);
  SCOPED_TRACE(name_of(v) + ", " + std::to_string(gates) + " gates" + (b_t ? ", B transposed" : ""));
  Matrices a(M, K, 1, false, 0), b(K, stride * gates, 1, b_t, 1), c(M, width, 1, false, 2);
  a.set_random(5);
  b.set_random(6);
  for (Matrices* m : {&a, &b, &c}) m->upload();
  const MatrixOperand out = *matrix_operand(c.view(1));
  MatmulEpilogue epilogue{gates, width, stride, weighted_sum(gates), {{c.storage(), vk::BindingKind::storage}},
                          {{out.view.offset.base / 4, 0, 0, 0}, {out.pitch, 0, 0, 0}}, {}};
  run({matmul_epilogue_dispatch(*matrix_operand(a.view(1)), *matrix_operand(b.view(1)), epilogue, gpu_target(), &v)},
      {{a.storage(), a.range()}, {b.storage(), b.range()}, {c.storage(), c.range()}});
  c.download();
  double worst = 0;
  for (std::int64_t m = 0; m < M; ++m)
    for (std::int64_t n = 0; n < pad4(width); ++n) {
      double want = 0, size = 1;
      for (int g = 0; g < gates && n < width; ++g)
        for (std::int64_t k = 0; k < K; ++k) {
          const double term = (g + 1.0) * a.at(0, m, k) * b.at(0, k, g * stride + n);
          want += term;
          size += std::abs(term);
        }
      const double difference = std::abs(c.at(0, m, n) - want) / size;
      worst = difference <= worst ? worst : difference;
    }
  EXPECT_LE(worst, 1e-6);
  EXPECT_EQ(c.touched_outside(), 0);
}

TEST(MatmulEpilogue, SeesTheGatesOfItsUnits) {
  const KernelTarget target = gpu_target();
  int checked = 0;
  for (const int gates : {1, 3, 4})
    for (const MatmulVariant* v : matmul_candidates(32, 256, 1, target, {MatmulOperands::f32, gates}, 1e9, 100)) {
      if (v->rows > 32) continue;  // the products of one time step
      for (const bool b_t : {false, true}) check_epilogue(*v, gates, b_t);
      ++checked;
    }
  EXPECT_GE(checked, 9);
}

TEST(SplitMatmul, SumsThePartsInOrder) {
  for (const auto& [M, N, K, splits] : {std::tuple{33, 65, 1031, 3}, {64, 4, 2048, 4}, {5, 7, 65, 2}}) {
    SCOPED_TRACE(K);
    for (const Access access : {Access{"storage", false, false}, Access{"images", true, true}}) {
      KernelTarget target = target_of(access);
      target.matmul = "shared";
      Matrices a(M, K, 1, true, 0), b(K, N, 1, false, 1), c(M, N, 1, false, 2), partial(splits * M, N, 1, false, 3);
      a.set_random(7);
      b.set_random(8);
      for (Matrices* m : {&a, &b, &c, &partial}) m->upload();
      const auto dispatches = split_matmul_dispatches(*matrix_operand(a.view(1)), *matrix_operand(b.view(1)),
                                                      c.view(1), partial.storage(), splits, target);
      ASSERT_EQ(dispatches.size(), 2u);
      run(dispatches, {{a.storage(), a.range()},
                       {b.storage(), b.range()},
                       {c.storage(), c.range()},
                       {partial.storage(), partial.range()}});
      c.download();
      compare(a, b, c, {M, N, K});
    }
  }
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
    const Matrices a(8, K, 1, a_t, 0), b(K, 8, 1, b_t, 1), c(8, 8, 1, false, 2);
    for (const Access access : {Access{"", false, false}, Access{"", true, false}, Access{"", false, true}}) {
      KernelTarget target = target_of(access);
      const auto left = *matrix_operand(a.view(1)), right = *matrix_operand(b.view(1));
      sources.push_back(matmul_dispatch(left, right, c.view(1), target, &v, {operands, 1}).source);
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
  // The extension came with glslang 13; older ones must say so, and no device may then be reported to have it.
  const bool known = GLSLANG_VERSION_MAJOR >= 13;
  for (const MatmulVariant& v : matmul_variants()) {
    if (v.family != std::string("cooperative")) continue;
    for (const std::string& source : sources_of(v, MatmulOperands::f16)) {
      if (known) EXPECT_EQ(validator_says(vk::compile_glsl(source)), "") << source;
      else EXPECT_THROW(vk::compile_glsl(source), Error);
    }
  }
  EXPECT_TRUE(known || !device().data()->target.cooperative);
}

}  // namespace
}  // namespace volute::test
