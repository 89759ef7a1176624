// Stochastic gradient descent, plain, with momentum, or with Nesterov's, as torch.optim.SGD writes them.
// Invariant: the velocity after the first update is the gradient, whatever the dampening.

#include "engine/optim/problem.hpp"

namespace volute::optim {

void check(const SGD& sgd) {
  require_not_negative("sgd: momentum", sgd.momentum);
  require_not_negative("sgd: weight_decay", sgd.weight_decay);
  require_range("sgd: dampening", sgd.dampening, 0, 1);
  if (sgd.nesterov && (sgd.momentum == 0.0f || sgd.dampening != 0.0f))
    throw InvalidGraph("sgd: nesterov needs a momentum above 0 and no dampening, got momentum " +
                       std::to_string(sgd.momentum) + " and dampening " + std::to_string(sgd.dampening));
}

// b = momentum b + (1 - dampening) g;  p = p - lr b, or with Nesterov p = p - lr (g + momentum b)
void apply(const SGD& sgd, Problem& problem) {
  Tensor share;  // [] 1 at the first update, then 1 - dampening
  if (sgd.dampening != 0.0f) {
    Tensor one = problem.graph.full({}, 1.0f);
    share = where(equal(problem.t, one), one, problem.graph.full({}, 1.0f - sgd.dampening));
  }
  for (const Trained& each : problem.trained) {
    Tensor direction = decayed(each);  // shape of p, as all below
    if (sgd.momentum > 0.0f) {
      Tensor b = problem.moment("sgd.momentum", each);
      Tensor b_next = b * sgd.momentum + (share ? direction * share : direction);
      problem.update(b, b_next);
      direction = sgd.nesterov ? direction + b_next * sgd.momentum : b_next;
    }
    problem.update(each.p, each.p - each.lr * direction);
  }
}

}  // namespace volute::optim
