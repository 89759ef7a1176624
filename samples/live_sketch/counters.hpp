// Counts what would betray a round trip through the host: maps, and copies to or from memory that is mapped.
// Invariant: a copy counts when the command buffer that holds it is submitted, not when it is recorded, because a
// recorded step is replayed. One set of counts a process: Vulkan's functions carry no user pointer.
#pragma once

#include <vulkan/vulkan_core.h>

#include <cstdint>

namespace live_sketch {

struct Counts {
  std::uint64_t maps = 0;         ///< vkMapMemory
  std::uint64_t invalidates = 0;  ///< vkInvalidateMappedMemoryRanges
  std::uint64_t to_host = 0, to_host_bytes = 0;      ///< device copies into mapped memory
  std::uint64_t from_host = 0, from_host_bytes = 0;  ///< device copies out of mapped memory
  std::uint64_t submits = 0;  ///< vkQueueSubmit
  std::uint64_t waits = 0;    ///< vkWaitSemaphores for what is not done: the host waits for Volute

  Counts operator-(const Counts& earlier) const;
};

/// An entry point in front of `next` that counts; to be given to everything that loads Vulkan functions.
PFN_vkGetInstanceProcAddr counting(PFN_vkGetInstanceProcAddr next);

/// Counts since the process started.
const Counts& counts();

}  // namespace live_sketch
