// RMSprop (Tieleman and Hinton 2012; centred: Graves 2013) as torch.optim.RMSprop writes it: eps is added to
// the root, not under it. Invariant: the centred variance is never negative, also where rounding makes it so.

#include "engine/optim/problem.hpp"

namespace volute::optim {

void check(const RMSprop& rmsprop) {
  require_range("rmsprop: alpha", rmsprop.alpha, 0, 1);
  require_not_negative("rmsprop: eps", rmsprop.eps);
  require_not_negative("rmsprop: momentum", rmsprop.momentum);
  require_not_negative("rmsprop: weight_decay", rmsprop.weight_decay);
}

// v = alpha v + (1 - alpha) g^2;  a = alpha a + (1 - alpha) g
// d = g / (sqrt(v) + eps), or centred g / (sqrt(v - a^2) + eps)
// p = p - lr d, or b = momentum b + d;  p = p - lr b
void apply(const RMSprop& rmsprop, Problem& problem) {
  const float rest = static_cast<float>(1.0 - static_cast<double>(rmsprop.alpha));
  for (const Trained& each : problem.trained) {
    Tensor g = decayed(each);  // shape of p, as all below
    Tensor v = problem.moment("rmsprop.v", each);
    Tensor v_next = v * rmsprop.alpha + g * g * rest;
    problem.update(v, v_next);
    Tensor variance = v_next;
    if (rmsprop.centered) {
      Tensor a = problem.moment("rmsprop.mean", each);
      Tensor a_next = a * rmsprop.alpha + g * rest;
      problem.update(a, a_next);
      variance = maximum(v_next - a_next * a_next, problem.graph.full({}, 0.0f));
    }
    Tensor direction = g / (sqrt(variance) + rmsprop.eps);
    if (rmsprop.momentum > 0.0f) {
      Tensor b = problem.moment("rmsprop.momentum", each);
      direction = b * rmsprop.momentum + direction;
      problem.update(b, direction);
    }
    problem.update(each.p, each.p - each.lr * direction);
  }
}

}  // namespace volute::optim
