// Dropout as a layer. Invariant: identity in Mode::inference; over time, one mask serves every step.

#include <volute/layers.hpp>

#include "engine/nn/check.hpp"

namespace volute::nn {

Dropout::Dropout(float p, bool over_time) : p_(p), over_time_(over_time) {
  if (!(p >= 0.0f && p < 1.0f)) refuse("dropout", "p must be in [0, 1), got " + std::to_string(p));
}

// x [T, ...]; the mask over time is drawn once for the shape without T.
Tensor Dropout::operator()(Tensor x) const {
  require_dtype("dropout", "x", x, DType::f32);
  if (!over_time_) return dropout(x, p_);
  if (x.rank() < 2) refuse("dropout", "over time needs x [T, ...]", {x});
  if (p_ == 0.0f || !graph_of(x).training()) return x;
  Shape one = x.shape();
  one[0] = 1;
  return x * dropout(graph_of(x).full(one, 1.0f), p_);
}

}  // namespace volute::nn
