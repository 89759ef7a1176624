// What the matmul kernels do beside plain products: gates with an epilogue, sums over K in parts; and that every
// variant in every form is SPIR-V the validator accepts.
#include <cmath>
#include <cstring>

#include <gtest/gtest.h>
#include <spirv-tools/libspirv.h>

#include <volute/volute.hpp>

#include "engine/compile/program_data.hpp"
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

TEST(SplitMatmul, TakesSumsThatLoopsOfCpuDriversCannot) {
  for (const auto& [K, a_t, b_t] : {std::tuple{262144 + 5, true, false}, {131072 + 64, false, true}}) {
    const Access access{"texel", true, false};
    KernelTarget target = target_of(access);
    target.matmul = "texel";
    Matrices a(3, K, 1, a_t, 0), b(K, 5, 1, b_t, 1), c(3, 5, 1, false, 2), partial(9, 5, 1, false, 3);
    a.set_random(9);
    b.set_random(10);
    for (Matrices* m : {&a, &b, &c, &partial}) m->upload();
    const auto left = *matrix_operand(a.view(1)), right = *matrix_operand(b.view(1));
    const std::int64_t splits = matmul_splits(left, right, target);
    EXPECT_EQ(splits, K > 262144 ? 3 : 2);
    run(split_matmul_dispatches(left, right, c.view(1), partial.storage(), splits, target),
        {{a.storage(), a.range()},
         {b.storage(), b.range()},
         {c.storage(), c.range()},
         {partial.storage(), partial.range()}});
    c.download();
    compare(a, b, c, {3, 5, K});
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
    const Matrices a(8, K, 1, a_t, 0, type), b(K, 8, 1, b_t, 1, type), c(8, 8, 1, false, 2);
    for (const Access access : {Access{"", false, false}, Access{"", true, false}, Access{"", false, true}}) {
      KernelTarget target = target_of(access);
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

/// A small multiple of 1/8, which every type holds exactly.
double exact_value(std::size_t i) { return (static_cast<double>(i * 2654435761u >> 7 & 31u) - 15.0) / 8.0; }

std::uint16_t half_bits(double value) {
  if (value == 0) return 0;
  int exponent = 0;
  const double fraction = std::frexp(std::abs(value), &exponent);  // in [1/2, 1)
  const auto mantissa = static_cast<unsigned>((2 * fraction - 1) * 1024);
  return static_cast<std::uint16_t>((value < 0 ? 0x8000u : 0u) | static_cast<unsigned>(exponent + 14) << 10 | mantissa);
}

/// Two matrices of 16-bit values between NaNs: their views count elements, as those of floats do.
struct HalfMatrix {
  HalfMatrix(std::int64_t R, std::int64_t C, bool transposed, int id)
      : rows(R), columns(C), pitch(pad4(transposed ? R : C) + 4) {
    view.storage = &storage;
    view.shape = {2, rows, columns};
    view.strides = {(transposed ? columns : rows) * pitch + 8, transposed ? 1 : pitch, transposed ? pitch : 1};
    view.offset.base = 16;
    storage.id = id;
    storage.dtype = DType::f16;
    storage.bytes = static_cast<std::uint64_t>(16 + 2 * view.strides[0] + 64) / 16 * 16 * 2;
    std::vector<std::uint16_t> bits(storage.bytes / 2, 0x7e00u);
    for (std::int64_t i = 0; i < 2 * rows * columns; ++i) bits[index(i)] = half_bits(at(i));
    buffer = std::make_unique<vk::Buffer>(device().data()->context, storage.bytes, vk::Residency::device);
    vk::upload(device().data()->context, {buffer.get(), 0, storage.bytes}, bits.data());
  }
  std::size_t index(std::int64_t i) const {
    return static_cast<std::size_t>(16 + i / (rows * columns) * view.strides[0] +
                                    i / columns % rows * view.strides[1] + i % columns * view.strides[2]);
  }
  double at(std::int64_t i) const { return exact_value(static_cast<std::size_t>(i + storage.id)); }

  std::int64_t rows, columns, pitch;
  Storage storage;
  View view;
  std::unique_ptr<vk::Buffer> buffer;
};

void multiply_halves(const MatmulVariant& v, const Extents& e, bool a_t, bool b_t) {
  SCOPED_TRACE(::testing::Message() << name_of(v) << a_t << b_t << " " << e.M << " " << e.N << " " << e.K);
  const HalfMatrix a(e.M, e.K, a_t, 100), b(e.K, e.N, b_t, 200);
  Matrices c(e.M, e.N, 2, false, 2);
  c.upload();
  run({matmul_dispatch(*matrix_operand(a.view), *matrix_operand(b.view), c.view(2), gpu_target(), &v)},
      {{&a.storage, {a.buffer.get(), 0, a.storage.bytes}},
       {&b.storage, {b.buffer.get(), 0, b.storage.bytes}},
       {c.storage(), c.range()}});
  c.download();
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < 2; ++i)
    for (std::int64_t m = 0; m < e.M; ++m)
      for (std::int64_t n = 0; n < pad4(e.N); ++n) {
        double want = 0;
        for (std::int64_t k = 0; k < e.K && n < e.N; ++k)
          want += a.at((i * e.M + m) * e.K + k) * b.at((i * e.K + k) * e.N + n);
        wrong += c.at(i, m, n) != want;
      }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(c.touched_outside(), 0);
}

TEST(MatmulOnMatrixUnits, IsExactWhereTheValuesAre) {
  const KernelTarget target = gpu_target();
  if (!target.cooperative.f16) return;  // never chosen here
  const MatmulForm form{MatmulOperands::f16, 1};
  const auto variants = matmul_candidates(64, 64, 1, target, form, 1e9, 100);
  EXPECT_FALSE(variants.empty());
  for (const MatmulVariant* v : variants)
    for (const bool a_t : {false, true})
      for (const bool b_t : {false, true})
        for (const Extents& e : {Extents{1, 1, 1}, {33, 65, 7}, {v->rows, v->columns, 64}, {v->rows + 5, 61, 99}})
          multiply_halves(*v, e, a_t, b_t);
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
