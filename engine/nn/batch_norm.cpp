// Batch normalisation (Ioffe and Szegedy 2015) over every axis but the last, and over masked elements.
// Invariant: parameters are weight, bias (if affine), running_mean, running_var; the running ones have no
// gradient and are carried by training graphs, the variance unbiased.

#include <volute/layers.hpp>

#include "engine/nn/check.hpp"

namespace volute::nn {

BatchNorm::BatchNorm(std::int64_t size, BatchNormOptions options) : size_(size), options_(options) {
  require_positive("batch_norm", "size", size);
  if (!(options.eps >= 0.0f)) refuse("batch_norm", "eps must not be negative, got " + std::to_string(options.eps));
  if (!(options.momentum > 0.0f && options.momentum <= 1.0f))
    refuse("batch_norm", "momentum must be in (0, 1], got " + std::to_string(options.momentum));
  auto add = [&](const char* name, float value) {
    parameters_.emplace_back(name, Shape{size}, std::vector<float>(static_cast<std::size_t>(size), value));
  };
  if (options.affine) {
    add("weight", 1.0f);
    add("bias", 0.0f);
  }
  add("running_mean", 0.0f);
  add("running_var", 1.0f);
}

Tensor BatchNorm::operator()(Tensor x) const {
  require_last("batch_norm", "x", x, size_);
  if (graph_of(x).training() && x.shape().elements() / size_ < 2)
    refuse("batch_norm", "training needs more than one value a channel", {x});
  return normalise(x, Tensor());
}

Tensor BatchNorm::operator()(Tensor x, Tensor mask) const {
  require_last("batch_norm", "x", x, size_);
  require_shape("batch_norm", "mask", mask, leading(x.shape()));
  return normalise(x, reshape(mask, leading(x.shape(), {1})));  // [..., 1]
}

// training:  y = (x - m) / sqrt(v + eps) weight + bias;  running = (1 - momentum) running + momentum new
// inference: the same with the running mean and variance
Tensor BatchNorm::normalise(Tensor x, Tensor mask) const {
  Graph g = graph_of(x);
  if (mask) x = where(mask, x, g.full({}, 0.0f));  // padding may hold anything, NaN too
  const std::size_t first = options_.affine ? 2 : 0;
  Tensor running_mean = g.parameter(parameters_[first]), running_var = g.parameter(parameters_[first + 1]);  // [C]
  Tensor centred, variance;  // [..., C], [C]
  if (!g.training()) {
    centred = x - stop_gradient(running_mean);
    variance = stop_gradient(running_var);
  } else {
    std::vector<int> axes;
    for (int i = 0; i + 1 < x.rank(); ++i) axes.push_back(i);
    const auto rows = static_cast<float>(x.shape().elements() / size_);
    Tensor count = mask ? maximum(sum(mask), g.full({}, 1.0f)) : g.full({}, rows);    // []
    auto average = [&](Tensor t) {
      if (mask) t = where(mask, t, g.full({}, 0.0f));
      return (axes.empty() ? t : sum(t, axes)) / count;
    };
    Tensor batch_mean = average(x);  // [C]
    centred = x - batch_mean;
    variance = average(centred * centred);  // [C]
    Tensor unbiased = variance * (count / maximum(count - 1.0f, g.full({}, 1.0f)));  // [C]
    auto follow = [&](Tensor running, Tensor value) {
      g.carry(running, running * (1.0f - options_.momentum) + stop_gradient(value) * options_.momentum);
    };
    follow(running_mean, batch_mean);
    follow(running_var, unbiased);
    // A program carries what it reads: the running statistics take part without changing anything.
    variance = variance + 0.0f * stop_gradient(running_mean + running_var);
  }
  Tensor y = centred * (1.0f / sqrt(variance + options_.eps));  // [..., C]
  if (!options_.affine) return y;
  return y * g.parameter(parameters_[0]) + g.parameter(parameters_[1]);
}

}  // namespace volute::nn
