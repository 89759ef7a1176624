// Stochastic gradient descent, plain, with momentum, or with Nesterov's, as PyTorch writes them.
// Invariant: the velocity starts at 0, so at the first step it is the gradient, as PyTorch's is.

#include "engine/optim/clip.hpp"

namespace volute {
namespace {

void check(const SGD& sgd) {
  if (!(sgd.momentum >= 0.0f))
    throw InvalidGraph("sgd: momentum must not be negative, got " + std::to_string(sgd.momentum));
  if (sgd.nesterov && sgd.momentum == 0.0f) throw InvalidGraph("sgd: nesterov needs a momentum above 0");
}

}  // namespace

// b = momentum b + g;  p = p - lr b, or with Nesterov p = p - lr (g + momentum b)
Targets minimize(Tensor loss, const SGD& sgd, const Clip& clip) {
  check(sgd);
  optim::Problem problem = optim::prepare(loss, sgd.lr, clip);
  std::vector<Update>& updates = problem.targets.updates;
  for (std::size_t i = 0; i < problem.parameters.size(); ++i) {
    Tensor p = problem.parameters[i], direction = problem.gradients[i];  // shape of p, as all below
    if (sgd.momentum > 0.0f) {
      Tensor b = optim::moment(problem, "sgd.momentum", i);
      Tensor b_next = b * sgd.momentum + direction;
      updates.push_back({b, b_next});
      direction = sgd.nesterov ? direction + b_next * sgd.momentum : b_next;
    }
    updates.push_back({p, p - problem.lr * direction});
  }
  return problem.targets;
}

}  // namespace volute
