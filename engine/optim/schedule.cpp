// Learning rates as functions of the step; formulas of torch.optim.lr_scheduler in closed form.
// Invariant: a schedule has no memory, so a run that resumes at any step finds the same rate.

#include <algorithm>
#include <cmath>
#include <numbers>

#include <volute/optim.hpp>

namespace volute {
namespace {

void require_rate(const std::string& what, double value) {
  if (!(value >= 0) || !std::isfinite(value))
    throw InvalidGraph("schedule " + what + " must be finite and not negative, got " + std::to_string(value));
}

void require_length(const std::string& what, std::int64_t value) {
  if (value < 1) throw InvalidGraph("schedule " + what + " must be at least 1, got " + std::to_string(value));
}

void require_ascending(const std::string& what, const std::vector<std::int64_t>& milestones) {
  for (std::size_t i = 0; i < milestones.size(); ++i)
    if (milestones[i] < 1 || (i > 0 && milestones[i] <= milestones[i - 1]))
      throw InvalidGraph("schedule " + what + ": milestones must be positive and ascend, got " +
                         std::to_string(milestones[i]) + " at " + std::to_string(i));
}

/// From `from` at part 0 to `to` at part 1.
double half_cosine(double from, double to, double part) {
  return to + (from - to) / 2 * (1 + std::cos(std::numbers::pi * part));
}

/// A piece of OneCycle that ends at step `end` with rate `lr`. The end need not be a whole step.
struct Phase {
  double end;
  double lr;
};

std::vector<Phase> phases_of(double max_lr, std::int64_t length, const OneCycle& o) {
  const double first = max_lr / o.div_factor, last = first / o.final_div_factor,
               up = o.rising * static_cast<double>(length);
  const auto steps = static_cast<double>(length);
  if (o.three_phase) return {{up - 1, max_lr}, {2 * up - 2, first}, {steps - 1, last}};
  return {{up - 1, max_lr}, {steps - 1, last}};
}

double one_cycle_at(double from, const std::vector<Phase>& phases, bool linear, double step) {
  double begin = 0;
  for (const Phase& phase : phases) {
    if (step <= phase.end || &phase == &phases.back()) {
      const double part = phase.end > begin ? (step - begin) / (phase.end - begin) : 1.0;
      return linear ? from + (phase.lr - from) * part : half_cosine(from, phase.lr, part);
    }
    begin = phase.end;
    from = phase.lr;
  }
  return from;
}

}  // namespace

double Schedule::exact(std::int64_t step) const {
  if (step < 0) throw InvalidGraph("schedule: step " + std::to_string(step) + " does not exist");
  return lr_(step);
}

Schedule Schedule::constant(double lr) {
  require_rate("constant: lr", lr);
  return Schedule([=](std::int64_t) { return lr; });
}

Schedule Schedule::step(double lr, std::int64_t size, double gamma) {
  require_rate("step: lr", lr), require_length("step: size", size), require_rate("step: gamma", gamma);
  return Schedule([=](std::int64_t step) { return lr * std::pow(gamma, static_cast<double>(step / size)); });
}

Schedule Schedule::multi_step(double lr, std::vector<std::int64_t> milestones, double gamma) {
  require_rate("multi_step: lr", lr), require_rate("multi_step: gamma", gamma);
  require_ascending("multi_step", milestones);
  return Schedule([lr, gamma, milestones = std::move(milestones)](std::int64_t step) {
    const auto passed = std::upper_bound(milestones.begin(), milestones.end(), step) - milestones.begin();
    return lr * std::pow(gamma, static_cast<double>(passed));
  });
}

Schedule Schedule::exponential(double lr, double gamma) {
  require_rate("exponential: lr", lr), require_rate("exponential: gamma", gamma);
  return Schedule([=](std::int64_t step) { return lr * std::pow(gamma, static_cast<double>(step)); });
}

Schedule Schedule::cosine(double lr, std::int64_t length, double least) {
  require_rate("cosine: lr", lr), require_length("cosine: length", length), require_rate("cosine: least", least);
  return Schedule([=](std::int64_t step) {
    return half_cosine(lr, least, static_cast<double>(step) / static_cast<double>(length));
  });
}

Schedule Schedule::cosine_restarts(double lr, std::int64_t first, std::int64_t factor, double least) {
  require_rate("cosine_restarts: lr", lr), require_length("cosine_restarts: first", first);
  require_length("cosine_restarts: factor", factor), require_rate("cosine_restarts: least", least);
  return Schedule([=](std::int64_t step) {
    std::int64_t length = first;
    if (factor == 1) step %= length;
    while (step >= length) {
      step -= length;
      length *= factor;
    }
    return half_cosine(lr, least, static_cast<double>(step) / static_cast<double>(length));
  });
}

Schedule Schedule::linear(double lr, double start, double end, std::int64_t length) {
  require_rate("linear: lr", lr), require_rate("linear: start", start), require_rate("linear: end", end);
  require_length("linear: length", length);
  return Schedule([=](std::int64_t step) {
    const double part = static_cast<double>(std::min(step, length)) / static_cast<double>(length);
    return lr * (start + (end - start) * part);
  });
}

Schedule Schedule::one_cycle(double max_lr, std::int64_t length, OneCycle o) {
  require_rate("one_cycle: max_lr", max_lr), require_length("one_cycle: length", length);
  const double most = o.three_phase ? 0.5 : 1.0;
  if (!(o.rising >= 0 && o.rising <= most))
    throw InvalidGraph("schedule one_cycle: rising must be in [0, " + std::to_string(most) + "], got " +
                       std::to_string(o.rising));
  if (!(o.div_factor > 0) || !(o.final_div_factor > 0))
    throw InvalidGraph("schedule one_cycle: div_factor and final_div_factor must be positive, got " +
                       std::to_string(o.div_factor) + " and " + std::to_string(o.final_div_factor));
  return Schedule([=, phases = phases_of(max_lr, length, o)](std::int64_t step) {
    if (step >= length)
      throw InvalidGraph("schedule one_cycle: step " + std::to_string(step) + " is beyond a cycle of " +
                         std::to_string(length));
    return one_cycle_at(max_lr / o.div_factor, phases, o.linear, static_cast<double>(step));
  });
}

Schedule Schedule::sequential(std::vector<Schedule> parts, std::vector<std::int64_t> milestones) {
  if (parts.size() != milestones.size() + 1)
    throw InvalidGraph("schedule sequential: " + std::to_string(parts.size()) + " parts need one milestone less, got " +
                       std::to_string(milestones.size()));
  require_ascending("sequential", milestones);
  return Schedule([parts = std::move(parts), milestones = std::move(milestones)](std::int64_t step) {
    const auto part =
        static_cast<std::size_t>(std::upper_bound(milestones.begin(), milestones.end(), step) - milestones.begin());
    return parts[part].exact(part == 0 ? step : step - milestones[part - 1]);
  });
}

Schedule Schedule::warm_up(std::int64_t steps, Schedule then, double start) {
  require_length("warm_up: steps", steps);
  const double first = then.exact(0);
  return sequential({linear(first, start, 1, steps), std::move(then)}, {steps});
}

}  // namespace volute
