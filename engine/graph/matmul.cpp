// Matrix products. Invariant: a matmul node has inputs [.., M, K] and [.., K, N] with equal leading axes;
// transposition and broadcasting are nodes of their own, which kernels absorb as strides.

#include "engine/graph/build.hpp"
#include "engine/graph/operation.hpp"

namespace volute {
namespace {

Shape with_matrix(const std::vector<std::int64_t>& lead, std::int64_t rows, std::int64_t columns) {
  std::vector<std::int64_t> dims = lead;
  dims.push_back(rows);
  dims.push_back(columns);
  return Shape(std::move(dims));
}

std::vector<std::int64_t> leading(Tensor t) { return {t.shape().dims().begin(), t.shape().dims().end() - 2}; }

/// Leading axes of both after broadcasting.
std::vector<std::int64_t> broadcast_leading(Tensor a, Tensor b) {
  const auto x = leading(a), y = leading(b);
  std::vector<std::int64_t> lead(std::max(x.size(), y.size()), 1);
  for (std::size_t i = 1; i <= lead.size(); ++i) {
    const std::int64_t p = i <= x.size() ? x[x.size() - i] : 1;
    const std::int64_t q = i <= y.size() ? y[y.size() - i] : 1;
    if (p != q && p != 1 && q != 1) invalid("matmul", "leading extents do not broadcast", {a, b});
    lead[lead.size() - i] = std::max(p, q);
  }
  return lead;
}

std::vector<Tensor> matmul_gradient(const GradientContext& c) {
  const bool keep_f32 = c.node->value != 0;
  return {matmul(c.grad, c.in[1], false, true, keep_f32), matmul(c.in[0], c.grad, true, false, keep_f32)};
}

Values matmul_reference(const Node& n, std::span<const Values* const> in) {
  const std::int64_t M = n.shape[-2], N = n.shape[-1], K = n.inputs[0]->shape[-1];
  const std::int64_t batches = n.shape.elements() / (M * N);
  Values out(n.shape.elements(), 0);
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    const double* a = in[0]->data() + batch * M * K;
    const double* b = in[1]->data() + batch * K * N;
    double* c = out.data() + batch * M * N;
    for (std::int64_t m = 0; m < M; ++m)
      for (std::int64_t k = 0; k < K; ++k)
        for (std::int64_t j = 0; j < N; ++j) c[m * N + j] += a[m * K + k] * b[k * N + j];
  }
  return out;
}

}  // namespace

Tensor matmul(Tensor a, Tensor b, bool transpose_a, bool transpose_b, bool keep_f32) {
  require_f32("matmul", {a, b});
  if (a.rank() < 2 || b.rank() < 2) invalid("matmul", "operands need at least two axes", {a, b});
  if (transpose_a) a = transpose(a);
  if (transpose_b) b = transpose(b);
  if (a.dim(-1) != b.dim(-2)) {
    invalid("matmul", "inner extents " + std::to_string(a.dim(-1)) + " and " + std::to_string(b.dim(-2)) + " differ",
            {a, b});
  }
  if (a.rank() > 2 && b.rank() == 2) {  // one product of all rows
    const Tensor flat = matmul(reshape(a, {-1, a.dim(-1)}), b, false, false, keep_f32);
    return reshape(flat, with_matrix(leading(a), a.dim(-2), b.dim(-1)));
  }
  const auto lead = broadcast_leading(a, b);
  a = broadcast_to(a, with_matrix(lead, a.dim(-2), a.dim(-1)));
  b = broadcast_to(b, with_matrix(lead, b.dim(-2), b.dim(-1)));
  return add_node(Op::matmul, {a, b}, with_matrix(lead, a.dim(-2), b.dim(-1)), DType::f32,
                  {.ints = {}, .value = keep_f32 ? 1.0 : 0.0});
}

Operation matmul_operation() { return {Kind::kernel, matmul_gradient, matmul_reference}; }

}  // namespace volute
