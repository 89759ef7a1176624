// Words of the schema to types of the engine.
#include "tools/train/optimizer.hpp"

namespace volute::tool {
namespace {

template <class Kind>
Optimizer with_decay(Kind optimizer, const Json& t) {
  optimizer.lr = t["lr"];
  if (t.contains("weight_decay")) optimizer.weight_decay = t["weight_decay"];
  if constexpr (requires { optimizer.momentum; }) optimizer.momentum = t["momentum"];
  return optimizer;
}

}  // namespace

Optimizer make_optimizer(const Json& t) {
  const std::string kind = t["optimizer"];
  if (kind == "sgd") return with_decay(SGD{}, t);
  if (kind == "adamw") return with_decay(AdamW{}, t);
  if (kind == "rmsprop") return with_decay(RMSprop{}, t);
  if (kind == "adagrad") return with_decay(Adagrad{}, t);
  return with_decay(Adam{}, t);
}

MinimizeOptions make_minimize(const Json& t) {
  MinimizeOptions how;
  if (const float bound = t["clip_norm"]; bound > 0) how.clip_norm = bound;
  how.accumulate = t["accumulate"];
  const std::string precision = t["precision"], non_finite = t["non_finite"];
  how.precision = precision == "f16" ? Precision::f16 : precision == "bf16" ? Precision::bf16 : Precision::f32;
  how.non_finite = non_finite == "off"    ? NonFinite::off
                   : non_finite == "warn" ? NonFinite::warn
                   : non_finite == "skip" ? NonFinite::skip
                                          : NonFinite::stop;
  return how;
}

Schedule make_schedule(const Json& t, std::int64_t steps) {
  const std::string kind = t["schedule"];
  const double lr = t["lr"];
  const std::int64_t warm_up = t["warm_up"];
  if (kind == "one_cycle") return Schedule::one_cycle(lr, steps);
  Schedule main = Schedule::constant(lr);
  if (kind == "step") main = Schedule::step(lr, t["step_size"], t["gamma"]);
  if (kind == "cosine") main = Schedule::cosine(lr, std::max<std::int64_t>(steps - warm_up, 1), t["least_lr"]);
  return warm_up > 0 ? Schedule::warm_up(warm_up, main) : main;
}

bool depends_on_length(const Json& t) { return t["schedule"] == "cosine" || t["schedule"] == "one_cycle"; }

}  // namespace volute::tool
