// Connectionist temporal classification (Graves et al. 2006): the forward recursion as a scan in log space.
// Invariant: impossible states hold a finite floor, never -inf, so no difference of infinities arises and a
// state no path crosses gets gradient exp(floor) = 0. The labels with blanks between are L = 2 S + 1 states.

#include <limits>

#include <volute/layers.hpp>

#include "engine/nn/check.hpp"

namespace volute {
namespace {

using nn::refuse;

// Far below any log-probability of a sequence, and still exact under sums with them in float32.
constexpr float impossible = -1e30f;

void check(const char* name, Tensor scores, Tensor targets, Tensor input_lengths, Tensor target_lengths,
           const CtcOptions& options) {
  if (!scores || scores.dtype() != DType::f32 || scores.rank() != 3)
    refuse(name, "log-probabilities must be f32 [T, N, C]", {scores});
  const std::int64_t N = scores.dim(1);
  if (!targets || targets.dtype() != DType::u32 || targets.rank() != 2 || targets.dim(0) != N)
    refuse(name, "targets must be u32 [" + std::to_string(N) + ", S]", {scores, targets});
  for (Tensor lengths : {input_lengths, target_lengths})
    if (!lengths || lengths.dtype() != DType::u32 || lengths.shape() != Shape{N})
      refuse(name, "input_lengths and target_lengths must be u32 [" + std::to_string(N) + "]",
             {scores, input_lengths, target_lengths});
  if (options.blank >= scores.dim(2))
    refuse(name, "blank " + std::to_string(options.blank) + " is not a class", {scores});
}

/// a [N, S], b [N, S] -> a0 b0 a1 b1 ..., [N, 2 S].
Tensor interleave(Tensor a, Tensor b) {
  const Shape pair{a.dim(0), a.dim(1), 1};
  return reshape(concat({reshape(a, pair), reshape(b, pair)}, 2), {a.dim(0), 2 * a.dim(1)});
}

/// The label of each state [N, L] (blank, y0, blank, y1, ..., blank), and 1 where a path may skip the blank
/// before it: at a label that differs from the one before.
std::pair<Tensor, Tensor> states_of(Tensor targets, std::uint32_t blank) {
  Graph g = graph_of(targets);
  const std::int64_t N = targets.dim(0), S = targets.dim(1);
  Tensor blanks = g.full_u32({N, S}, blank);
  Tensor labels = concat({interleave(blanks, targets), g.full_u32({N, 1}, blank)}, 1);  // [N, L]
  Tensor differs = g.full({N, 1}, 0.0f);                                                // [N, S]; never for y0
  if (S > 1) differs = concat({differs, 1.0f - equal(slice(targets, 1, 1, S), slice(targets, 1, 0, S - 1))}, 1);
  Tensor skip = concat({interleave(g.full({N, S}, 0.0f), differs), g.full({N, 1}, 0.0f)}, 1);  // [N, L]
  return {labels, skip};
}

/// a [N, L] moved right by k states, the floor coming in.
Tensor shifted(Tensor a, std::int64_t k) {
  const std::int64_t L = a.dim(1);
  if (k >= L) return graph_of(a).full(a.shape(), impossible);
  return concat({graph_of(a).full({a.dim(0), k}, impossible), slice(a, 1, 0, L - k)}, 1);
}

/// log p of every state after its row's last step, [N, L]; state 0 before the first step is certain.
Tensor forward(Tensor emissions, Tensor skip, Tensor input_lengths) {
  Graph g = graph_of(emissions);
  const std::int64_t T = emissions.dim(0), N = emissions.dim(1), L = emissions.dim(2);
  Tensor start = concat({g.full({N, 1}, 0.0f), g.full({N, L - 1}, impossible)}, 1);        // [N, L]
  Tensor running = less(reshape(g.iota(T), {T, 1}), reshape(input_lengths, {1, N}));        // [T, N]
  auto body = [&](std::span<const Tensor> xs, std::span<const Tensor> states) {
    Tensor stay = states[0], step = shifted(stay, 1);                                       // [N, L]
    Tensor jump = where(skip, shifted(stay, 2), g.full({}, impossible));                    // [N, L]
    Tensor top = stop_gradient(maximum(maximum(stay, step), jump));                         // [N, L]
    Tensor next = top + log(exp(stay - top) + exp(step - top) + exp(jump - top)) + xs[0];   // [N, L]
    return ScanStep{{where(xs[1], next, stay)}, {}};
  };
  return scan({emissions, reshape(running, {T, N, 1})}, {start}, body).last[0];
}

/// log p(targets) [N] from the two states a path may end in: the last label and the blank after it.
Tensor ending(Tensor alpha, Tensor target_lengths) {
  Graph g = graph_of(alpha);
  const std::int64_t N = alpha.dim(0), L = alpha.dim(1);
  Tensor last = reshape(2.0f * to_f32(target_lengths), {N, 1});                             // [N, 1]
  Tensor state = to_f32(g.iota(L));                                                         // [L]
  Tensor ends = equal(broadcast_to(state, {N, L}), last) + equal(broadcast_to(state, {N, L}), last - 1.0f);
  Tensor kept = where(ends, alpha, g.full({}, impossible));                                 // [N, L]
  Tensor top = stop_gradient(max(kept, {1}, true));                                         // [N, 1]
  return reshape(top + log(sum(exp(kept - top), {1}, true)), {N});
}

}  // namespace

// alpha_t(s) = log(e^alpha(s) + e^alpha(s-1) + [skip] e^alpha(s-2)) + log p_t(label s);  loss = -log p(y)
Tensor ctc_loss(Tensor log_probabilities, Tensor targets, Tensor input_lengths, Tensor target_lengths,
                const CtcOptions& options) {
  check("ctc_loss", log_probabilities, targets, input_lengths, target_lengths, options);
  Graph g = graph_of(log_probabilities);
  const std::int64_t N = log_probabilities.dim(1), C = log_probabilities.dim(2);
  const auto [labels, skip] = states_of(targets, options.blank);  // [N, L]
  const std::int64_t L = labels.dim(1);
  // One-hot products pick each state's class exactly; -inf would spoil the others, so it becomes the floor.
  Tensor finite = maximum(log_probabilities, g.full({}, impossible));                              // [T, N, C]
  Tensor pick = equal(broadcast_to(reshape(g.iota(C), {1, C, 1}), {N, C, L}),
                      broadcast_to(reshape(labels, {N, 1, L}), {N, C, L}));                        // [N, C, L]
  const Tensor picked = matmul(transpose(finite, {1, 0, 2}), pick, false, false, /*keep_f32*/ true);
  Tensor emissions = transpose(picked, {1, 0, 2});                                                 // [T, N, L]
  Tensor known = less(labels, g.full_u32({}, static_cast<std::uint32_t>(C)));                      // [N, L]
  emissions = where(reshape(known, {1, N, L}), emissions, g.full({}, impossible));
  Tensor log_p = ending(forward(emissions, skip, input_lengths), target_lengths);                  // [N]
  Tensor possible = less(g.full({}, 0.1f * impossible), log_p);                                    // [N]
  const float otherwise = options.zero_infinity ? 0.0f : std::numeric_limits<float>::infinity();
  Tensor losses = where(possible, -log_p, g.full({}, otherwise));                                  // [N]
  if (options.reduction == Reduction::none) return losses;
  if (options.reduction == Reduction::sum) return sum(losses);
  return mean(losses / maximum(to_f32(target_lengths), g.full({}, 1.0f)));
}

Tensor ctc_loss_from_logits(Tensor logits, Tensor targets, Tensor input_lengths, Tensor target_lengths,
                            const CtcOptions& options) {
  check("ctc_loss_from_logits", logits, targets, input_lengths, target_lengths, options);
  return ctc_loss(log_softmax(logits), targets, input_lengths, target_lengths, options);
}

}  // namespace volute
