// The affine layer y = x W^T + b on the last axis of x.
// Invariant: parameters are weight [O, I], which may be an embedding's, then bias [O] unless left out.

#include <cmath>

#include <volute/nn.hpp>

#include "engine/nn/affine.hpp"
#include "engine/nn/check.hpp"
#include "engine/nn/init.hpp"

namespace volute::nn {

Linear::Linear(std::int64_t inputs, std::int64_t outputs, bool bias) {
  require_positive("linear", "inputs", inputs);
  require_positive("linear", "outputs", outputs);
  const double bound = 1.0 / std::sqrt(static_cast<double>(inputs));
  parameters_.emplace_back("weight", Shape{outputs, inputs}, uniform(outputs * inputs, bound));
  if (bias) parameters_.emplace_back("bias", Shape{outputs}, uniform(outputs, bound));
}

Linear::Linear(const Embedding& tied, bool bias) : frozen_(tied.frozen()) {
  const Parameter& weight = tied.parameters()[0];  // [V, E]
  parameters_.push_back(weight);
  const double bound = 1.0 / std::sqrt(static_cast<double>(weight.shape()[1]));
  if (bias) parameters_.emplace_back("bias", Shape{weight.shape()[0]}, uniform(weight.shape()[0], bound));
}

Tensor Linear::operator()(Tensor x) const {
  const Shape& weight = parameters_[0].shape();  // [O, I]
  require_dtype("linear", "x", x, DType::f32);
  if (x.rank() < 2 || x.dim(-1) != weight[1])
    throw InvalidGraph("linear: x " + x.shape().str() + " does not fit weight " + weight.str() + "; x must be [..., " +
                       std::to_string(weight[1]) + "] with at least two axes");
  Graph graph = graph_of(x);
  Tensor w = graph.parameter(parameters_[0]);  // [O, I]
  if (frozen_) w = stop_gradient(w);
  if (parameters_.size() == 1) return matmul(x, w, false, true);  // [..., O]
  return affine(x, w, graph.parameter(parameters_[1]));           // [..., O]
}

}  // namespace volute::nn
