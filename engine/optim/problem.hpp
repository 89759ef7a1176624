// What the optimisers share: the gradients of a loss, accumulated and clipped, beside the parameters they
// belong to. Invariant: an update that an optimiser adds is kept back in runs that only accumulate.
#pragma once

#include <string>
#include <vector>

#include <volute/optim.hpp>

namespace volute::optim {

/// One parameter to train. All tensors but lr have its shape.
struct Trained {
  Tensor p;
  Tensor g;               ///< accumulated and clipped; weight decay not yet added
  Tensor lr;              ///< []
  float weight_decay = 0;
  std::string suffix;     ///< ".<i>.<name>", ends the names of its states
};

struct Problem {
  Graph graph;
  Tensor t;                      ///< [] f32, the number of this update, from 1
  Tensor apply;                  ///< [] f32, 1 in a run that updates; empty if all do
  std::vector<Trained> trained;
  Targets targets;               ///< outputs loss and, with clip_norm, the norm
  std::string prefix;            ///< of the names of states and scalars
  std::optional<OptimizerStates> states;

  /// A state shaped like the parameter, named "<prefix><stem>.<i>.<name>".
  Tensor moment(const std::string& stem, const Trained& of, float initial = 0.0f);
  /// A state named "<prefix><name>", of the program or of `states`.
  Tensor state(const std::string& name, const Shape& shape, float initial = 0.0f);
  /// target = value at the end of a run that updates.
  void update(Tensor target, Tensor value);
  /// [] the sum of g^2 over all gradients as they are now. Equal sums are one node once compiled.
  Tensor squares() const;
};

/// Checks, differentiates, accumulates, clips. Throws InvalidGraph as `minimize` says.
Problem prepare(Tensor loss, float lr, float weight_decay, const MinimizeOptions& options);

void check(const LossScale& scale);
/// Keeps back every update of a run whose gradients are not finite, and adapts the scale.
void keep_finite(Problem& problem, const LossScale& options, Tensor scale);

// One file each.
void apply(const SGD& sgd, Problem& problem);
void apply(const Adam& adam, Problem& problem);
void apply(const AdamW& adam, Problem& problem);
void apply(const RMSprop& rmsprop, Problem& problem);
void apply(const Adagrad& adagrad, Problem& problem);
void check(const SGD& sgd);
void check(const Adam& adam);
void check(const AdamW& adam);
void check(const RMSprop& rmsprop);
void check(const Adagrad& adagrad);

/// Throws InvalidGraph "<what> must be in [low, high), got <value>" unless it is; NaN never is.
void require_range(const std::string& what, double value, double low, double high);
/// The same for a value that may be anything finite and not negative.
void require_not_negative(const std::string& what, double value);

/// g + decay p, or g itself without decay.
Tensor decayed(const Trained& of);

}  // namespace volute::optim
