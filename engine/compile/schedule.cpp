// Unrolling, barriers and cuts; see schedule.hpp.

#include "engine/compile/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

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

/// Ranges touched since the last barrier or cut.
class Tracker {
 public:
  bool conflicts(const std::vector<Range>& ranges) const { return conflict(open_, ranges); }
  void add(const std::vector<Range>& ranges) { open_.insert(open_.end(), ranges.begin(), ranges.end()); }
  void clear() { open_.clear(); }

 private:
  std::vector<Range> open_;
};

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Divides the box along `axis`, and where a slice of it is still too long, along the next one in.
void divide(const vk::Groups& box, int axis, std::int64_t pieces, std::int64_t at_once,
            std::vector<vk::Groups>& boxes) {
  const std::int64_t extent = box.count[axis];
  std::int64_t inner = 1;
  for (int a = 0; a < axis; ++a) inner *= box.count[a];
  const bool x_is_numbered = axis == 1 && extent > 1;
  const bool slices_are_long = pieces >= 2 * extent && inner >= 2 * at_once && !x_is_numbered;
  const std::int64_t multiple = slices_are_long ? 1 : at_once / std::gcd(inner, at_once);
  const std::int64_t units = divide_up(extent, multiple);
  const std::int64_t slices = divide_up(units, std::min(pieces, units)) * multiple;
  for (std::int64_t i = 0; i < extent; i += slices) {
    vk::Groups slice = box;
    slice.first[axis] += static_cast<std::uint32_t>(i);
    slice.count[axis] = static_cast<std::uint32_t>(std::min(slices, extent - i));
    if (axis > 0 && (extent == 1 || slices_are_long)) divide(slice, axis - 1, divide_up(pieces, extent), at_once, boxes);
    else boxes.push_back(slice);
  }
}

/// The stream of commands as it grows.
class Scheduler {
 public:
  Scheduler(const Locate& locate, const Cuts& cuts) : locate_(locate), cuts_(cuts) {}

  void emit(const Dispatch& dispatch, std::int64_t t, bool in_loop) {
    const double seconds = cuts_.estimate(dispatch);
    Command command{.dispatch = &dispatch, .t = t, .in_loop = in_loop};
    std::copy_n(dispatch.groups, 3, command.groups.count);
    const std::vector<Range> ranges = ranges_of(command, locate_);
    const double pieces = cuts_.groups_at_once ? std::ceil(seconds / cuts_.seconds) : 1;
    for (const vk::Groups& box : boxes(dispatch.groups, static_cast<std::int64_t>(std::max(pieces, 1.0)),
                                       std::max(cuts_.groups_at_once, 1u))) {
      command.groups = box;
      command.seconds = seconds * command.share();
      append(command, ranges);
    }
  }

  std::vector<Command> commands() { return std::move(commands_); }

 private:
  void append(Command command, const std::vector<Range>& ranges) {
    const double spent = spent_ + command.seconds;
    const bool needed = tracker_.conflicts(ranges);
    command.new_part =
        commands_.empty() || (spent_ > 0 && spent > (needed ? cuts_.seconds : 2 * cuts_.seconds));
    command.barrier = needed && !command.new_part;
    if (needed || command.new_part) tracker_.clear();
    tracker_.add(ranges);
    spent_ = command.new_part ? command.seconds : spent;
    commands_.push_back(command);
  }

  const Locate& locate_;
  const Cuts& cuts_;
  std::vector<Command> commands_;
  Tracker tracker_;
  double spent_ = 0;
};

}  // namespace

double Command::share() const {
  double share = 1;
  for (int a = 0; a < 3; ++a) share *= static_cast<double>(groups.count[a]) / dispatch->groups[a];
  return share;
}

std::vector<vk::Groups> boxes(const std::uint32_t (&groups)[3], std::int64_t pieces, std::uint32_t at_once) {
  const vk::Groups whole{{0, 0, 0}, {groups[0], groups[1], groups[2]}};
  if (pieces < 2 || std::int64_t{groups[0]} * groups[1] * groups[2] < 2 * std::int64_t{at_once}) return {whole};
  std::vector<vk::Groups> found;
  divide(whole, 2, pieces, at_once, found);
  return found;
}

std::vector<Range> ranges_of(const Command& command, const Locate& locate) {
  std::vector<Range> ranges;
  for (const Touch& touch : command.dispatch->touches) {
    const auto [buffer, base] = locate(touch.storage);
    ranges.push_back({buffer, base, base + touch.storage->bytes, touch.write});
  }
  return ranges;
}

std::vector<Command> schedule(const std::vector<Section>& sections, const Locate& locate, const Cuts& cuts) {
  Scheduler scheduler(locate, cuts);
  for (const Section& section : sections) {
    const std::int64_t steps = section.length ? section.length : 1;
    for (std::int64_t i = 0; i < steps; ++i)
      for (const Dispatch& dispatch : section.dispatches)
        scheduler.emit(dispatch, section.step(i), section.length > 0);
  }
  return scheduler.commands();
}

std::optional<std::pair<std::size_t, std::size_t>> find_hazard(const std::vector<Command>& commands,
                                                               const Locate& locate) {
  std::size_t start = 0;
  for (std::size_t j = 0; j < commands.size(); ++j) {
    if (commands[j].barrier || commands[j].new_part) start = j;
    const auto mine = ranges_of(commands[j], locate);
    for (std::size_t i = start; i < j; ++i)
      if (conflict(ranges_of(commands[i], locate), mine)) return std::pair(i, j);
  }
  return std::nullopt;
}

}  // namespace volute
