// Targets and optimisers through volute.h.
// Invariant: a field an optimiser does not have is refused, not ignored.
#include <volute/optim.hpp>

#include "engine/c/handles.hpp"

using namespace volute;
using namespace volute::c;

namespace {

float or_default(float value, float standard) { return value == VOLUTE_ZERO ? 0.0f : value ? value : standard; }

/// Fills an optimiser field by field, and then finds the fields nothing asked for.
class Fields {
 public:
  explicit Fields(const volute_optimizer& given) : given_(given), left_(given) {}

  void take(float& to, float volute_optimizer::*field) {
    to = or_default(given_.*field, to);
    left_.*field = 0.0f;
  }
  void take(bool& to, std::int32_t volute_optimizer::*field) {
    to = given_.*field != 0;
    left_.*field = 0;
  }
  void refuse_rest(const std::string& optimizer) const {
    const std::pair<const char*, bool> rest[] = {
        {"beta1", left_.beta1 != 0},       {"beta2", left_.beta2 != 0},
        {"eps", left_.eps != 0},           {"momentum", left_.momentum != 0},
        {"dampening", left_.dampening != 0}, {"nesterov", left_.nesterov != 0},
        {"alpha", left_.alpha != 0},       {"centered", left_.centered != 0},
        {"lr_decay", left_.lr_decay != 0}, {"initial_accumulator", left_.initial_accumulator != 0}};
    for (const auto& [name, set] : rest)
      if (set) refuse("optimizer", "is " + optimizer + ", which has no " + name);
  }

 private:
  const volute_optimizer& given_;
  volute_optimizer left_;
};

template <class Chosen>
Chosen common(Fields& fields) {
  Chosen to;
  fields.take(to.lr, &volute_optimizer::lr);
  fields.take(to.weight_decay, &volute_optimizer::weight_decay);
  return to;
}

template <class Chosen>
Chosen adam(Fields& fields) {
  auto to = common<Chosen>(fields);
  fields.take(to.beta1, &volute_optimizer::beta1);
  fields.take(to.beta2, &volute_optimizer::beta2);
  fields.take(to.eps, &volute_optimizer::eps);
  return to;
}

SGD sgd(Fields& fields) {
  auto to = common<SGD>(fields);
  fields.take(to.momentum, &volute_optimizer::momentum);
  fields.take(to.dampening, &volute_optimizer::dampening);
  fields.take(to.nesterov, &volute_optimizer::nesterov);
  return to;
}

RMSprop rmsprop(Fields& fields) {
  auto to = common<RMSprop>(fields);
  fields.take(to.alpha, &volute_optimizer::alpha);
  fields.take(to.eps, &volute_optimizer::eps);
  fields.take(to.momentum, &volute_optimizer::momentum);
  fields.take(to.centered, &volute_optimizer::centered);
  return to;
}

Adagrad adagrad(Fields& fields) {
  auto to = common<Adagrad>(fields);
  fields.take(to.eps, &volute_optimizer::eps);
  fields.take(to.lr_decay, &volute_optimizer::lr_decay);
  fields.take(to.initial_accumulator, &volute_optimizer::initial_accumulator);
  return to;
}

Optimizer need_optimizer(const volute_optimizer* given) {
  static const char* const names[] = {"ADAM", "ADAMW", "SGD", "RMSPROP", "ADAGRAD"};
  const volute_optimizer o = need_options(given, "optimizer");
  Fields fields(o);
  Optimizer to;
  switch (o.kind) {
    case VOLUTE_ADAM: to = adam<Adam>(fields); break;
    case VOLUTE_ADAMW: to = adam<AdamW>(fields); break;
    case VOLUTE_SGD: to = sgd(fields); break;
    case VOLUTE_RMSPROP: to = rmsprop(fields); break;
    case VOLUTE_ADAGRAD: to = adagrad(fields); break;
    default: refuse("optimizer", "has no kind " + std::to_string(o.kind));
  }
  fields.refuse_rest(names[o.kind]);
  return to;
}

Precision need_precision(volute_precision precision) { return need_enum(precision, Precision::bf16, "precision"); }

MinimizeOptions minimize_options(const volute_minimize_options* given) {
  const volute_minimize_options o = need_options(given, "options");
  MinimizeOptions to;
  if (o.accumulate) to.accumulate = o.accumulate;
  if (o.clip_norm) to.clip_norm = o.clip_norm;
  if (o.clip_value) to.clip_value = o.clip_value;
  if (o.name) to.name = o.name;
  to.precision = need_precision(o.precision);
  to.non_finite = need_enum(o.non_finite, NonFinite::stop, "non_finite");
  return to;
}

/// Throws unless the tensor is of the graph.
Tensor need_tensor_of(const Graph& graph, volute_tensor tensor, const char* name) {
  const Tensor found = need_tensor(tensor, name);
  if (graph_of(found).data() != graph.data())
    throw InvalidGraph(std::string("targets: ") + name + " " + found.shape().str() + " is of another graph");
  return found;
}

}  // namespace

extern "C" {

volute_status volute_targets_create(const volute_tensor* outputs, std::uint32_t count, volute_targets** targets) {
  return guard(__func__, [&] {
    if (!count) refuse("count", "is 0; targets need an output");
    std::vector<Tensor> all = need_tensors(outputs, count, "outputs");
    need(targets, "targets");
    Graph graph = graph_of(all[0]);
    for (std::uint32_t i = 0; i < count; ++i) need_tensor_of(graph, outputs[i], "output");
    give(targets, std::move(graph), Targets(std::move(all)));
  });
}

volute_status volute_minimize(volute_tensor loss, const volute_optimizer* optimizer,
                              const volute_minimize_options* options, volute_targets** targets) {
  return guard(__func__, [&] {
    const Tensor of = need_tensor(loss, "loss");
    const Optimizer chosen = need_optimizer(optimizer);
    const MinimizeOptions to = minimize_options(options);
    need(targets, "targets");
    give(targets, graph_of(of), minimize(of, chosen, to));
  });
}

volute_status volute_targets_add_output(volute_targets* targets, volute_tensor output) {
  return guard(__func__, [&] {
    volute_targets& to = need(targets, "targets");
    std::vector<Tensor>& outputs = to.targets.outputs;
    const Tensor added = need_tensor_of(to.graph, output, "output");
    if (std::find(outputs.begin(), outputs.end(), added) == outputs.end()) outputs.push_back(added);
  });
}

volute_status volute_targets_merge(volute_targets* targets, const volute_targets* other) {
  return guard(__func__, [&] {
    volute_targets& to = need(targets, "targets");
    const volute_targets& from = need(other, "other");
    if (to.graph.data() != from.graph.data()) throw InvalidGraph("targets: the others are of another graph");
    to.targets = merge({to.targets, from.targets});
  });
}

volute_status volute_targets_set_precision(volute_targets* targets, volute_precision precision) {
  return guard(__func__, [&] {
    volute_targets& to = need(targets, "targets");
    if (!to.targets.updates.empty()) throw InvalidGraph("targets: they train; precision is an option of minimize");
    to.targets.precision = need_precision(precision);
  });
}

void volute_targets_destroy(volute_targets* targets) { delete targets; }

}  // extern "C"
