// Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019) in PyTorch's order of operations.
// Invariant: what does not depend on the element (step size, bias corrections) is scalar in the graph, so
// the work per element is one fused kernel per parameter.

#include <cmath>

#include "engine/optim/problem.hpp"

namespace volute::optim {
namespace {

/// t [] f32 -> 1 - beta^t as -expm1(t ln beta): exact to rounding for small t, where 1 - pow cancels.
Tensor bias_correction(Graph& graph, Tensor t, float beta) {
  if (beta == 0.0f) return graph.full({}, 1.0f);
  return -expm1(t * static_cast<float>(std::log(static_cast<double>(beta))));  // []
}

void check_rates(const std::string& name, float beta1, float beta2, float eps, float weight_decay) {
  require_range(name + ": beta1", beta1, 0, 1);
  require_range(name + ": beta2", beta2, 0, 1);
  require_not_negative(name + ": eps", eps);
  require_not_negative(name + ": weight_decay", weight_decay);
}

// t = updates made + 1
// g = g + decay p (Adam), or p = p - lr decay p (AdamW)
// m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
// p = p - lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
template <class Settings>
void apply_adam(const Settings& s, const std::string& name, bool decoupled, Problem& problem) {
  Tensor correction = bias_correction(problem.graph, problem.t, s.beta1);             // []
  Tensor scale = 1.0f / sqrt(bias_correction(problem.graph, problem.t, s.beta2));     // []
  const float rest1 = static_cast<float>(1.0 - static_cast<double>(s.beta1));
  const float rest2 = static_cast<float>(1.0 - static_cast<double>(s.beta2));
  for (const Trained& each : problem.trained) {
    Tensor p = each.p, g = decoupled ? each.g : decayed(each);  // shape of p, as all below
    Tensor m = problem.moment(name + ".m", each);
    Tensor v = problem.moment(name + ".v", each);
    Tensor m_next = m * s.beta1 + g * rest1;
    Tensor v_next = v * s.beta2 + g * g * rest2;
    if (decoupled && each.weight_decay != 0.0f) p = p * (1.0f - each.lr * each.weight_decay);
    Tensor p_next = p - each.lr / correction * m_next / (sqrt(v_next) * scale + s.eps);
    problem.update(m, m_next);
    problem.update(v, v_next);
    problem.update(each.p, p_next);
  }
}

}  // namespace

void check(const Adam& adam) { check_rates("adam", adam.beta1, adam.beta2, adam.eps, adam.weight_decay); }
void check(const AdamW& adam) { check_rates("adamw", adam.beta1, adam.beta2, adam.eps, adam.weight_decay); }
void apply(const Adam& adam, Problem& problem) { apply_adam(adam, "adam", false, problem); }
void apply(const AdamW& adam, Problem& problem) { apply_adam(adam, "adamw", true, problem); }

}  // namespace volute::optim
