// A table of vectors looked up by index.
// Invariant: the one parameter is weight [V, E]; the indices keep their shape and gain the axis E.

#include <volute/nn.hpp>

#include "engine/nn/init.hpp"

namespace volute::nn {

Embedding::Embedding(std::int64_t vocabulary, std::int64_t size) {
  if (vocabulary <= 0 || size <= 0)
    throw InvalidGraph("embedding: sizes must be positive, got vocabulary " + std::to_string(vocabulary) + ", size " +
                       std::to_string(size));
  parameters_.emplace_back("weight", Shape{vocabulary, size}, normal(vocabulary * size));
}

// indices [...] u32 -> [..., E]
Tensor Embedding::operator()(Tensor indices) const {
  return embedding(graph_of(indices).parameter(parameters_[0]), indices);
}

}  // namespace volute::nn
