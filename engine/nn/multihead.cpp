// Multi-head scaled dot-product attention (Vaswani et al. 2017) with torch.nn.MultiheadAttention's parameters.
// Invariant: heads are consecutive slices of the projected size; keys and values are projected in prepare.

#include <cmath>

#include <volute/layers.hpp>

#include "engine/nn/affine.hpp"
#include "engine/nn/check.hpp"
#include "engine/nn/init.hpp"

namespace volute::nn {
namespace {

const char* const attention_name = "multi_head_attention";

}  // namespace

// in_proj is Xavier uniform over [3E, E], biases are 0, as in PyTorch.
MultiHeadAttention::MultiHeadAttention(std::int64_t size, std::int64_t heads, bool bias)
    : size_(size), heads_(heads), bias_(bias) {
  require_positive(attention_name, "size", size);
  require_positive(attention_name, "heads", heads);
  if (size % heads)
    refuse(attention_name, std::to_string(heads) + " heads do not divide size " + std::to_string(size));
  const auto E = static_cast<double>(size);
  auto zeros = [](std::int64_t n) { return std::vector<float>(static_cast<std::size_t>(n), 0.0f); };
  parameters_.emplace_back("in_proj_weight", Shape{3 * size, size}, uniform(3 * size * size, std::sqrt(6.0 / (4 * E))));
  if (bias) parameters_.emplace_back("in_proj_bias", Shape{3 * size}, zeros(3 * size));
  parameters_.emplace_back("out_proj.weight", Shape{size, size}, uniform(size * size, 1.0 / std::sqrt(E)));
  if (bias) parameters_.emplace_back("out_proj.bias", Shape{size}, zeros(size));
}

/// Part 0, 1, 2 of in_proj: queries, keys, values. x [..., E].
Tensor MultiHeadAttention::project(Tensor x, int part) const {
  Graph g = graph_of(x);
  const std::int64_t from = part * size_, to = from + size_;
  Tensor w = slice(g.parameter(parameters_[0]), 0, from, to);  // [E, E]
  if (!bias_) return matmul(x, w, false, true);
  return affine(x, w, slice(g.parameter(parameters_[1]), 0, from, to));
}

/// x [L, N, E] -> [N, heads, L, d].
Tensor MultiHeadAttention::by_head(Tensor x) const {
  return transpose(reshape(x, {x.dim(0), x.dim(1), heads_, size_ / heads_}), {1, 2, 0, 3});
}

Memory MultiHeadAttention::prepare(Tensor values, Tensor mask) const {
  if (!values || values.dtype() != DType::f32 || values.rank() != 3 || values.dim(2) != size_)
    refuse(attention_name, "memory must be f32 [S, N, " + std::to_string(size_) + "]", {values});
  if (mask) require_shape(attention_name, "mask", mask, leading(values.shape()));
  return {by_head(project(values, 1)), by_head(project(values, 2)), mask ? transpose(mask) : mask};
}

// softmax(q k^T / sqrt d) v by head, joined, out_proj.
Attended MultiHeadAttention::operator()(Tensor query, const Memory& memory, Tensor mask) const {
  if (!memory.keys || memory.keys.rank() != 4)
    refuse(attention_name, "the memory is not one of prepare()", {memory.keys});
  require_last(attention_name, "query", query, size_);
  const std::int64_t N = memory.keys.dim(0), S = memory.keys.dim(2);
  const bool one = query.rank() == 2;
  if (query.rank() > 3 || query.rank() < 2 || query.dim(-2) != N)
    refuse(attention_name, "query must be f32 [T, N, E] or [N, E] for the memory's N = " + std::to_string(N), {query});
  if (one) query = reshape(query, {1, N, size_});
  const std::int64_t T = query.dim(0);
  if (mask) require_shape(attention_name, "mask", mask, {T, S});
  Tensor both = memory.mask ? reshape(memory.mask, {N, 1, 1, S}) : Tensor();
  if (mask) both = both ? broadcast_to(both, {N, 1, T, S}) * mask : reshape(mask, {1, 1, T, S});
  const float scale = 1.0f / std::sqrt(static_cast<float>(size_ / heads_));
  Tensor q = by_head(project(query, 0) * scale);                                    // [N, heads, T, d]
  Tensor weights = masked_softmax(matmul(q, memory.keys, false, true), both);       // [N, heads, T, S]
  Tensor joined = reshape(transpose(matmul(weights, memory.values), {2, 0, 1, 3}), {T, N, size_});
  Graph g = graph_of(query);
  Tensor w = g.parameter(parameters_[bias_ ? 2 : 1]);
  Tensor out = bias_ ? affine(joined, w, g.parameter(parameters_[3])) : matmul(joined, w, false, true);
  Tensor averaged = mean(weights, {1});  // [N, T, S]
  if (!one) return {out, averaged};
  return {reshape(out, {N, size_}), reshape(averaged, {N, S})};
}

Tensor causal_mask(Graph graph, std::int64_t T, std::int64_t S) {
  require_positive("causal_mask", "T", T);
  require_positive("causal_mask", "S", S);
  Tensor t = broadcast_to(reshape(graph.iota(T), {T, 1}), {T, S}), s = broadcast_to(graph.iota(S), {T, S});
  return 1.0f - less(t, s);
}

Tensor regroup(Tensor vectors, std::int64_t parts) {
  require_positive("regroup", "parts", parts);
  if (!vectors || vectors.rank() != 2 || vectors.dim(0) % parts)
    refuse("regroup", "needs vectors [D * " + std::to_string(parts) + ", H]", {vectors});
  return transpose(reshape(vectors, {vectors.dim(0) / parts, parts, vectors.dim(1)}), {1, 0, 2});
}

}  // namespace volute::nn
