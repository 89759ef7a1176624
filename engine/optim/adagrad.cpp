// Adagrad (Duchi, Hazan and Singer 2011) as torch.optim.Adagrad writes it.
// Invariant: the rate's decay counts updates, not runs.

#include "engine/optim/problem.hpp"

namespace volute::optim {

void check(const Adagrad& adagrad) {
  require_not_negative("adagrad: eps", adagrad.eps);
  require_not_negative("adagrad: lr_decay", adagrad.lr_decay);
  require_not_negative("adagrad: initial_accumulator", adagrad.initial_accumulator);
  require_not_negative("adagrad: weight_decay", adagrad.weight_decay);
}

// s = s + g^2;  p = p - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)
void apply(const Adagrad& adagrad, Problem& problem) {
  for (const Trained& each : problem.trained) {
    Tensor g = decayed(each);  // shape of p, as all below
    Tensor s = problem.moment("adagrad.sum", each, adagrad.initial_accumulator);
    Tensor s_next = s + g * g;
    Tensor lr = each.lr;  // []
    if (adagrad.lr_decay != 0.0f) lr = lr / (1.0f + (problem.t - 1.0f) * adagrad.lr_decay);
    problem.update(s, s_next);
    problem.update(each.p, each.p - lr * g / (sqrt(s_next) + adagrad.eps));
  }
}

}  // namespace volute::optim
