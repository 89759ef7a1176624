// Cross-entropy and negative log-likelihood with PyTorch's options and definitions.
// Invariant: what is ignored weighs exactly 0, also in gradients; the mean divides by the weights that count.

#include <limits>

#include <volute/layers.hpp>

#include "engine/nn/check.hpp"

namespace volute {
namespace {

using nn::refuse;

void check(const char* name, Tensor scores, Tensor targets, const ClassOptions& options) {
  const bool types = scores && targets && scores.dtype() == DType::f32 && targets.dtype() == DType::u32;
  if (!types || scores.rank() < 1 || nn::leading(scores.shape()) != targets.shape())
    refuse(name, "needs f32 [..., V] and targets u32 [...]", {scores, targets});
  if (!(options.label_smoothing >= 0.0f && options.label_smoothing <= 1.0f))
    refuse(name, "label_smoothing must be in [0, 1], got " + std::to_string(options.label_smoothing));
  if (options.class_weights && (options.class_weights.dtype() != DType::f32 ||
                                options.class_weights.shape() != Shape{scores.dim(-1)}))
    refuse(name, "class_weights must be f32 [" + std::to_string(scores.dim(-1)) + "]", {options.class_weights});
}

// loss = -(1 - e) w_y log p_y - e / V sum_c w_c log p_c;  mean: sum of losses / sum of w_y
Tensor class_loss(const char* name, Tensor log_p, Tensor targets, const ClassOptions& options) {
  check(name, log_p, targets, options);
  Graph g = graph_of(log_p);
  const std::int64_t V = log_p.dim(-1);
  const float e = options.label_smoothing;
  Tensor zero = g.full({}, 0.0f);
  Tensor hit = equal(broadcast_to(g.iota(V), log_p.shape()),
                     reshape(targets, nn::leading(log_p.shape(), {1})));           // [..., V]
  Tensor counts = 1.0f - equal(targets, g.full_u32({}, options.ignore_index));    // [...]
  Tensor weighed = options.class_weights ? log_p * options.class_weights : log_p;  // [..., V]
  Tensor losses = -sum(where(hit, weighed, zero), {-1});                           // [...]
  if (e > 0.0f) losses = (1.0f - e) * losses - (e / static_cast<float>(V)) * sum(weighed, {-1});
  Tensor known = less(targets, g.full_u32({}, static_cast<std::uint32_t>(V)));    // [...]
  losses = where(known, losses, g.full({}, std::numeric_limits<float>::infinity()));
  losses = where(counts, losses, zero);
  if (options.reduction == Reduction::none) return losses;
  if (options.reduction == Reduction::sum) return sum(losses);
  if (!options.class_weights) return sum(losses) / sum(counts);
  Tensor weights = sum(where(hit, broadcast_to(options.class_weights, log_p.shape()), zero), {-1});  // [...]
  return sum(losses) / sum(weights * counts);
}

}  // namespace

Tensor cross_entropy(Tensor logits, Tensor targets, const ClassOptions& options) {
  check("cross_entropy", logits, targets, options);
  return class_loss("cross_entropy", log_softmax(logits), targets, options);
}

Tensor nll_loss(Tensor log_probabilities, Tensor targets, const ClassOptions& options) {
  check("nll_loss", log_probabilities, targets, options);
  if (options.label_smoothing != 0.0f)
    refuse("nll_loss", "label_smoothing is an option of cross_entropy, got " + std::to_string(options.label_smoothing));
  return class_loss("nll_loss", log_probabilities, targets, options);
}

}  // namespace volute
