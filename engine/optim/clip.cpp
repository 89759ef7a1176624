// Gradients for the optimisers, clipped by value and then by global norm with public operations, so clipping
// runs inside the recorded step. Invariant: bounds are scalars of the program, read anew at each run.

#include "engine/optim/clip.hpp"

namespace volute::optim {
namespace {

void check(Tensor loss, float lr, const Clip& clip) {
  if (!loss) throw InvalidGraph("minimize: the loss is an empty tensor");
  if (loss.dtype() != DType::f32 || loss.rank() != 0)
    throw InvalidGraph(std::string("minimize: the loss must be a f32 scalar, got ") + name_of(loss.dtype()) + " " +
                       loss.shape().str());
  if (!(lr >= 0.0f)) throw InvalidGraph("minimize: lr must not be negative, got " + std::to_string(lr));
  // Infinity is allowed: it turns clipping off, and the norm is still an output.
  if (clip.clip_norm && !(*clip.clip_norm > 0.0f))
    throw InvalidGraph("minimize: clip_norm must be positive, got " + std::to_string(*clip.clip_norm));
  if (clip.clip_value && !(*clip.clip_value > 0.0f))
    throw InvalidGraph("minimize: clip_value must be positive, got " + std::to_string(*clip.clip_value));
  if (graph_of(loss).has("lr"))
    throw InvalidGraph("minimize: the graph already has an input named \"lr\"; minimise one loss per graph");
}

// g = min(max(g, -bound), bound)
void clip_by_value(std::vector<Tensor>& gradients, Tensor bound) {
  for (Tensor& g : gradients) g = minimum(maximum(g, -bound), bound);
}

// norm = sqrt(sum of g^2 over all gradients);  g = g min(1, bound / (norm + 1e-6))
Tensor clip_by_norm(Graph& graph, std::vector<Tensor>& gradients, Tensor bound) {
  Tensor squares = sum(gradients[0] * gradients[0]);  // []
  for (std::size_t i = 1; i < gradients.size(); ++i) squares = squares + sum(gradients[i] * gradients[i]);
  Tensor norm = sqrt(squares);                                                 // []
  Tensor coefficient = minimum(graph.full({}, 1.0f), bound / (norm + 1e-6f));  // []
  for (Tensor& g : gradients) g = g * coefficient;
  return norm;
}

}  // namespace

Problem prepare(Tensor loss, float lr, const Clip& clip) {
  check(loss, lr, clip);
  Graph graph = graph_of(loss);
  std::vector<Tensor> parameters = parameters_of(loss);
  if (parameters.empty()) throw InvalidGraph("minimize: the loss depends on no parameter");
  Problem problem{graph, graph.scalar("lr", lr), parameters, gradients(loss, parameters), Targets(loss)};
  if (clip.clip_value) clip_by_value(problem.gradients, graph.scalar("clip_value", *clip.clip_value));
  if (clip.clip_norm)
    problem.targets.outputs.push_back(
        clip_by_norm(graph, problem.gradients, graph.scalar("clip_norm", *clip.clip_norm)));
  return problem;
}

Tensor moment(Problem& problem, const std::string& stem, std::size_t i) {
  Tensor parameter = problem.parameters[i];
  return problem.graph.state(stem + "." + std::to_string(i) + "." + label(parameter), parameter.shape());
}

}  // namespace volute::optim
