// Unrolling, barriers and cuts; see schedule.hpp.

#include "engine/compile/schedule.hpp"

namespace volute {
namespace {

bool conflict(const Range& a, const Range& b) {
  return (a.write || b.write) && a.buffer == b.buffer && a.begin < b.end && b.begin < a.end;
}

bool conflict(const std::vector<Range>& a, const std::vector<Range>& b) {
  for (const Range& x : a)
    for (const Range& y : b)
      if (conflict(x, y)) return true;
  return false;
}

/// Ranges touched since the last barrier.
class Tracker {
 public:
  /// Whether the command needs a barrier in front of it; notes its ranges.
  bool add(std::vector<Range> ranges) {
    const bool needed = conflict(open_, ranges);
    if (needed) open_.clear();
    open_.insert(open_.end(), ranges.begin(), ranges.end());
    return needed;
  }
  void clear() { open_.clear(); }

 private:
  std::vector<Range> open_;
};

}  // namespace

std::vector<Range> ranges_of(const Command& command, const Locate& locate) {
  std::vector<Range> ranges;
  for (const Touch& touch : command.dispatch->touches) {
    const auto [buffer, base] = locate(touch.storage);
    ranges.push_back({buffer, base, base + touch.storage->bytes, touch.write});
  }
  return ranges;
}

std::vector<Command> schedule(const std::vector<Section>& sections, const Locate& locate, double budget,
                              const std::function<double(const Dispatch&)>& seconds) {
  std::vector<Command> commands;
  Tracker tracker;
  double spent = 0;
  const auto emit = [&](const Dispatch& dispatch, std::int64_t t, bool in_loop) {
    Command command{&dispatch, t, in_loop, false, commands.empty()};
    const double cost = seconds(dispatch);
    if (spent + cost > budget && spent > 0) command.new_submission = true;
    if (command.new_submission) {
      spent = 0;
      tracker.clear();
    }
    spent += cost;
    command.barrier = tracker.add(ranges_of(command, locate));
    commands.push_back(command);
  };
  for (const Section& section : sections) {
    const std::int64_t steps = section.length ? section.length : 1;
    for (std::int64_t i = 0; i < steps; ++i)
      for (const Dispatch& dispatch : section.dispatches) emit(dispatch, section.step(i), section.length > 0);
  }
  return commands;
}

std::optional<std::pair<std::size_t, std::size_t>> find_hazard(const std::vector<Command>& commands,
                                                               const Locate& locate) {
  std::size_t start = 0;
  for (std::size_t j = 0; j < commands.size(); ++j) {
    if (commands[j].barrier || commands[j].new_submission) start = j;
    const auto mine = ranges_of(commands[j], locate);
    for (std::size_t i = start; i < j; ++i)
      if (conflict(ranges_of(commands[i], locate), mine)) return std::pair(i, j);
  }
  return std::nullopt;
}

}  // namespace volute
