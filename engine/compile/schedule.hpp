// The flat stream of commands a program replays, with derived barriers and submission cuts.
// Invariant: between two commands of which one writes what the other touches there is a barrier.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "engine/compile/lower.hpp"

namespace volute {

/// Bytes of device memory a command touches: a buffer number, and a range in it.
struct Range {
  int buffer = 0;
  std::uint64_t begin = 0, end = 0;
  bool write = false;
};

struct Command {
  const Dispatch* dispatch = nullptr;
  std::int64_t t = 0;          ///< step of its loop
  bool in_loop = false;
  bool barrier = false;        ///< everything before is visible to it
  bool new_submission = false; ///< starts a command buffer of its own (which begins with a barrier)
};

/// Where a storage lies: buffer number and byte offset.
using Locate = std::function<std::pair<int, std::uint64_t>(const Storage*)>;

std::vector<Range> ranges_of(const Command& command, const Locate& locate);

/// `budget`: estimated seconds of one submission. `seconds`: estimate for a dispatch.
std::vector<Command> schedule(const std::vector<Section>& sections, const Locate& locate, double budget,
                              const std::function<double(const Dispatch&)>& seconds);

/// The first pair of commands without a barrier between them that conflict, by comparing all pairs: an
/// independent check of `schedule` for tests and selfcheck.
std::optional<std::pair<std::size_t, std::size_t>> find_hazard(const std::vector<Command>& commands,
                                                               const Locate& locate);

}  // namespace volute
