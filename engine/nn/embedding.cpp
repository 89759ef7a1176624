// A table of vectors looked up by index.
// Invariant: the one parameter is weight [V, E]; the indices keep their shape and gain the axis E. A padding
// row starts at zero and lookups send it no gradient, so it stays zero unless a tied head trains it.

#include <algorithm>

#include <volute/nn.hpp>

#include "engine/nn/check.hpp"
#include "engine/nn/init.hpp"

namespace volute::nn {

Embedding::Embedding(std::int64_t vocabulary, std::int64_t size, EmbeddingOptions options) : options_(options) {
  require_positive("embedding", "vocabulary", vocabulary);
  require_positive("embedding", "size", size);
  if (options.padding < -1 || options.padding >= vocabulary)
    throw InvalidGraph("embedding: padding must be an index below vocabulary " + std::to_string(vocabulary) +
                       ", or -1 for none; got " + std::to_string(options.padding));
  std::vector<float> values = normal(vocabulary * size);
  if (options.padding >= 0) std::fill_n(values.begin() + options.padding * size, size, 0.0f);
  parameters_.emplace_back("weight", Shape{vocabulary, size}, std::move(values));
}

Tensor Embedding::weight(Graph graph) const {
  Tensor table = graph.parameter(parameters_[0]);  // [V, E]
  return options_.frozen ? stop_gradient(table) : table;
}

// indices [...] u32 -> [..., E]
Tensor Embedding::operator()(Tensor indices) const {
  Graph graph = graph_of(indices);
  Tensor rows = embedding(weight(graph), indices);  // [..., E]
  if (options_.padding < 0 || options_.frozen) return rows;
  std::vector<std::int64_t> column = indices.shape().dims();
  column.push_back(1);
  Tensor padding = graph.full_u32({}, static_cast<std::uint32_t>(options_.padding));
  Tensor padded = reshape(equal(indices, padding), Shape(column));  // [..., 1]
  return where(padded, stop_gradient(rows), rows);
}

}  // namespace volute::nn
