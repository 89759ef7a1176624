// Losses between tensors of equal shape: regression and binary cross-entropy.
// Invariant: a loss is a function of each element, then reduced; `mean` divides by the number of elements.

#include <volute/layers.hpp>

#include "engine/nn/check.hpp"

namespace volute {
namespace {

using nn::refuse;

void check_pair(const char* name, Tensor prediction, Tensor target) {
  nn::require_dtype(name, "prediction", prediction, DType::f32);
  if (!target || target.dtype() != DType::f32 || target.shape() != prediction.shape())
    refuse(name, "prediction and target must be f32 of one shape", {prediction, target});
}

Tensor reduced(Tensor losses, Reduction reduction) {
  if (reduction == Reduction::none) return losses;
  return reduction == Reduction::sum ? sum(losses) : mean(losses);
}

/// log sigmoid(x) = min(x, 0) - log(1 + exp(-|x|)); minimum shares its gradient at 0, so the slope there is 1/2.
Tensor log_sigmoid(Tensor x, Tensor zero) { return minimum(x, zero) - log(1.0f + exp(-abs(x))); }

}  // namespace

Tensor mse_loss(Tensor prediction, Tensor target, Reduction reduction) {
  check_pair("mse_loss", prediction, target);
  Tensor d = prediction - target;
  return reduced(d * d, reduction);
}

Tensor l1_loss(Tensor prediction, Tensor target, Reduction reduction) {
  check_pair("l1_loss", prediction, target);
  return reduced(abs(prediction - target), reduction);
}

Tensor huber_loss(Tensor prediction, Tensor target, float delta, Reduction reduction) {
  check_pair("huber_loss", prediction, target);
  if (!(delta > 0.0f)) refuse("huber_loss", "delta must be positive, got " + std::to_string(delta));
  Tensor d = prediction - target, size = abs(d);
  Tensor near = less(size, graph_of(d).full({}, delta));
  return reduced(where(near, 0.5f * d * d, delta * (size - 0.5f * delta)), reduction);
}

Tensor smooth_l1_loss(Tensor prediction, Tensor target, float beta, Reduction reduction) {
  check_pair("smooth_l1_loss", prediction, target);
  if (!(beta >= 0.0f)) refuse("smooth_l1_loss", "beta must not be negative, got " + std::to_string(beta));
  if (beta == 0.0f) return l1_loss(prediction, target, reduction);
  return huber_loss(prediction, target, beta, reduction) / beta;
}

// -w (p y log sigmoid(x) + (1 - y) log sigmoid(-x))
Tensor bce_with_logits(Tensor logits, Tensor targets, const BinaryOptions& options) {
  check_pair("bce_with_logits", logits, targets);
  auto weighs = [&](const char* name, Tensor weight) {
    bool fits = weight.dtype() == DType::f32 && weight.rank() <= logits.rank();
    for (int i = 1; fits && i <= weight.rank(); ++i) fits = weight.dim(-i) == 1 || weight.dim(-i) == logits.dim(-i);
    if (!fits) refuse("bce_with_logits", std::string(name) + " does not broadcast to the logits", {weight, logits});
  };
  if (options.weight) weighs("weight", options.weight);
  if (options.pos_weight) weighs("pos_weight", options.pos_weight);
  Tensor zero = graph_of(logits).full({}, 0.0f);
  Tensor positive = targets * log_sigmoid(logits, zero);
  if (options.pos_weight) positive = positive * options.pos_weight;
  Tensor loss = -(positive + (1.0f - targets) * log_sigmoid(-logits, zero));
  if (options.weight) loss = loss * options.weight;
  return reduced(loss, options.reduction);
}

void check_targets(std::span<const std::uint32_t> targets, std::int64_t classes,
                   std::optional<std::uint32_t> ignore_index) {
  for (std::size_t i = 0; i < targets.size(); ++i)
    if (targets[i] >= classes && targets[i] != ignore_index)
      refuse("check_targets", "target " + std::to_string(targets[i]) + " at " + std::to_string(i) +
                                  " is not below " + std::to_string(classes) + " classes");
}

void check_lengths(std::span<const std::uint32_t> lengths, std::int64_t limit) {
  for (std::size_t i = 0; i < lengths.size(); ++i)
    if (lengths[i] > limit)
      refuse("check_lengths", "length " + std::to_string(lengths[i]) + " at " + std::to_string(i) + " is beyond " +
                                  std::to_string(limit));
}

}  // namespace volute
