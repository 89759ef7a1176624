// Text from the model, one character at a time.
// Invariant: the same weights, seed, prompt and temperature give the same text on one device.
#pragma once

#include <random>
#include <volute/volute.hpp>

#include "samples/char_lm/model.hpp"

namespace char_lm {

class Sampler {
 public:
  Sampler(volute::Device& device, const Model& model, std::uint64_t seed);
  /// `count` tokens after the prompt, which must not be empty; state starts from zero.
  std::vector<std::uint32_t> sample(const std::vector<std::uint32_t>& prompt, std::int64_t count, double temperature);

 private:
  std::uint32_t draw(const std::vector<float>& logits, double temperature);
  volute::Program compile(volute::Device& device, const Model& model);

  std::mt19937_64 random_;
  volute::Graph g_{volute::Mode::inference};
  volute::Tensor x_, logits_;
  volute::Program program_;
};

}  // namespace char_lm
