// Optimisers: they add their update to the graph, so clipping and the update are part of the recorded
// program. Formulas are PyTorch's.
#pragma once

#include <optional>

#include <volute/ops.hpp>

namespace volute {

/// p -= lr/(1-beta1^t) * m / (sqrt(v/(1-beta2^t)) + eps). Kingma and Ba 2015.
struct Adam {
  float lr = 1e-3f;
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float eps = 1e-8f;
};

/// b = momentum b + g (b = g at the first step); p -= lr b, or lr (g + momentum b) with Nesterov.
struct SGD {
  float lr = 1e-2f;
  float momentum = 0.0f;
  bool nesterov = false;
};

/// Clipping of the gradients on the device. By value first, then by global norm.
struct Clip {
  std::optional<float> clip_norm = {};   ///< g *= min(1, clip_norm / (norm + 1e-6)) over all parameters together
  std::optional<float> clip_value = {};  ///< every element into [-clip_value, clip_value]
};

/// Targets that read `loss` and train every parameter it depends on. The learning rate is the scalar
/// "lr" of the program, the bounds are "clip_norm" and "clip_value"; Program::set changes them.
/// With clip_norm the norm before clipping is the last output.
/// Throws InvalidGraph if the loss is not a f32 scalar or depends on no parameter.
Targets minimize(Tensor loss, const Adam& optimizer, const Clip& clip = {});
Targets minimize(Tensor loss, const SGD& optimizer, const Clip& clip = {});

}  // namespace volute
