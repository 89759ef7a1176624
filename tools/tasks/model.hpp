// The model a config describes: embedding (of tokens), recurrent layers, linear head.
// Invariant: one set of parameters, shared by every program of the run.
#pragma once

#include <memory>
#include <optional>
#include <volute/volute.hpp>

#include "tools/config/config.hpp"

namespace volute::tool {

struct Model {
  /// `inputs` is the vocabulary, or the columns if there is no embedding. Throws Mistake that points at the option a
  /// cell has no maths for.
  Model(const Config& config, std::int64_t inputs, std::int64_t outputs, bool embedded);

  /// x [T, N] u32, or [T, N, C] -> what the layers see.
  Tensor embed(Tensor x) const { return embedding ? (*embedding)(x) : x; }
  /// h [..., D H] -> [..., outputs], dropout first.
  Tensor output(Tensor h) const;
  std::vector<io::Entry> entries() const;
  std::vector<Parameter> parameters() const;
  std::int64_t weights() const;

  std::optional<nn::Embedding> embedding;
  std::unique_ptr<nn::Recurrent> cell;
  std::optional<nn::Linear> head;
  float dropout;
};

}  // namespace volute::tool
