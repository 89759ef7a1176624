// The flat stream of commands a program replays, with derived barriers and cuts into parts.
// Invariant: between two commands of which one writes what the other touches there is a barrier or a cut.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "engine/compile/lower.hpp"
#include "engine/vulkan/commands.hpp"

namespace volute {

/// Bytes of device memory a command touches: a buffer number, and a range in it.
struct Range {
  int buffer = 0;
  std::uint64_t begin = 0, end = 0;
  bool write = false;
};

/// A dispatch, or a box of its workgroups.
struct Command {
  const Dispatch* dispatch = nullptr;
  std::int64_t t = 0;      ///< step of its loop
  bool in_loop = false;
  bool barrier = false;    ///< everything before is visible to it
  bool new_part = false;   ///< starts a command buffer of its own (which begins with a barrier)
  vk::Groups groups = {};
  double seconds = 0;      ///< by estimate

  /// Of the dispatch.
  double share() const;
  bool is_box() const { return share() < 1; }
};

/// Where a storage lies: buffer number and byte offset.
using Locate = std::function<std::pair<int, std::uint64_t>(const Storage*)>;

std::vector<Range> ranges_of(const Command& command, const Locate& locate);

/// How a step is cut into parts, by estimates.
struct Cuts {
  double seconds = 0;  ///< of a part; cuts are made where a barrier is needed anyway, elsewhere beyond twice as much
  std::function<double(const Dispatch&)> estimate;
  /// Longer dispatches are divided into boxes of workgroups, whole multiples of so many; 0: none is.
  std::uint32_t groups_at_once = 0;
};

std::vector<Command> schedule(const std::vector<Section>& sections, const Locate& locate, const Cuts& cuts);

/// The workgroups of a dispatch in about so many boxes. Only an outermost axis is divided: a kernel's numbering of its
/// workgroups (FLAT_ID) reads how many there are along x.
std::vector<vk::Groups> boxes(const std::uint32_t (&groups)[3], std::int64_t pieces, std::uint32_t at_once);

/// The first pair of commands without a barrier between them that conflict, by comparing all pairs: an
/// independent check of `schedule` for tests and selfcheck.
std::optional<std::pair<std::size_t, std::size_t>> find_hazard(const std::vector<Command>& commands,
                                                               const Locate& locate);

}  // namespace volute
