// Ways to run a loop; see steps.hpp. Products ride with the pointwise kernel that follows them, also over the end of
// a step: what ends step t then shares a dispatch with what begins step t + 1.

#include "engine/compile/steps.hpp"

#include <algorithm>

#include "engine/compile/locality.hpp"

namespace volute {
namespace {

// What a dispatch and its barrier cost, in multiplications of a product on one core (lavapipe: 9 us, 25e9 a second).
constexpr double kLaunchCost = 2.25e5;
// Longest a walk may stay in one dispatch, in products' operations: 3 ms at 80 GFLOP/s (lavapipe on two cores), between
// which a step can pause. Pieces of 1 ms cost a step of an LSTM of 256 over 150 steps 4 % more than pieces of 12 ms.
constexpr double kWalkFlops = 2.5e8;

constexpr std::int64_t kTimedSteps = 8;

void shift(Moving& offset, std::int64_t steps) { offset.phase += steps; }

/// The stage as it is run `steps` later in the order of time.
Stage shifted(Stage stage, std::int64_t steps) {
  shift(stage.product->a.view.offset, steps);
  shift(stage.product->b.view.offset, steps);
  shift(stage.product->c.offset, steps);
  return stage;
}

/// The dispatch as it is at one step of its loop, to be run outside of it.
Lowered at_step(const Lowered& lowered, std::int64_t t) {
  Dispatch dispatch = lowered.dispatch;
  for (Moving& word : dispatch.push) word = {word.at(t), 0, 0, 0};
  for (Touch& touch : dispatch.touches) touch.moves = false;
  return {dispatch, {}};
}

/// The dispatch for the step before, in the order of running.
Lowered one_earlier(const Lowered& lowered, bool reverse) {
  Dispatch dispatch = lowered.dispatch;
  for (Moving& word : dispatch.push) shift(word, reverse ? 1 : -1);
  return {dispatch, {}};
}

class LoopLowering {
 public:
  LoopLowering(const Unit& loop, Layout& layout, const KernelTarget& target, Tuner* tuner,
               const std::function<void(const Unit&, std::vector<Lowered>&)>& plain,
               std::vector<LoweredSection>& sections)
      : loop_(loop), scan_(*loop.anchor->scan), layout_(layout), target_(target), tuner_(tuner), plain_(plain),
        sections_(sections) {}

  void run() {
    for (const Unit& unit : loop_.body) stages_.push_back(stage_of(unit));
    if (target_.scans != Scans::unrolled) walk_ = walk_kernel();
    const bool either = walk_ && target_.scans == Scans::automatic;
    if (either && tuner_) return by_timing();
    const bool walks = either ? target_.matmul == "texel" && walk_cost() < unrolled_cost() : walk_.has_value();
    for (LoweredSection& section : walks ? walk(scan_.length) : unrolled()) sections_.push_back(std::move(section));
  }

 private:
  struct Group {
    std::size_t unit = 0;
    std::optional<Dispatch> joined;  ///< the unit, a product, and the pointwise unit after it
  };

  std::optional<Stage> stage_of(const Unit& unit) const {
    if (!has_stages(target_)) return std::nullopt;
    const auto view = [this](const Node* node) { return layout_.view(node); };
    Stage stage;
    if (unit.kind == Unit::Kind::matmul) {
      const auto a = matrix_operand(view(unit.anchor->inputs[0])), b = matrix_operand(view(unit.anchor->inputs[1]));
      const View c = view(unit.anchor);
      if (c.shape.rank() != 2 || !a || !b || a->transposed || matmul_splits(*a, *b, target_) > 1) return std::nullopt;
      stage.product = ProductStage{*a, *b, c};
      return stage;
    }
    if (unit.kind != Unit::Kind::fused || unit.nodes[0]->shape.rank() != 2) return std::nullopt;
    stage.pointwise = kernel_of(unit, layout_);
    return stage;
  }

  // Walking

  std::optional<StagedKernel> walk_kernel() const {
    StagedKernel kernel;
    kernel.steps = scan_.length;
    kernel.reverse = scan_.reverse;
    for (const auto& stage : stages_) {
      if (!stage) return std::nullopt;
      const std::int64_t rows =
          stage->product ? stage->product->c.shape[0] : stage->pointwise.nodes.back()->shape[0];
      if (!kernel.stages.empty() && rows != kernel.rows) return std::nullopt;
      kernel.rows = rows;
      kernel.stages.push_back(*stage);
    }
    const bool local = !kernel.stages.empty() && is_row_local(kernel.stages, kernel.rows);
    if (!local || most_steps(kernel, target_) < 1) return std::nullopt;
    kernel.steps_per_dispatch = 1;
    if (!fits(staged_dispatch(kernel, target_), target_)) return std::nullopt;
    return kernel;
  }

  /// Both ways for a few steps, timed.
  void by_timing() {
    std::vector<LoweredSection> ways[] = {unrolled(), walk(kTimedSteps)};
    std::vector<Candidate> candidates{{"unrolled", {}, 1}, {"persistent", {}, 1}};
    std::string key = "loop";
    for (std::size_t w = 0; w < 2; ++w) {
      for (const LoweredSection& each : ways[w]) {
        Section section = each.loop;
        section.length = std::min(section.length, w ? 1 : kTimedSteps);
        // What a turned loop does before and after is a step, too.
        const std::int64_t steps = w ? each.steps_a_dispatch : section.length + section.begin;
        if (each.repeats()) candidates[w].scale = static_cast<double>(scan_.length) / static_cast<double>(steps);
        for (const Lowered& lowered : each.dispatches) {
          section.dispatches.push_back(lowered.dispatch);
          key += "; " + lowered.dispatch.label;
        }
        candidates[w].sections.push_back(std::move(section));
      }
    }
    const Choice choice = tuner_->pick(key, candidates);
    if (choice.index == 1) ways[1] = walk(scan_.length);
    for (LoweredSection& section : ways[choice.index]) {
      for (Lowered& lowered : section.dispatches)
        if (choice.timed && section.repeats()) lowered.dispatch.choice = "timed";
      sections_.push_back(std::move(section));
    }
  }

  double depth_of(const Stage& stage) const {
    return stage.product ? static_cast<double>(stage.product->a.view.shape[-1]) : 1.0;
  }

  /// Costs of a step; of products only, pointwise work is the same either way.
  double walk_cost() const {
    double cost = 0;
    for (const Stage& stage : walk_->stages) {
      StagedKernel one;
      one.rows = walk_->rows;
      one.stages = {stage};
      if (stage.product) cost += staged_cost(one, target_) * depth_of(stage);
    }
    return cost;
  }

  double unrolled_cost() const {
    double cost = 0;
    for (const auto& stage : stages_) {
      StagedKernel one;
      one.rows = walk_->rows;
      one.width = stage->product ? stage->product->c.shape[-1] : 0;
      one.stages = {*stage};
      cost += stage->product ? staged_cost(one, target_) * depth_of(*stage) + kLaunchCost : 0;
    }
    return cost;
  }

  /// Not more than `most_at_once` steps a dispatch.
  std::vector<LoweredSection> walk(std::int64_t most_at_once) const {
    StagedKernel kernel = *walk_;
    double flops = 0;  // of a step
    for (const Stage& stage : kernel.stages)
      if (stage.product)
        flops += 2.0 * static_cast<double>(kernel.rows * stage.product->c.shape[-1]) * depth_of(stage);
    const auto bounded = static_cast<std::int64_t>(std::max(1.0, kWalkFlops / std::max(flops, 1.0)));
    const std::int64_t most = std::min({kernel.steps, most_at_once, most_steps(kernel, target_), bounded});
    const std::int64_t chunks = (kernel.steps + most - 1) / most;
    kernel.steps_per_dispatch = (kernel.steps + chunks - 1) / chunks;
    LoweredSection section;
    section.loop.length = (kernel.steps + kernel.steps_per_dispatch - 1) / kernel.steps_per_dispatch;
    section.loop.steps = section.loop.length;
    section.loop.walked = kernel.steps;
    section.loop.walks_back = kernel.reverse;
    section.steps_a_dispatch = kernel.steps_per_dispatch;
    section.dispatches.push_back({staged_dispatch(kernel, target_), {}});
    return {section};
  }

  // Unrolling

  std::optional<Dispatch> joined(const Stage& product, const Stage& pointwise) const {
    StagedKernel kernel;
    kernel.rows = product.product->c.shape[0];
    kernel.gates = gates_shared(product, pointwise);
    if (!kernel.gates) return std::nullopt;
    kernel.width = product.product->c.shape[-1] / kernel.gates;
    kernel.stages = {product, pointwise};
    if (most_steps(kernel, target_) < 1) return std::nullopt;
    Dispatch dispatch = staged_dispatch(kernel, target_);
    if (!fits(dispatch, target_)) return std::nullopt;
    return dispatch;
  }

  bool is_product(std::size_t i) const { return stages_[i] && stages_[i]->product; }
  bool is_pointwise(std::size_t i) const { return stages_[i] && !stages_[i]->product; }

  std::vector<Group> groups() const {
    std::vector<Group> groups;
    for (std::size_t i = 0; i < stages_.size(); ++i) {
      Group group{i, std::nullopt};
      if (is_product(i) && i + 1 < stages_.size() && is_pointwise(i + 1)) {
        group.joined = joined(*stages_[i], *stages_[i + 1]);
        if (group.joined) ++i;
      }
      groups.push_back(std::move(group));
    }
    return groups;
  }

  /// The product that ends a step with the pointwise unit that begins the next.
  std::optional<Dispatch> over_the_end(const std::vector<Group>& groups) const {
    const std::size_t last = stages_.size() - 1;
    const bool fits = groups.size() > 1 && scan_.length > 1 && !groups.back().joined && is_product(last) &&
                      !groups.front().joined && is_pointwise(0);
    if (!fits) return std::nullopt;
    return joined(shifted(*stages_[last], scan_.reverse ? 1 : -1), *stages_[0]);
  }

  void emit(const Group& group, std::vector<Lowered>& out) const {
    if (group.joined) out.push_back({*group.joined, {}});
    else plain_(loop_.body[group.unit], out);
  }

  LoweredSection section() const {
    LoweredSection section;
    section.loop.length = section.loop.steps = scan_.length;
    section.loop.reverse = scan_.reverse;
    return section;
  }

  std::vector<LoweredSection> unrolled() const {
    const std::vector<Group> all = groups();
    if (all.empty()) return {};
    const auto rotated = over_the_end(all);
    LoweredSection loop = section();
    if (!rotated) {
      for (const Group& group : all) emit(group, loop.dispatches);
      if (loop.dispatches.empty()) return {};
      return {loop};
    }
    std::vector<Lowered> first, inner, last;
    emit(all.front(), first);
    for (std::size_t i = 1; i + 1 < all.size(); ++i) emit(all[i], inner);
    emit(all.back(), last);

    const std::int64_t t0 = scan_.reverse ? scan_.length - 1 : 0, end = scan_.length - 1 - t0;
    LoweredSection begin, finish;
    for (const Lowered& each : first) begin.dispatches.push_back(at_step(each, t0));
    for (const Lowered& each : inner) {
      finish.dispatches.push_back(at_step(each, end));
      loop.dispatches.push_back(one_earlier(each, scan_.reverse));
    }
    for (const Lowered& each : last) finish.dispatches.push_back(at_step(each, end));
    loop.dispatches.push_back({*rotated, {}});
    loop.loop.begin = 1;
    loop.loop.length = scan_.length - 1;
    return {begin, loop, finish};
  }

  const Unit& loop_;
  const Scan& scan_;
  Layout& layout_;
  const KernelTarget& target_;
  Tuner* tuner_;
  const std::function<void(const Unit&, std::vector<Lowered>&)>& plain_;
  std::vector<LoweredSection>& sections_;
  std::vector<std::optional<Stage>> stages_;
  std::optional<StagedKernel> walk_;
};

}  // namespace

void lower_loop(const Unit& loop, Layout& layout, const KernelTarget& target, Tuner* tuner,
                const std::function<void(const Unit&, std::vector<Lowered>&)>& plain,
                std::vector<LoweredSection>& sections) {
  LoopLowering(loop, layout, target, tuner, plain, sections).run();
}

}  // namespace volute
