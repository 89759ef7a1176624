// Fewer dispatches by joining independent ones; see join.hpp. Later dispatches choose first, so that chains of equal
// length behind one another are joined end by end.

#include "engine/compile/join.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "engine/compile/memory.hpp"

namespace volute {
namespace {

/// CPU Vulkan runs every branch under a mask, so a part costs all workgroups its operations: so many of them,
/// summed over workgroups, take as long as a dispatch of their own.
constexpr double kMaskedOperations = 700;
constexpr std::uint64_t kSentAtOnce = 64 << 10;  ///< values for other ranks beyond which a dispatch is worth its time
constexpr std::uint64_t kSmallBytes = 4096;  ///< moved about without asking what it does to the peak

/// What memory may grow to for fewer dispatches: by a fiftieth, or by nothing worth speaking of.
std::uint64_t grown(std::uint64_t bytes) { return bytes + std::max<std::uint64_t>(bytes / 50, 64 << 10); }

bool conflict(const std::vector<Touch>& a, const std::vector<Touch>& b) {
  return std::any_of(a.begin(), a.end(), [&](const Touch& x) {
    return std::any_of(b.begin(), b.end(),
                       [&](const Touch& y) { return x.storage == y.storage && (x.write || y.write); });
  });
}

double workgroups(const Dispatch& dispatch) {
  return static_cast<double>(dispatch.groups[0]) * dispatch.groups[1] * dispatch.groups[2];
}

double operations(const Lowered& lowered) {
  std::size_t count = lowered.dispatch.touches.size();
  for (const FusedKernel& kernel : lowered.parts) count += kernel.nodes.size() + 1;
  return static_cast<double>(count);
}

/// A row of sections, each one step: a dispatch, or a whole loop, which only stands in the way.
class Joiner {
 public:
  /// `thrifty`: nothing but small tensors may live longer than they did.
  Joiner(std::vector<LoweredSection> steps, const KernelTarget& target, bool thrifty)
      : steps_(std::move(steps)), target_(target) {
    for (const LoweredSection& step : steps_) touches_.push_back(touches_of(step));
    if (!thrifty) most_ = grown(peak_of(lives()));
  }

  std::vector<LoweredSection> run() {
    for (std::size_t b = steps_.size(); b-- > 0;)
      while (join_one(b)) --b;
    return std::move(steps_);
  }

 private:
  static std::vector<Touch> touches_of(const LoweredSection& step) {
    std::vector<Touch> all;
    for (const Lowered& each : step.dispatches)
      all.insert(all.end(), each.dispatch.touches.begin(), each.dispatch.touches.end());
    return all;
  }

  /// Joins step b with one before it. Afterwards b - 1 is the number of the joint step, or of one to go on with.
  bool join_one(std::size_t b) {
    for (std::size_t a = b; a-- > 0;) {
      if (!may_share(steps_[a], steps_[b])) continue;
      const bool later = !sends(a) && free(a, a + 1, b + 1), earlier = !later && free(b, a, b);
      if (!later && !earlier) continue;
      auto joint = joined(steps_[a].dispatches[0], steps_[b].dispatches[0]);
      if (!joint || !affordable(a, b, later)) continue;
      const std::size_t stays = later ? b : a, goes = later ? a : b;
      steps_[stays].dispatches[0] = std::move(*joint);
      touches_[stays] = touches_of(steps_[stays]);
      steps_.erase(steps_.begin() + static_cast<std::ptrdiff_t>(goes));
      touches_.erase(touches_.begin() + static_cast<std::ptrdiff_t>(goes));
      return true;
    }
    return false;
  }

  /// Whether other ranks wait for much of what the step makes.
  bool sends(std::size_t step) const {
    return std::any_of(touches_[step].begin(), touches_[step].end(), [](const Touch& touch) {
      return touch.write && touch.storage->kind == Storage::Kind::exchanged && touch.storage->bytes > kSentAtOnce;
    });
  }

  /// Whether step `moved` conflicts with none of the steps begin to end - 1.
  bool free(std::size_t moved, std::size_t begin, std::size_t end) const {
    for (std::size_t k = begin; k < end; ++k)
      if (conflict(touches_[moved], touches_[k])) return false;
    return true;
  }

  bool may_share(const LoweredSection& a, const LoweredSection& b) const {
    if (a.repeats() || b.repeats()) return false;
    const Lowered &x = a.dispatches[0], &y = b.dispatches[0];
    if (x.parts.empty() || y.parts.empty()) return false;
    if (local_size(x.parts[0], target_) != local_size(y.parts[0], target_)) return false;
    const double masked = workgroups(x.dispatch) * operations(y) + workgroups(y.dispatch) * operations(x);
    return !target_.texel_loads || masked <= kMaskedOperations;
  }

  std::optional<Lowered> joined(const Lowered& a, const Lowered& b) const {
    Lowered both{{}, a.parts};
    both.parts.insert(both.parts.end(), b.parts.begin(), b.parts.end());
    both.dispatch = fused_dispatch(both.parts, target_);
    if (!fits(both.dispatch, target_)) return std::nullopt;
    return both;
  }

  struct Life {
    std::size_t first, last;
    std::uint64_t bytes;
  };

  /// First and last step at which each temporary storage is used.
  std::map<const Storage*, Life> lives() const {
    std::map<const Storage*, Life> found;
    for (std::size_t k = 0; k < steps_.size(); ++k)
      for (const Touch& touch : touches_[k])
        if (touch.storage->kind == Storage::Kind::temporary)
          found.try_emplace(touch.storage, Life{k, k, touch.storage->bytes}).first->second.last = k;
    return found;
  }

  std::uint64_t peak_of(const std::map<const Storage*, Life>& lives) const {
    std::vector<std::int64_t> change(steps_.size() + 1, 0);
    for (const auto& [storage, life] : lives) {
      change[life.first] += static_cast<std::int64_t>(life.bytes);
      change[life.last + 1] -= static_cast<std::int64_t>(life.bytes);
    }
    std::int64_t now = 0, most = 0;
    for (const std::int64_t each : change) most = std::max(most, now += each);
    return static_cast<std::uint64_t>(most);
  }

  /// Whether memory still suffices if a moves to b (`later`) or b to a.
  bool affordable(std::size_t a, std::size_t b, bool later) const {
    std::uint64_t moved = 0;
    auto after = lives();
    for (const Touch& touch : touches_[later ? a : b]) {
      const auto found = after.find(touch.storage);
      if (found == after.end()) continue;
      Life& life = found->second;
      if (later && life.last == a) moved += life.bytes, life.last = b;
      if (!later && life.first == b) moved += life.bytes, life.first = a;
    }
    return moved <= kSmallBytes || peak_of(after) <= most_;
  }

  std::vector<LoweredSection> steps_;
  std::vector<std::vector<Touch>> touches_;  ///< by step
  const KernelTarget& target_;
  std::uint64_t most_ = 0;  ///< bytes alive at a time
};

std::vector<LoweredSection> one_by_one(std::vector<Lowered> dispatches) {
  std::vector<LoweredSection> steps;
  for (Lowered& each : dispatches) {
    steps.emplace_back();
    steps.back().dispatches.push_back(std::move(each));
  }
  return steps;
}

std::vector<LoweredSection> join(std::vector<LoweredSection> sections, const KernelTarget& target, bool thrifty) {
  std::vector<LoweredSection> steps;
  for (LoweredSection& section : sections) {
    if (!section.repeats()) {
      for (LoweredSection& step : one_by_one(std::move(section.dispatches))) steps.push_back(std::move(step));
      continue;
    }
    const auto inner = Joiner(one_by_one(std::move(section.dispatches)), target, thrifty).run();
    section.dispatches.clear();
    for (const LoweredSection& step : inner) section.dispatches.push_back(step.dispatches[0]);
    steps.push_back(std::move(section));
  }
  return Joiner(std::move(steps), target, thrifty).run();
}

/// What the memory planner makes of it; what lives on after the run is left out.
std::uint64_t arena_bytes(const std::vector<LoweredSection>& lowered) {
  std::vector<Section> sections;
  std::map<int, std::uint64_t> bytes;
  for (const LoweredSection& each : lowered) {
    sections.push_back(each.loop);
    for (const Lowered& one : each.dispatches) {
      sections.back().dispatches.push_back({.touches = one.dispatch.touches});
      for (const Touch& touch : one.dispatch.touches)
        bytes[touch.storage->id] = touch.storage->kind == Storage::Kind::temporary ? touch.storage->bytes : 0;
    }
  }
  if (bytes.empty()) return 0;
  const auto lives = lifetimes(sections, static_cast<std::size_t>(bytes.rbegin()->first) + 1, {});
  const auto home = in_place(sections, lives);
  std::vector<ArenaRequest> requests(lives.size());
  for (const auto& [id, size] : bytes) {
    if (!size) continue;
    ArenaRequest& request = requests[static_cast<std::size_t>(home[static_cast<std::size_t>(id)])];
    const Lifetime& life = lives[static_cast<std::size_t>(id)];
    request.bytes = size;
    request.life.first = request.life.used() ? std::min(request.life.first, life.first) : life.first;
    request.life.last = std::max(request.life.last, life.last);
  }
  return plan_arena(requests, 64, ~std::uint64_t{0}).bytes;
}

}  // namespace

std::vector<LoweredSection> join_independent(std::vector<LoweredSection> sections, const KernelTarget& target) {
  if (!target.join) return sections;
  const std::uint64_t most = grown(arena_bytes(sections));
  for (const bool thrifty : {false, true}) {
    auto joined = join(sections, target, thrifty);
    if (arena_bytes(joined) <= most) return joined;
  }
  return sections;
}

}  // namespace volute
