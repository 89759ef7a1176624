// Dynamic loss scaling on the device: the scale is a state, and so is what decides over it.
// Invariant: an update whose gradients are not finite changes nothing but the scale and its counters; gradients still
// being accumulated are dropped with it.

#include <cmath>
#include <limits>

#include "engine/optim/problem.hpp"

namespace volute::optim {

void check(const LossScale& scale) {
  const auto require = [](bool holds, const char* text, float got) {
    if (!holds) throw InvalidGraph(std::string("loss_scale: ") + text + ", got " + std::to_string(got));
  };
  require(scale.initial > 0 && std::isfinite(scale.initial), "initial must be finite and positive", scale.initial);
  require(scale.growth >= 1 && std::isfinite(scale.growth), "growth must be finite and at least 1", scale.growth);
  require(scale.backoff > 0 && scale.backoff <= 1, "backoff must be in (0, 1]", scale.backoff);
  // Counted in f32, which is exact so far.
  if (scale.interval < 1 || scale.interval > (1 << 24))
    throw InvalidGraph("loss_scale: interval must be 1 to 16777216 updates, got " + std::to_string(scale.interval));
}

// finite = sum of g^2 over all gradients is a number below infinity
// scale = scale backoff, or after `interval` finite updates in a row scale growth
void keep_finite(Problem& problem, const LossScale& options, Tensor scale) {
  Graph& graph = problem.graph;
  const auto constant = [&](double value) { return graph.full({}, static_cast<float>(value)); };
  Tensor finite = less(problem.squares(), constant(std::numeric_limits<float>::max()));  // [] 0 for NaN too
  Tensor good = problem.state("loss_scale.good", {}), skipped = problem.state("loss_scale.skipped", {});
  Tensor grows = equal(good + 1.0f, constant(options.interval));
  Tensor next = where(finite, where(grows, scale * options.growth, scale), scale * options.backoff);
  next = minimum(maximum(next, constant(0x1p-126)), constant(0x1p126));  // neither it nor 1 / scale is lost
  problem.update(scale, next);
  problem.update(good, where(finite, where(grows, constant(0), good + 1.0f), constant(0)));
  problem.update(skipped, skipped + (1.0f - finite));
  problem.apply = problem.apply ? problem.apply * finite : finite;
}

}  // namespace volute::optim
