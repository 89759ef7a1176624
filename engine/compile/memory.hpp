// Lifetimes of storages and their offsets in the arena.
// Invariant: storages that are alive at the same time never overlap; a storage a loop carries from step
// to step, or shares with the outside, is alive during the whole loop.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/compile/lower.hpp"

namespace volute {

/// First and last position at which a storage is used; positions number the dispatches of all sections.
struct Lifetime {
  std::int64_t first = -1, last = -1;
  bool used() const { return first >= 0; }
};

/// By storage id. `kept`: storages read after the run (outputs).
std::vector<Lifetime> lifetimes(const std::vector<Section>& sections, std::size_t storages,
                                const std::vector<const Storage*>& kept);

/// By storage id: the storage whose memory it takes over, or itself. A pointwise kernel writes its result
/// over an operand of the same size that nothing reads afterwards.
std::vector<int> in_place(const std::vector<Section>& sections, const std::vector<Lifetime>& lives);

struct Region {
  int block = -1;  ///< which allocation; -1 for storages never used
  std::uint64_t offset = 0;
};

struct ArenaPlan {
  std::vector<Region> regions;            ///< by request
  std::vector<std::uint64_t> block_bytes;
  std::uint64_t bytes = 0;                ///< sum of the blocks
  std::uint64_t unaliased_bytes = 0;      ///< sum of all requests
};

struct ArenaRequest {
  std::uint64_t bytes = 0;
  Lifetime life;
};

/// Offsets (multiples of `alignment`) for all requests, largest first, each at the lowest offset free during
/// its life. No block exceeds `block_limit`. Throws OutOfMemory if a request alone does.
ArenaPlan plan_arena(const std::vector<ArenaRequest>& requests, std::uint64_t alignment, std::uint64_t block_limit);

}  // namespace volute
