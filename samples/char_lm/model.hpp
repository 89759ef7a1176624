// The model: embedding, recurrent cell, linear head; and its file.
// Invariant: one set of parameters, shared by every program built from logits().
#pragma once

#include <memory>
#include <volute/volute.hpp>

#include "samples/char_lm/options.hpp"

namespace char_lm {

struct Model {
  /// `dropout` acts between and after the recurrent layers, in training graphs only.
  Model(const Sizes& sizes, std::int64_t vocab, float dropout);

  /// x [T, N] u32 -> [T, N, V], from the state the program's previous run ended in.
  volute::Tensor logits(const volute::Graph& g, volute::Tensor x) const;
  /// Names in the file: "embed.weight", "lstm.weight_ih_l0", "head.bias".
  std::vector<volute::io::Entry> entries() const;
  std::int64_t weights() const;

  Sizes sizes;
  float dropout;
  volute::nn::Embedding embed;
  std::unique_ptr<volute::nn::Recurrent> cell;
  volute::nn::Linear head;
};

/// What a model file says beside the weights.
struct Description {
  Sizes sizes;
  std::string vocabulary;
};

volute::io::Metadata describe_model(const Model& model, const std::string& vocabulary);
void save_model(const std::string& path, const Model& model, const std::string& vocabulary);
/// Throws UsageError naming the file and what is wrong with its metadata.
[[noreturn]] void unfit(const std::string& path, const std::string& what);
/// Throws UsageError if there is none.
const std::string& entry(const std::string& path, const volute::io::Metadata& metadata, const std::string& key);
/// From the metadata of a file. Throws UsageError if it is not what describe_model gives.
Description read_description(const std::string& path, const volute::io::Metadata& metadata);

}  // namespace char_lm
