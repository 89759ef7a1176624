// Sums over the ranks of a job. Invariant: outside of loops, where a step can stop until every rank has sent its part.

#include "engine/graph/build.hpp"
#include "engine/graph/operation.hpp"

namespace volute {

Tensor sum_over_ranks(Tensor a) {
  require_tensors("sum_over_ranks", std::span<const Tensor>(&a, 1));
  require_f32("sum_over_ranks", {a});
  Tensor sum = add_node(Op::sum_over_ranks, {a}, a.shape(), a.dtype());
  if (sum.node()->scope)
    invalid("sum_over_ranks", "must be outside of scans: take it of what the scan returns", {a});
  return sum;
}

Tensor mean_over_ranks(Tensor a) { return sum_over_ranks(a) / sum_over_ranks(constant_like(a, 1)); }

Tensor mean_over_ranks(Tensor a, Tensor weight) {
  const Tensor both[] = {a, weight};
  require_tensors("mean_over_ranks", both);
  if (weight.rank() != 0 || weight.dtype() != DType::f32) invalid("mean_over_ranks", "the weight is a f32 scalar", both);
  return sum_over_ranks(a * weight) / sum_over_ranks(weight);
}

// The value of a rank alone: what other ranks have is known when a program runs.
Operation ranks_operation() {
  return {Kind::kernel, nullptr,
          [](const Node&, std::span<const Values* const> in) -> Values { return *in[0]; }};
}

}  // namespace volute
