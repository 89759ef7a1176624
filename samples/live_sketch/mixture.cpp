// Likelihood and sampling of the mixture. Choosing by Gumbel noise takes the place of a search in cumulated weights:
// the largest of w_i + t g_i is i with probability softmax(w / t)_i.
#include "samples/live_sketch/mixture.hpp"

#include <cmath>
#include <numbers>

#include <volute/layers.hpp>

namespace live_sketch {
namespace {

using volute::concat;
using volute::Tensor;

constexpr float least_deviation = 0.02f;  // of a step: less is finer than a pixel
constexpr float most_correlation = 0.95f;

/// log sum exp over the last axis.
Tensor log_sum_exp(Tensor a) {
  const Tensor shift = stop_gradient(max(a, {-1}, true));  // [..., 1]
  return log(sum(exp(a - shift), {-1}, true)) + shift;
}

/// Rotates by the angle of `before`, forward or back (sign 1 or -1).
Tensor rotated(Tensor step, Tensor before, float sign) {
  volute::Graph g = graph_of(step);
  const auto part = [](Tensor a, int i) { return slice(a, -1, i, i + 1); };
  const Tensor x = part(before, 0), y = part(before, 1);  // [..., 1]
  const Tensor length = maximum(sqrt(x * x + y * y), g.full({}, 1e-6f));
  const Tensor c = x / length, s = sign * y / length;
  return concat({c * part(step, 0) - s * part(step, 1), s * part(step, 0) + c * part(step, 1), part(step, 2)}, -1);
}

}  // namespace

Tensor to_frame(Tensor step, Tensor before) { return rotated(step, before, -1.0f); }
Tensor from_frame(Tensor step, Tensor before) { return rotated(step, before, 1.0f); }

Mixture mixture_of(Tensor values) {
  const std::int64_t M = (values.dim(-1) - 1) / 6;
  const auto part = [&](std::int64_t i) { return slice(values, -1, i * M, (i + 1) * M); };
  const auto deviation = [](Tensor a) { return exp(a - 1.0f) + least_deviation; };
  return {.weights = part(0),
          .mean_x = part(1) + 1.0f,
          .mean_y = part(2),
          .deviation_x = deviation(part(3)),
          .deviation_y = deviation(part(4)),
          .correlation = most_correlation * tanh(part(5)),
          .end = slice(values, -1, 6 * M, 6 * M + 1)};
}

// log N = -(u^2 + v^2 - 2 r u v) / (2 (1 - r^2)) - log(2 pi sx sy sqrt(1 - r^2)),  u = (x - mx) / sx, v likewise
Tensor negative_log_likelihood(const Mixture& m, Tensor step) {
  const Tensor u = (slice(step, -1, 0, 1) - m.mean_x) / m.deviation_x;  // [..., M]
  const Tensor v = (slice(step, -1, 1, 2) - m.mean_y) / m.deviation_y;  // [..., M]
  const Tensor r = m.correlation, rest = 1.0f - r * r;                  // [..., M]
  const Tensor distance = (u * u + v * v - 2.0f * r * u * v) / (2.0f * rest);
  const float log_turn = std::log(2 * std::numbers::pi_v<float>);
  const Tensor normal = -distance - log(m.deviation_x) - log(m.deviation_y) - 0.5f * log(rest) - log_turn;
  const Tensor position = log_sum_exp(normal + m.weights) - log_sum_exp(m.weights);  // [..., 1]
  const Tensor end = volute::bce_with_logits(m.end, slice(step, -1, 2, 3), {.reduction = volute::Reduction::none});
  return sum(end - position, {-1});
}

Noise noise_of(Tensor uniform, std::int64_t M, Tensor temperature) {
  volute::Graph g = graph_of(uniform);
  const Tensor inside = maximum(uniform, g.full({}, 1e-7f));
  const auto part = [&](std::int64_t begin, std::int64_t count) { return slice(inside, -1, begin, begin + count); };
  const Tensor u = part(M, 1);
  // Twelve uniform numbers have variance 1 and their sum is normal enough for a line.
  const auto normal = [&](std::int64_t begin) { return sum(part(begin, 12), {-1}, true) - 6.0f; };
  return {.component = -log(-log(part(0, M))) * temperature,
          .step = concat({normal(M + 1), normal(M + 13)}, -1) * temperature,
          .end = (log(u) - log(1.0f - u)) * temperature};
}

Tensor sample(const Mixture& m, const Noise& noise) {
  volute::Graph g = graph_of(m.weights);
  const std::int64_t R = m.weights.dim(0), M = m.weights.dim(1);
  const Tensor best = reshape(argmax(m.weights + noise.component), {R, 1});
  const Tensor chosen = equal(best, g.iota(M));  // [R, M], one 1 a row
  const auto pick = [&](Tensor values) { return sum(values * chosen, {-1}, true); };
  const Tensor a = slice(noise.step, -1, 0, 1), b = slice(noise.step, -1, 1, 2), r = pick(m.correlation);  // [R, 1]
  const Tensor dx = pick(m.mean_x) + pick(m.deviation_x) * a;
  const Tensor dy = pick(m.mean_y) + pick(m.deviation_y) * (r * a + sqrt(1.0f - r * r) * b);
  const Tensor length = maximum(sqrt(dx * dx + dy * dy), g.full({}, 1e-3f));
  return concat({dx / length, dy / length, less(g.full({}, 0.0f), m.end + noise.end)}, -1);
}

}  // namespace live_sketch
