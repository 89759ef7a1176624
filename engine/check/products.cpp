// See products.hpp.
#include "engine/check/products.hpp"

#include <cstring>

namespace volute::check {
namespace {

constexpr Access texel{"texel loads", true, false}, storage{"storage loads", false, false};

bool is_cooperative(const MatmulVariant& v) { return v.family == std::string("cooperative"); }

/// The way of reading that the devices take for which the family is.
const Access& own_access(const MatmulVariant& v) { return v.family == std::string("texel") ? texel : storage; }
const Access& other_access(const MatmulVariant& v) { return v.family == std::string("texel") ? storage : texel; }

KernelTarget shared_target(const Device& device) {
  KernelTarget target = target_of(device, storage);
  target.matmul = "shared";
  return target;
}

MatmulForm form_of(const MatmulVariant& v, const KernelTarget& target) {
  if (!is_cooperative(v)) return {};
  return {target.cooperative.f16 ? MatmulOperands::f16 : MatmulOperands::bf16, 1};
}

bool is_candidate(const MatmulVariant& variant, const KernelTarget& target, const MatmulForm& form) {
  const auto candidates = matmul_candidates(64, 64, 1, target, form, 1e9, 100);
  return std::ranges::find(candidates, &variant) != candidates.end();
}

}  // namespace

void multiply(const Device& device, const MatmulVariant& variant, const Extents& e, bool a_t, bool b_t,
              const Access& access, DType dtype, Findings& findings) {
  const auto scope = findings.begin(e.text() + (a_t ? ", A transposed" : "") + (b_t ? ", B transposed" : "") + ", " +
                                    name_of(dtype) + ", " + access.name);
  Matrices a(device, e.M, e.K, e.batches, a_t, 0, dtype);
  Matrices b(device, e.K, e.N, e.shared_b ? 1 : e.batches, b_t, 1, dtype);
  Matrices c(device, e.M, e.N, e.batches, false, 2);
  const float steps = is_cooperative(variant) ? 8 : 0;  // matrix units add in an order of their own: exact sums
  a.set_random(1, steps);
  b.set_random(2, steps);
  for (Matrices* m : {&a, &b, &c}) m->upload();
  const auto left = matrix_operand(a.view(e.batches)), right = matrix_operand(b.view(e.batches));
  if (!findings.expect(left && right, "no kernel can read the operands")) return;
  run(device, {matmul_dispatch(*left, *right, c.view(e.batches), target_of(device, access), &variant)},
      {{a.storage(), a.range()}, {b.storage(), b.range()}, {c.storage(), c.range()}});
  c.download();
  compare(a, b, c, e, findings);
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

std::string lacks(const Device& device, const MatmulVariant& v) {
  KernelTarget target = device.data()->target;
  if (v.shuffle_lanes && v.shuffle_lanes != target.shuffle_lanes)
    return "subgroups of " + std::to_string(v.shuffle_lanes) + " that shuffle";
  if (is_cooperative(v) && !target.cooperative) return "cooperative matrices of 16-bit operands";
  target.matmul = v.family == std::string("texel") ? "texel" : "shared";
  if (is_candidate(v, target, form_of(v, target))) return {};
  return "shared memory or invocations for its tile";
}

void check_every_size(const Device& device, const MatmulVariant& v, Findings& findings) {
  for (const bool a_t : {false, true})
    for (const bool b_t : {false, true})
      for (const Extents& e : extents_for(v)) multiply(device, v, e, a_t, b_t, own_access(v), DType::f32, findings);
  // The way its devices do not take: once.
  for (const Extents& e : extents_for(v)) multiply(device, v, e, false, true, other_access(v), DType::f32, findings);
  multiply(device, v, {33, 65, 7, 2}, false, true, {"image stores", true, true}, DType::f32, findings);
}

void check_sixteen_bits(const Device& device, const MatmulVariant& v, DType dtype, Findings& findings) {
  const Extents odd{v.rows + 1, v.columns + 1, 7, 2, true};
  const std::vector<Extents> extents = is_cooperative(v) ? extents_for(v) : std::vector{odd};
  for (const bool a_t : {false, true})
    for (const bool b_t : {false, true})
      for (const Extents& e : extents) multiply(device, v, e, a_t, b_t, own_access(v), dtype, findings);
  multiply(device, v, odd, false, true, other_access(v), dtype, findings);
}

namespace {

/// The bytes of C of one product by this variant.
std::vector<float> result_of(const Device& device, const MatmulVariant& variant, bool a_t, bool b_t) {
  const Extents e{37, 91, 143, 2};
  Matrices a(device, e.M, e.K, e.batches, a_t, 0), b(device, e.K, e.N, e.batches, b_t, 1);
  Matrices c(device, e.M, e.N, e.batches, false, 2);
  a.set_random(3);
  b.set_random(4);
  for (Matrices* m : {&a, &b, &c}) m->upload();
  const Access access{"", std::string(variant.family) == "texel", false};
  run(device,
      {matmul_dispatch(*matrix_operand(a.view(e.batches)), *matrix_operand(b.view(e.batches)), c.view(e.batches),
                       target_of(device, access), &variant)},
      {{a.storage(), a.range()}, {b.storage(), b.range()}, {c.storage(), c.range()}});
  c.download();
  return c.host();
}

}  // namespace

void check_same_bits(const Device& device, Findings& findings) {
  for (const bool a_t : {false, true})
    for (const bool b_t : {false, true}) {
      std::vector<float> first;
      for (const MatmulVariant& v : matmul_variants()) {
        if (is_cooperative(v) || !lacks(device, v).empty()) continue;
        const auto scope = findings.begin(name_of(v) + (a_t ? ", A transposed" : "") + (b_t ? ", B transposed" : ""));
        const auto got = result_of(device, v, a_t, b_t);
        if (first.empty()) first = got;
        findings.expect(same_bits({got}, {first}), "other bits than the first variant's");
      }
    }
}

/// The sum of the gates, each times its number, plus the number pushed.
std::string weighted_sum(int gates) {
  std::string text = "WRITE(2, vec4, Out);\nvoid epilogue(uint m, uint u, vec4 z[GATES]) {\n  vec4 sum = vec4(0.0);\n";
  for (int g = 0; g < gates; ++g) text += "  sum += " + std::to_string(g + 1) + ".0 * z[" + std::to_string(g) + "];\n";
  return text + "  STORE(Out, pc.word[0] + m * pc.word[1] + u, sum);\n}\n";
}

namespace {

void check_epilogue(const Device& device, const MatmulVariant& v, int gates, bool b_t, Findings& findings) {
  const std::int64_t M = v.rows + 3, width = v.columns + 5, K = 39, stride = b_t ? width : pad4(width);
  const auto scope =
      findings.begin(name_of(v) + ", " + std::to_string(gates) + " gates" + (b_t ? ", B transposed" : ""));
  Matrices a(device, M, K, 1, false, 0), b(device, K, stride * gates, 1, b_t, 1), c(device, M, width, 1, false, 2);
  a.set_random(5);
  b.set_random(6);
  for (Matrices* m : {&a, &b, &c}) m->upload();
  const MatrixOperand out = *matrix_operand(c.view(1));
  MatmulEpilogue epilogue{gates, width, stride, weighted_sum(gates), {{c.storage(), vk::BindingKind::storage}},
                          {{out.view.offset.base / 4, 0, 0, 0}, {out.pitch, 0, 0, 0}}, {}};
  run(device,
      {matmul_epilogue_dispatch(*matrix_operand(a.view(1)), *matrix_operand(b.view(1)), epilogue,
                                shared_target(device), &v)},
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
  findings.at_most("error relative to the sum of magnitudes", worst, 1e-6);
  findings.expect(c.touched_outside() == 0, "elements outside of C were written");
}

}  // namespace

void check_epilogues(const Device& device, Findings& findings) {
  for (const int gates : {1, 3, 4})
    for (const MatmulVariant* v :
         matmul_candidates(32, 256, 1, shared_target(device), {MatmulOperands::f32, gates}, 1e9, 100)) {
      if (v->rows > 32) continue;  // the products of one time step
      for (const bool b_t : {false, true}) check_epilogue(device, *v, gates, b_t, findings);
    }
}

void check_split_sums(const Device& device, Findings& findings) {
  for (const auto& [M, N, K, splits] : {std::tuple{33, 65, 1031, 3}, {64, 4, 2048, 4}, {5, 7, 65, 2}}) {
    for (const Access access : {Access{"storage", false, false}, Access{"images", true, true}}) {
      const auto scope =
          findings.begin(Extents{M, N, K}.text() + " in " + std::to_string(splits) + " parts, " + access.name);
      KernelTarget target = target_of(device, access);
      target.matmul = "shared";
      Matrices a(device, M, K, 1, true, 0), b(device, K, N, 1, false, 1);
      Matrices c(device, M, N, 1, false, 2), partial(device, splits * M, N, 1, false, 3);
      a.set_random(7);
      b.set_random(8);
      for (Matrices* m : {&a, &b, &c, &partial}) m->upload();
      const auto dispatches = split_matmul_dispatches(*matrix_operand(a.view(1)), *matrix_operand(b.view(1)),
                                                      c.view(1), partial.storage(), splits, target);
      findings.expect(dispatches.size() == 2, "not one product and one sum");
      run(device, dispatches,
          {{a.storage(), a.range()},
           {b.storage(), b.range()},
           {c.storage(), c.range()},
           {partial.storage(), partial.range()}});
      c.download();
      compare(a, b, c, {M, N, K}, findings);
    }
  }
}

void check_long_products(const Device& device, Findings& findings) {
  for (const auto& [K, a_t, b_t] : {std::tuple{262144 + 5, true, false}, {131072 + 64, false, true}}) {
    const auto scope = findings.begin(Extents{3, 5, K}.text());
    const Access access{"texel", true, false};
    KernelTarget target = target_of(device, access);
    target.matmul = "texel";
    Matrices a(device, 3, K, 1, a_t, 0), b(device, K, 5, 1, b_t, 1);
    Matrices c(device, 3, 5, 1, false, 2), partial(device, 9, 5, 1, false, 3);
    a.set_random(9);
    b.set_random(10);
    for (Matrices* m : {&a, &b, &c, &partial}) m->upload();
    const auto left = *matrix_operand(a.view(1)), right = *matrix_operand(b.view(1));
    const std::int64_t splits = matmul_splits(left, right, target);
    findings.expect(splits == (K > 262144 ? 3 : 2), "cut into " + std::to_string(splits) + " parts");
    run(device, split_matmul_dispatches(left, right, c.view(1), partial.storage(), splits, target),
        {{a.storage(), a.range()},
         {b.storage(), b.range()},
         {c.storage(), c.range()},
         {partial.storage(), partial.range()}});
    c.download();
    compare(a, b, c, {3, 5, K}, findings);
  }
}

}  // namespace volute::check
