// What watches a metric from the host: the plateau schedule and early stopping.
// Invariant: a metric that is not a number is never progress, whichever way the goal points.

#include <algorithm>
#include <cmath>

#include <volute/optim.hpp>

namespace volute {
namespace {

double worst(Goal goal) {
  const double infinity = std::numeric_limits<double>::infinity();
  return goal == Goal::lowest ? infinity : -infinity;
}

}  // namespace

Plateau::Plateau(double lr, PlateauOptions options) : options_(options), state_{lr, worst(options.goal)} {
  const auto require = [](bool holds, const char* text, double got) {
    if (!holds) throw InvalidGraph(std::string("plateau: ") + text + ", got " + std::to_string(got));
  };
  require(lr >= 0 && std::isfinite(lr), "lr must be finite and not negative", lr);
  require(options.factor > 0 && options.factor < 1, "factor must be between 0 and 1", options.factor);
  require(options.patience >= 0, "patience must not be negative", options.patience);
  require(options.threshold >= 0, "threshold must not be negative", options.threshold);
  require(options.cooldown >= 0, "cooldown must not be negative", options.cooldown);
  require(options.least >= 0, "least must not be negative", options.least);
  require(options.eps >= 0, "eps must not be negative", options.eps);
}

bool Plateau::better(double metric) const {
  const double best = state_.best;
  const double margin = options_.relative && std::isfinite(best) ? options_.threshold * best : options_.threshold;
  return options_.goal == Goal::lowest ? metric < best - margin : metric > best + margin;
}

float Plateau::observe(double metric) {
  if (better(metric)) {
    state_.best = metric;
    state_.bad = 0;
  } else {
    ++state_.bad;
  }
  if (state_.cooling > 0) {
    --state_.cooling;
    state_.bad = 0;
  }
  if (state_.bad > options_.patience) {
    const double reduced = std::max(state_.lr * options_.factor, options_.least);
    if (state_.lr - reduced > options_.eps) state_.lr = reduced;
    state_.cooling = options_.cooldown;
    state_.bad = 0;
  }
  return lr();
}

EarlyStopping::EarlyStopping(EarlyStoppingOptions options)
    : options_(std::move(options)), state_{worst(options_.goal)} {
  if (options_.patience < 1)
    throw InvalidGraph("early stopping: patience must be at least 1, got " + std::to_string(options_.patience));
  if (!(options_.min_delta >= 0))
    throw InvalidGraph("early stopping: min_delta must not be negative, got " + std::to_string(options_.min_delta));
}

bool EarlyStopping::observe(double metric) {
  const double gain = options_.goal == Goal::lowest ? state_.best - metric : metric - state_.best;
  const bool progress = gain > options_.min_delta;
  std::vector<std::vector<float>> values;  // read before anything changes: a device may fail to give them
  if (progress)
    for (const Parameter& parameter : options_.keep) values.push_back(parameter.values());
  const std::int64_t look = state_.looks++;
  if (!progress) {
    ++state_.waited;
    return false;
  }
  state_.best = metric;
  state_.best_look = look;
  state_.waited = 0;
  state_.kept = std::move(values);
  return true;
}

void EarlyStopping::restore() {
  if (state_.kept.empty()) throw InvalidGraph("early stopping: no parameters were kept to restore");
  for (std::size_t i = 0; i < state_.kept.size(); ++i) options_.keep[i].set(state_.kept[i]);
}

void EarlyStopping::restore(State state) {
  bool fits = state.kept.empty() || state.kept.size() == options_.keep.size();
  for (std::size_t i = 0; fits && i < state.kept.size(); ++i)
    fits = static_cast<std::int64_t>(state.kept[i].size()) == options_.keep[i].shape().elements();
  if (!fits) throw InvalidGraph("early stopping: the values kept are not those of the parameters to keep");
  state_ = std::move(state);
}

}  // namespace volute
