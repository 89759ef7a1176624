// The loss over the validation text, by a program of its own that shares the model's parameters.
// Invariant: in a whole pass every character but the first is a target exactly once.
#pragma once

#include <volute/volute.hpp>

#include "samples/char_lm/model.hpp"

namespace char_lm {

class Validation {
 public:
  /// The text is cut in up to N streams; in fewer if it is too short to give each of them T targets.
  Validation(volute::Device& device, const Model& model, const std::vector<std::uint32_t>& tokens, std::int64_t T,
             std::int64_t N);
  /// Nats per character over the first `pieces` pieces, or over all of them; state starts from zero.
  double loss(std::int64_t pieces = -1);
  std::int64_t targets() const { return targets_; }

 private:
  /// Fills the feeds with piece i; returns how many of its targets count.
  std::int64_t fill(std::int64_t i);
  volute::Program compile(volute::Device& device, const Model& model);

  const std::vector<std::uint32_t>& tokens_;
  std::int64_t T_, N_, targets_, stride_;
  std::vector<std::uint32_t> xs_, ys_;
  std::vector<float> weights_;
  volute::Graph g_{volute::Mode::inference};
  volute::Tensor x_, y_, weight_, loss_;
  volute::Program program_;
};

}  // namespace char_lm
