// Norms over the last axis: LayerNorm (Ba et al. 2016) and RMSNorm (Zhang and Sennrich 2019).
// Invariant: eps is inside the root; the variance is that of the centred values, biased.

#include <volute/layers.hpp>

#include "engine/nn/check.hpp"

namespace volute::nn {
namespace {

void check_norm(const char* name, std::int64_t size, float eps) {
  require_positive(name, "size", size);
  if (!(eps >= 0.0f)) refuse(name, "eps must not be negative, got " + std::to_string(eps));
}

std::vector<float> all(std::int64_t n, float value) { return std::vector<float>(static_cast<std::size_t>(n), value); }

}  // namespace

LayerNorm::LayerNorm(std::int64_t size, NormOptions options) : size_(size), options_(options) {
  check_norm("layer_norm", size, options.eps);
  if (!options.affine) return;
  parameters_.emplace_back("weight", Shape{size}, all(size, 1.0f));
  parameters_.emplace_back("bias", Shape{size}, all(size, 0.0f));
}

// y = (x - mean) / sqrt(mean (x - mean)^2 + eps) weight + bias
Tensor LayerNorm::operator()(Tensor x) const {
  require_last("layer_norm", "x", x, size_);
  Tensor centred = x - mean(x, {-1}, true);                         // [..., C]
  Tensor variance = mean(centred * centred, {-1}, true);            // [..., 1]
  Tensor y = centred * (1.0f / sqrt(variance + options_.eps));      // [..., C]
  if (!options_.affine) return y;
  Graph g = graph_of(x);
  return y * g.parameter(parameters_[0]) + g.parameter(parameters_[1]);
}

RMSNorm::RMSNorm(std::int64_t size, NormOptions options) : size_(size), options_(options) {
  check_norm("rms_norm", size, options.eps);
  if (options.affine) parameters_.emplace_back("weight", Shape{size}, all(size, 1.0f));
}

// y = x / sqrt(mean x^2 + eps) weight
Tensor RMSNorm::operator()(Tensor x) const {
  require_last("rms_norm", "x", x, size_);
  Tensor y = x * (1.0f / sqrt(mean(x * x, {-1}, true) + options_.eps));  // [..., C]
  return options_.affine ? y * graph_of(x).parameter(parameters_[0]) : y;
}

}  // namespace volute::nn
