// What the optimisers share: the gradients of a loss, clipped, beside the parameters they belong to.
// Invariant: parameters[i], gradients[i] and the i in a state's name belong together; the order is that in
// which the parameters were added to the graph.
#pragma once

#include <string>
#include <vector>

#include <volute/optim.hpp>

namespace volute::optim {

struct Problem {
  Graph graph;
  Tensor lr;                       ///< scalar "lr"
  std::vector<Tensor> parameters;  ///< any shape
  std::vector<Tensor> gradients;   ///< shapes of the parameters, clipped
  Targets targets;                 ///< outputs loss and, with clip_norm, the norm; no updates yet
};

/// Checks the loss and the bounds, differentiates, clips. Throws InvalidGraph as `minimize` says.
Problem prepare(Tensor loss, float lr, const Clip& clip);

/// A zero state shaped like parameter i, named "<stem>.<i>.<name of the parameter>".
Tensor moment(Problem& problem, const std::string& stem, std::size_t i);

}  // namespace volute::optim
