// Adam (Kingma and Ba 2015) in PyTorch's order of operations.
// Invariant: what does not depend on the element (step size, bias corrections) is scalar in the graph, so
// the work per element is one fused kernel per parameter.

#include <cmath>

#include "engine/optim/clip.hpp"

namespace volute {
namespace {

/// t [] f32 -> 1 - beta^t as -expm1(t ln beta): exact to rounding for small t, where 1 - pow cancels.
Tensor bias_correction(Graph& graph, Tensor t, float beta) {
  if (beta == 0.0f) return graph.full({}, 1.0f);
  return -expm1(t * static_cast<float>(std::log(static_cast<double>(beta))));  // []
}

void check(const Adam& adam) {
  auto is_rate = [](float beta) { return beta >= 0.0f && beta < 1.0f; };
  if (!is_rate(adam.beta1) || !is_rate(adam.beta2) || !(adam.eps >= 0.0f))
    throw InvalidGraph("adam: beta1 and beta2 must be in [0, 1) and eps not negative, got " +
                       std::to_string(adam.beta1) + ", " + std::to_string(adam.beta2) + ", " +
                       std::to_string(adam.eps));
}

}  // namespace

// t = runs completed + 1
// m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
// p = p - lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
Targets minimize(Tensor loss, const Adam& adam, const Clip& clip) {
  check(adam);
  optim::Problem problem = optim::prepare(loss, adam.lr, clip);
  Tensor t = to_f32(problem.graph.step()) + 1.0f;                                 // []
  Tensor step_size = problem.lr / bias_correction(problem.graph, t, adam.beta1);  // []
  Tensor scale = 1.0f / sqrt(bias_correction(problem.graph, t, adam.beta2));      // []
  const float rest1 = static_cast<float>(1.0 - static_cast<double>(adam.beta1));
  const float rest2 = static_cast<float>(1.0 - static_cast<double>(adam.beta2));
  for (std::size_t i = 0; i < problem.parameters.size(); ++i) {
    Tensor p = problem.parameters[i], g = problem.gradients[i];  // shape of p, as all below
    Tensor m = optim::moment(problem, "adam.m", i);
    Tensor v = optim::moment(problem, "adam.v", i);
    Tensor m_next = m * adam.beta1 + g * rest1;
    Tensor v_next = v * adam.beta2 + g * g * rest2;
    Tensor p_next = p - step_size * m_next / (sqrt(v_next) * scale + adam.eps);
    problem.targets.updates.insert(problem.targets.updates.end(), {{m, m_next}, {v, v_next}, {p, p_next}});
  }
  return problem.targets;
}

}  // namespace volute
