// The distribution of the next step: a mixture of M bivariate Gaussians over (dx, dy) and a probability that the pen
// goes up (Graves 2013, section 4.1), in public operations. Invariant: finite for every finite input, values and
// gradients: deviations and 1 - correlation^2 have lower bounds, sums of exponentials are shifted by their maximum.
#pragma once

#include <volute/ops.hpp>

namespace live_sketch {

/// Tensors of the distribution after each of any number of steps.
struct Mixture {
  volute::Tensor weights;                 ///< [..., M] as logits
  volute::Tensor mean_x, mean_y;          ///< [..., M]
  volute::Tensor deviation_x, deviation_y;  ///< [..., M]
  volute::Tensor correlation;             ///< [..., M]
  volute::Tensor end;                     ///< [..., 1] as logit
};

/// Width of what mixture_of reads.
inline std::int64_t mixture_width(std::int64_t M) { return 6 * M + 1; }

/// values [..., 6 M + 1], unbounded. With values 0 all means are (1, 0): a line goes on as it went.
Mixture mixture_of(volute::Tensor values);

/// The step in the frame of the one before, both [..., 3]: x along it, y to its right. A rotation, which changes no
/// density; a step after one of length 0 becomes 0.
volute::Tensor to_frame(volute::Tensor step, volute::Tensor before);
/// The inverse.
volute::Tensor from_frame(volute::Tensor step, volute::Tensor before);

/// -log p(step), step [..., 3] in the frame of the one before -> [...], in nats.
volute::Tensor negative_log_likelihood(const Mixture& mixture, volute::Tensor step);

/// Random numbers that choose a step; zeros choose the most likely component's mean.
struct Noise {
  volute::Tensor component;  ///< [..., M] Gumbel
  volute::Tensor step;       ///< [..., 2] normal
  volute::Tensor end;        ///< [..., 1] logistic
};

/// From uniform numbers [..., M + 25] in [0, 1), times temperature [..., 1].
Noise noise_of(volute::Tensor uniform, std::int64_t M, volute::Tensor temperature);

/// A step [R, 3] of a mixture [R, ...], in the frame of the one before, of length 1 as all resampled steps are: means
/// between two directions are shorter, and a line that feeds on itself would slow down or run away.
volute::Tensor sample(const Mixture& mixture, const Noise& noise);

}  // namespace live_sketch
