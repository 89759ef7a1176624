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

Plateau::Plateau(double lr, PlateauOptions options) : options_(options), lr_(lr), best_(worst(options.goal)) {
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
  const double margin = options_.relative && std::isfinite(best_) ? options_.threshold * best_ : options_.threshold;
  return options_.goal == Goal::lowest ? metric < best_ - margin : metric > best_ + margin;
}

float Plateau::observe(double metric) {
  if (better(metric)) {
    best_ = metric;
    bad_ = 0;
  } else {
    ++bad_;
  }
  if (cooling_ > 0) {
    --cooling_;
    bad_ = 0;
  }
  if (bad_ > options_.patience) {
    const double reduced = std::max(lr_ * options_.factor, options_.least);
    if (lr_ - reduced > options_.eps) lr_ = reduced;
    cooling_ = options_.cooldown;
    bad_ = 0;
  }
  return lr();
}

EarlyStopping::EarlyStopping(EarlyStoppingOptions options) : options_(std::move(options)), best_(worst(options_.goal)) {
  if (options_.patience < 1)
    throw InvalidGraph("early stopping: patience must be at least 1, got " + std::to_string(options_.patience));
  if (!(options_.min_delta >= 0))
    throw InvalidGraph("early stopping: min_delta must not be negative, got " + std::to_string(options_.min_delta));
}

bool EarlyStopping::observe(double metric) {
  const double gain = options_.goal == Goal::lowest ? best_ - metric : metric - best_;
  const bool progress = gain > options_.min_delta;
  const std::int64_t look = looks_++;
  if (!progress) {
    ++waited_;
    return false;
  }
  best_ = metric;
  best_look_ = look;
  waited_ = 0;
  kept_.clear();
  for (const Parameter& parameter : options_.keep) kept_.push_back(parameter.values());
  return true;
}

void EarlyStopping::restore() {
  if (kept_.empty()) throw InvalidGraph("early stopping: no parameters were kept to restore");
  for (std::size_t i = 0; i < kept_.size(); ++i) options_.keep[i].set(kept_[i]);
}

}  // namespace volute
