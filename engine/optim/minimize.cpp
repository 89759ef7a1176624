// minimize: a loss, an optimiser and options become targets; merge puts several together.
// Invariant: EMA weights follow in the runs that update, from the parameters' new values.

#include <algorithm>

#include "engine/optim/problem.hpp"

namespace volute {
namespace {

// shadow = shadow + (1 - decay) (p - shadow)
void follow(optim::Problem& problem, const EMA& ema) {
  const std::vector<Update> updates = problem.targets.updates;
  bool any = false;
  for (std::size_t i = 0; i < ema.parameters().size(); ++i) {
    Tensor p = problem.graph.parameter(ema.parameters()[i]);
    const auto made = std::find_if(updates.begin(), updates.end(), [&](const Update& u) { return u.target == p; });
    if (made == updates.end()) continue;  // frozen, or of another loss: its average is itself
    Tensor shadow = problem.graph.parameter(ema.shadows()[i]);
    const float rate = static_cast<float>(1.0 - static_cast<double>(ema.decay()));
    problem.update(shadow, shadow + (made->value - shadow) * rate);
    any = true;
  }
  if (!any) throw InvalidGraph("minimize: ema follows no parameter that this loss trains");
}

}  // namespace

Targets minimize(Tensor loss, const Optimizer& optimizer, const MinimizeOptions& options) {
  return std::visit(
      [&](const auto& chosen) {
        optim::check(chosen);
        optim::Problem problem = optim::prepare(loss, chosen.lr, chosen.weight_decay, options);
        optim::apply(chosen, problem);
        if (options.ema) follow(problem, *options.ema);
        return problem.targets;
      },
      optimizer);
}

Targets merge(const std::vector<Targets>& targets) {
  Targets all;
  if (!targets.empty()) all.precision = targets[0].precision;
  for (const Targets& part : targets) {
    if (part.precision != all.precision)
      throw InvalidGraph(std::string("merge: one program has one precision, got ") + name_of(all.precision) + " and " +
                         name_of(part.precision));
    all.non_finite = std::max(all.non_finite, part.non_finite);
    for (const Watched& each : part.watched)
      if (std::none_of(all.watched.begin(), all.watched.end(), [&](const Watched& w) { return w.value == each.value; }))
        all.watched.push_back(each);
    for (Tensor output : part.outputs)
      if (std::find(all.outputs.begin(), all.outputs.end(), output) == all.outputs.end()) all.outputs.push_back(output);
    for (const Update& update : part.updates) {
      for (const Update& other : all.updates)
        if (other.target == update.target)
          throw InvalidGraph("merge: \"" + label(update.target) + "\" is updated twice");
      all.updates.push_back(update);
    }
  }
  return all;
}

}  // namespace volute
