// Gradients for the optimisers: groups, accumulation over runs, clipping by value and by global norm, all in
// public operations, so they run inside the recorded step. Invariant: bounds and rates are scalars of the
// program, read anew at each run; the order of parameters is that in which they were added to the graph.

#include "engine/optim/problem.hpp"

#include <algorithm>
#include <cmath>

namespace volute::optim {
namespace {

void check(Tensor loss, float lr, const MinimizeOptions& options) {
  if (!loss || loss.dtype() != DType::f32 || loss.rank() != 0)
    throw InvalidGraph(std::string("minimize: the loss must be a f32 scalar, got ") +
                       (loss ? name_of(loss.dtype()) + (" " + loss.shape().str()) : "an empty tensor"));
  require_not_negative("minimize: lr", lr);
  // Infinity is allowed: it turns clipping off, and the norm is still an output.
  if (options.clip_norm && !(*options.clip_norm > 0.0f))
    throw InvalidGraph("minimize: clip_norm must be positive, got " + std::to_string(*options.clip_norm));
  if (options.clip_value && !(*options.clip_value > 0.0f))
    throw InvalidGraph("minimize: clip_value must be positive, got " + std::to_string(*options.clip_value));
  const bool fits = !options.weight || (options.weight.dtype() == DType::f32 && options.weight.rank() == 0);
  if (!fits)
    throw InvalidGraph(std::string("minimize: the weight must be a f32 scalar, got ") +
                       name_of(options.weight.dtype()) + " " + options.weight.shape().str());
  // Counted in f32, which is exact so far.
  if (options.accumulate < 1 || options.accumulate > (1 << 24))
    throw InvalidGraph("minimize: accumulate must be 1 to 16777216 runs, got " + std::to_string(options.accumulate));
}

std::string name_of_group(const Group& group, std::size_t i) {
  return group.name.empty() ? std::to_string(i) : group.name;
}

void check(const Group& group, const std::string& what) {
  if (group.parameters.empty()) throw InvalidGraph(what + " has no parameters");
  require_not_negative(what + ": lr_scale", group.lr_scale);
  if (group.lr) require_not_negative(what + ": lr", *group.lr);
  if (group.weight_decay) require_not_negative(what + ": weight_decay", *group.weight_decay);
  if (group.lr && group.lr_scale != 1.0f)
    throw InvalidGraph(what + ": lr " + std::to_string(*group.lr) + " and lr_scale " + std::to_string(group.lr_scale) +
                       " exclude each other");
}

/// The group of each parameter, or -1.
std::vector<int> assign_groups(Graph& graph, const std::vector<Tensor>& parameters, const std::vector<Group>& groups) {
  std::vector<int> group_of(parameters.size(), -1);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::string what = "minimize: group \"" + name_of_group(groups[i], i) + "\"";
    check(groups[i], what);
    for (std::size_t j = 0; j < i; ++j)
      if (name_of_group(groups[j], j) == name_of_group(groups[i], i)) throw InvalidGraph(what + " exists twice");
    for (const Parameter& parameter : groups[i].parameters) {
      const auto found = std::find(parameters.begin(), parameters.end(), graph.parameter(parameter));
      if (found == parameters.end())
        throw InvalidGraph(what + ": the loss does not depend on parameter \"" + parameter.name() + "\" " +
                           parameter.shape().str());
      int& group = group_of[found - parameters.begin()];
      if (group >= 0)
        throw InvalidGraph(what + ": parameter \"" + parameter.name() + "\" is already in group \"" +
                           name_of_group(groups[group], group) + "\"");
      group = static_cast<int>(i);
    }
  }
  return group_of;
}

/// A scalar of the program; its name must be free.
Tensor scalar(Problem& problem, const std::string& name, float value) {
  const std::string full = problem.prefix + name;
  if (problem.graph.has(full))
    throw InvalidGraph("minimize: the graph already has an input named \"" + full +
                       "\"; give each minimize of a graph its own MinimizeOptions::name");
  return problem.graph.scalar(full, value);
}

/// Parameters with their rates and decays, frozen ones left out; gradients follow.
void select(Problem& problem, const std::vector<Tensor>& parameters, float lr, float weight_decay,
            const std::vector<Group>& groups) {
  const std::vector<int> group_of = assign_groups(problem.graph, parameters, groups);
  Tensor common = scalar(problem, "lr", lr);  // []
  std::vector<Tensor> rates;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    Tensor rate = common;
    if (groups[i].lr && !groups[i].frozen) rate = scalar(problem, "lr." + name_of_group(groups[i], i), *groups[i].lr);
    if (groups[i].lr_scale != 1.0f) rate = common * groups[i].lr_scale;
    rates.push_back(rate);
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Group* group = group_of[i] < 0 ? nullptr : &groups[group_of[i]];
    if (group && group->frozen) continue;
    const std::string suffix = "." + std::to_string(i) + "." + label(parameters[i]);
    problem.trained.push_back({parameters[i], {}, group ? rates[group_of[i]] : common,
                               group && group->weight_decay ? *group->weight_decay : weight_decay, suffix});
  }
  if (problem.trained.empty()) throw InvalidGraph("minimize: every parameter of the loss is frozen");
}

// t = updates made + 1. A program that updates in every run counts its runs already.
void count_updates(Problem& problem) {
  if (!problem.apply && !problem.states) {
    problem.t = to_f32(problem.graph.step()) + 1.0f;  // []
    return;
  }
  Tensor updates = problem.state("updates", {});
  problem.t = updates + 1.0f;
  problem.update(updates, problem.t);
}

// g = d(scale weight loss)/dp. A gradient then needs no work of its own before it travels, and goes as soon as the
// product that ends in it has written some of its rows.
void differentiate(Problem& problem, Tensor loss, Tensor scale, Tensor weight) {
  if (scale) loss = loss * scale;
  if (weight) loss = loss * stop_gradient(weight);
  std::vector<Tensor> wrt;
  for (const Trained& each : problem.trained) wrt.push_back(each.p);
  const std::vector<Tensor> all = gradients(loss, wrt);
  for (std::size_t i = 0; i < all.size(); ++i) problem.trained[i].g = all[i];
}

// g = sum over ranks of g / ranks; with a weight it is divided once runs are accumulated
void sum_ranks(Problem& problem, bool weighted) {
  const Tensor ranks = weighted ? Tensor() : sum_over_ranks(problem.graph.full({}, 1.0f));  // []
  for (Trained& each : problem.trained) each.g = weighted ? sum_over_ranks(each.g) : sum_over_ranks(each.g) / ranks;
}

/// The sum of all runs since the last update, this one included; from 0 again after an update.
Tensor sum_of_runs(Problem& problem, Tensor before, Tensor value) {
  Tensor after = before + value;
  problem.targets.updates.push_back({before, where(problem.apply, problem.graph.full({}, 0.0f), after)});
  return after;
}

// count = count + 1, back to 0 in the run that updates;  g = sum of g / runs, or / sum of weight
void accumulate(Problem& problem, int runs, Tensor weight) {
  Graph& graph = problem.graph;
  Tensor total = weight ? sum_over_ranks(weight) : graph.full({}, static_cast<float>(runs));  // []
  if (runs > 1) {
    Tensor count = problem.state("accumulate.count", {});
    problem.apply = equal(count + 1.0f, graph.full({}, static_cast<float>(runs)));  // []
    sum_of_runs(problem, count, graph.full({}, 1.0f));
    if (weight) total = sum_of_runs(problem, problem.state("accumulate.weight", {}), total);
    for (Trained& each : problem.trained)
      each.g = sum_of_runs(problem, problem.moment("accumulate.sum", each), each.g);
  }
  if (runs > 1 || weight)
    for (Trained& each : problem.trained) each.g = each.g / total;
}

// g = min(max(g, -bound), bound)
void clip_by_value(Problem& problem, Tensor bound) {
  for (Trained& each : problem.trained) each.g = minimum(maximum(each.g, -bound), bound);
}

// norm = sqrt(sum of g^2 over all gradients);  g = g min(1, bound / (norm + 1e-6))
Tensor clip_by_norm(Problem& problem, Tensor bound) {
  Tensor norm = sqrt(problem.squares());                                               // []
  Tensor coefficient = minimum(problem.graph.full({}, 1.0f), bound / (norm + 1e-6f));  // []
  for (Trained& each : problem.trained) each.g = each.g * coefficient;
  return norm;
}

/// Gradients that a loss scale is there to try out are not watched.
void watch(Problem& problem, Tensor loss, NonFinite policy, const std::optional<LossScale>& scaling) {
  problem.targets.non_finite = policy;
  if (policy == NonFinite::off) return;
  problem.targets.watched.push_back({problem.prefix + "loss", loss});
  if (scaling && (scaling->growth != 1.0f || scaling->backoff != 1.0f)) return;
  problem.targets.watched.push_back({problem.prefix + "squared gradient norm", problem.squares()});
}

}  // namespace

void require_range(const std::string& what, double value, double low, double high) {
  if (!(value >= low && value < high))
    throw InvalidGraph(what + " must be in [" + std::to_string(low) + ", " + std::to_string(high) + "), got " +
                       std::to_string(value));
}

void require_not_negative(const std::string& what, double value) {
  if (!(value >= 0) || !std::isfinite(value))
    throw InvalidGraph(what + " must be finite and not negative, got " + std::to_string(value));
}

Tensor decayed(const Trained& of) {
  return of.weight_decay == 0.0f ? of.g : of.g + of.p * of.weight_decay;
}

Tensor Problem::moment(const std::string& stem, const Trained& of, float initial) {
  return state(stem + of.suffix, of.p.shape(), initial);
}

Tensor Problem::state(const std::string& name, const Shape& shape, float initial) {
  if (states) return graph.parameter(states->get(prefix + name, shape, initial));
  return graph.state(prefix + name, shape, initial);
}

void Problem::update(Tensor target, Tensor value) {
  targets.updates.push_back({target, apply ? where(apply, value, target) : value});
}

Tensor Problem::squares() const {
  Tensor squares;
  for (const Trained& each : trained) {
    Tensor part = sum(each.g * each.g);  // []
    squares = squares ? squares + part : part;
  }
  return squares;
}

Problem prepare(Tensor loss, float lr, float weight_decay, const MinimizeOptions& options) {
  check(loss, lr, options);
  const std::vector<Tensor> parameters = parameters_of(loss);
  if (parameters.empty()) throw InvalidGraph("minimize: the loss depends on no parameter");
  Problem problem{graph_of(loss), {}, {}, {}, Targets(loss), options.name.empty() ? "" : options.name + ".",
                  options.states};
  select(problem, parameters, lr, weight_decay, options.groups);
  problem.targets.precision = options.precision;
  std::optional<LossScale> scaling = options.loss_scale;
  if (!scaling && options.precision == Precision::f16) scaling = LossScale{};
  if (scaling) check(*scaling);
  Tensor scale;  // []
  if (scaling) scale = problem.state("loss_scale", {}, scaling->initial);
  differentiate(problem, loss, scale, options.weight);
  sum_ranks(problem, static_cast<bool>(options.weight));
  if (scale)
    for (Trained& each : problem.trained) each.g = each.g * (1.0f / scale);
  accumulate(problem, options.accumulate, options.weight);
  watch(problem, options.weight ? mean_over_ranks(loss, options.weight) : mean_over_ranks(loss), options.non_finite,
        scaling);
  if (scaling) keep_finite(problem, *scaling, scale);
  count_updates(problem);
  if (options.clip_value) clip_by_value(problem, scalar(problem, "clip_value", *options.clip_value));
  if (options.clip_norm)
    problem.targets.outputs.push_back(clip_by_norm(problem, scalar(problem, "clip_norm", *options.clip_norm)));
  return problem;
}

}  // namespace volute::optim
