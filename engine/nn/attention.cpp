// Attention of one query over a memory: additive (Bahdanau et al. 2015), dot and general (Luong et al. 2015),
// scaled dot. Invariant: what does not depend on the query is computed once, in prepare; masked positions
// weigh exactly 0, and so does everything where nothing is left.

#include <cmath>

#include <volute/layers.hpp>

#include "engine/nn/check.hpp"
#include "engine/nn/init.hpp"

namespace volute {

// e = exp(s - max of the unmasked) mask;  softmax = e / sum e, with 1 in place of an empty sum
Tensor masked_softmax(Tensor scores, Tensor mask) {
  nn::require_dtype("masked_softmax", "scores", scores, DType::f32);
  if (scores.rank() < 1) nn::refuse("masked_softmax", "scores need an axis", {scores});
  if (!mask) return softmax(scores);
  bool fits = mask.dtype() == DType::f32 && mask.rank() <= scores.rank();
  for (int i = 1; fits && i <= mask.rank(); ++i) fits = mask.dim(-i) == 1 || mask.dim(-i) == scores.dim(-i);
  if (!fits) nn::refuse("masked_softmax", "the mask must broadcast to the scores", {mask, scores});
  Graph g = graph_of(scores);
  mask = broadcast_to(mask, scores.shape());
  Tensor kept = where(mask, scores, g.full({}, -1e30f));
  Tensor e = where(mask, exp(kept - stop_gradient(max(kept, {-1}, true))), g.full({}, 0.0f));
  Tensor total = sum(e, {-1}, true);
  return e / (total + equal(total, g.full({}, 0.0f)));
}

Tensor scaled_dot_product_attention(Tensor q, Tensor k, Tensor v, Tensor mask) {
  const char* name = "scaled_dot_product_attention";
  for (Tensor t : {q, k, v})
    if (!t || t.dtype() != DType::f32 || t.rank() < 2) nn::refuse(name, "needs f32 [..., length, size]", {q, k, v});
  if (q.dim(-1) != k.dim(-1) || k.dim(-2) != v.dim(-2))
    nn::refuse(name, "q and k must agree in size, k and v in length", {q, k, v});
  const float scale = 1.0f / std::sqrt(static_cast<float>(q.dim(-1)));
  return matmul(masked_softmax(matmul(q * scale, k, false, true), mask), v);
}

namespace nn {

Attention::Attention(Score score, std::int64_t query, std::int64_t memory, std::int64_t size)
    : score_(score), query_(query), memory_(memory), size_(size == 0 ? query : size) {
  for (auto [name, value] : {std::pair("query", query), {"memory", memory}, {"size", size_}})
    require_positive("attention", name, value);
  if ((score == Score::dot || score == Score::scaled) && query != memory)
    refuse("attention", "dot scores need query and memory of one size, got query " + std::to_string(query) +
                            ", memory " + std::to_string(memory));
  auto add = [&](const char* name, Shape shape, std::int64_t inputs) {
    const std::int64_t count = shape.elements();
    parameters_.emplace_back(name, std::move(shape), uniform(count, 1.0 / std::sqrt(static_cast<double>(inputs))));
  };
  if (score == Score::general) add("memory.weight", {query, memory}, memory);
  if (score != Score::additive) return;
  add("query.weight", {size_, query}, query);
  add("query.bias", {size_}, query);
  add("memory.weight", {size_, memory}, memory);
  add("score.weight", {size_}, size_);
}

// keys: additive U v, general W v (so that q k = q W v), dot v
Memory Attention::prepare(Tensor values, Tensor mask) const {
  if (!values || values.dtype() != DType::f32 || values.rank() != 3 || values.dim(2) != memory_)
    refuse("attention", "memory must be f32 [S, N, " + std::to_string(memory_) + "]", {values});
  if (mask) require_shape("attention", "mask", mask, leading(values.shape()));
  Graph g = graph_of(values);
  Memory out;
  out.values = transpose(values, {1, 0, 2});  // [N, S, M]
  out.mask = mask ? transpose(mask) : mask;   // [N, S]
  out.keys = out.values;
  if (score_ == Score::general) out.keys = matmul(out.values, g.parameter(parameters_[0]), false, true);
  if (score_ == Score::additive) out.keys = matmul(out.values, g.parameter(parameters_[2]), false, true);
  return out;
}

Tensor Attention::scores(Tensor query, const Memory& memory) const {
  Graph g = graph_of(query);
  const std::int64_t N = query.dim(0);
  if (score_ == Score::additive) {
    Tensor q = matmul(query, g.parameter(parameters_[0]), false, true) + g.parameter(parameters_[1]);  // [N, A]
    Tensor hidden = tanh(memory.keys + reshape(q, {N, 1, size_}));                                     // [N, S, A]
    return sum(hidden * g.parameter(parameters_[3]), {-1});                                            // [N, S]
  }
  const float scale = score_ == Score::scaled ? 1.0f / std::sqrt(static_cast<float>(query_)) : 1.0f;
  return reshape(matmul(reshape(query * scale, {N, 1, query_}), memory.keys, false, true), {N, memory.keys.dim(1)});
}

Attended Attention::operator()(Tensor query, const Memory& memory) const {
  if (!memory.keys || memory.keys.rank() != 3) refuse("attention", "the memory is not one of prepare()", {memory.keys});
  require_shape("attention", "query", query, {memory.keys.dim(0), query_});
  const std::int64_t N = query.dim(0), S = memory.keys.dim(1);
  Tensor weights = masked_softmax(scores(query, memory), memory.mask);  // [N, S]
  // A product, so that over time the gradient of the values is one product of depth T and not T outer ones kept.
  Tensor context = matmul(reshape(weights, {N, 1, S}), memory.values);  // [N, 1, M]
  return {reshape(context, {N, memory_}), weights};
}

}  // namespace nn
}  // namespace volute
