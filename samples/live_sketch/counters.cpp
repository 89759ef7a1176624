// Hooks for the dozen functions that map memory, copy and submit; all others pass through.
#include "samples/live_sketch/counters.hpp"

#include <cstring>
#include <set>
#include <unordered_map>
#include <vector>

namespace live_sketch {
namespace {

struct State {
  PFN_vkGetInstanceProcAddr next = nullptr;
  PFN_vkGetDeviceProcAddr next_device = nullptr;
  Counts counts;
  std::set<VkDeviceMemory> mapped;
  std::unordered_map<VkBuffer, VkDeviceMemory> memory_of;
  /// What is recorded in each command buffer: buffer copies as pairs, image read-backs with a null source.
  struct Copy {
    VkBuffer source, target;
    std::uint64_t bytes;
  };
  std::unordered_map<VkCommandBuffer, std::vector<Copy>> recorded;

  bool on_host(VkBuffer buffer) const {
    const auto found = memory_of.find(buffer);
    return found != memory_of.end() && mapped.contains(found->second);
  }
};

State state;

// The function behind a hook, found once per hook by the first caller that loads it.
#define LIVE_SKETCH_HOOKED(X)                                                                                     \
  X(vkMapMemory) X(vkFreeMemory) X(vkInvalidateMappedMemoryRanges) X(vkBindBufferMemory) X(vkDestroyBuffer)      \
  X(vkBeginCommandBuffer) X(vkCmdCopyBuffer) X(vkCmdCopyImageToBuffer) X(vkQueueSubmit) \
  X(vkWaitSemaphores)

namespace real {
#define LIVE_SKETCH_REAL(name) PFN_##name name = nullptr;
LIVE_SKETCH_HOOKED(LIVE_SKETCH_REAL)
#undef LIVE_SKETCH_REAL
}  // namespace real

namespace hook {

VkResult VKAPI_CALL vkMapMemory(VkDevice device, VkDeviceMemory memory, VkDeviceSize offset, VkDeviceSize size,
                                VkMemoryMapFlags flags, void** data) {
  ++state.counts.maps;
  state.mapped.insert(memory);
  return real::vkMapMemory(device, memory, offset, size, flags, data);
}

void VKAPI_CALL vkFreeMemory(VkDevice device, VkDeviceMemory memory, const VkAllocationCallbacks* callbacks) {
  state.mapped.erase(memory);
  real::vkFreeMemory(device, memory, callbacks);
}

VkResult VKAPI_CALL vkInvalidateMappedMemoryRanges(VkDevice device, std::uint32_t count,
                                                   const VkMappedMemoryRange* ranges) {
  ++state.counts.invalidates;
  return real::vkInvalidateMappedMemoryRanges(device, count, ranges);
}

VkResult VKAPI_CALL vkBindBufferMemory(VkDevice device, VkBuffer buffer, VkDeviceMemory memory, VkDeviceSize offset) {
  state.memory_of[buffer] = memory;
  return real::vkBindBufferMemory(device, buffer, memory, offset);
}

void VKAPI_CALL vkDestroyBuffer(VkDevice device, VkBuffer buffer, const VkAllocationCallbacks* callbacks) {
  state.memory_of.erase(buffer);
  real::vkDestroyBuffer(device, buffer, callbacks);
}

VkResult VKAPI_CALL vkBeginCommandBuffer(VkCommandBuffer commands, const VkCommandBufferBeginInfo* info) {
  state.recorded[commands].clear();
  return real::vkBeginCommandBuffer(commands, info);
}

void VKAPI_CALL vkCmdCopyBuffer(VkCommandBuffer commands, VkBuffer source, VkBuffer target, std::uint32_t count,
                                const VkBufferCopy* regions) {
  std::uint64_t bytes = 0;
  for (std::uint32_t i = 0; i < count; ++i) bytes += regions[i].size;
  state.recorded[commands].push_back({source, target, bytes});
  real::vkCmdCopyBuffer(commands, source, target, count, regions);
}

void VKAPI_CALL vkCmdCopyImageToBuffer(VkCommandBuffer commands, VkImage image, VkImageLayout layout, VkBuffer target,
                                       std::uint32_t count, const VkBufferImageCopy* regions) {
  std::uint64_t texels = 0;
  for (std::uint32_t i = 0; i < count; ++i)
    texels += std::uint64_t{regions[i].imageExtent.width} * regions[i].imageExtent.height;
  state.recorded[commands].push_back({VK_NULL_HANDLE, target, texels * 4});
  real::vkCmdCopyImageToBuffer(commands, image, layout, target, count, regions);
}

void count_copies(VkCommandBuffer commands) {
  const auto found = state.recorded.find(commands);
  if (found == state.recorded.end()) return;
  for (const State::Copy& copy : found->second) {
    Counts& c = state.counts;
    if (state.on_host(copy.target)) {
      ++c.to_host;
      c.to_host_bytes += copy.bytes;
    } else if (state.on_host(copy.source)) {
      ++c.from_host;
      c.from_host_bytes += copy.bytes;
    }
  }
}

VkResult VKAPI_CALL vkQueueSubmit(VkQueue queue, std::uint32_t count, const VkSubmitInfo* infos, VkFence fence) {
  ++state.counts.submits;
  for (std::uint32_t i = 0; i < count; ++i)
    for (std::uint32_t j = 0; j < infos[i].commandBufferCount; ++j) count_copies(infos[i].pCommandBuffers[j]);
  return real::vkQueueSubmit(queue, count, infos, fence);
}

VkResult VKAPI_CALL vkWaitSemaphores(VkDevice device, const VkSemaphoreWaitInfo* info, std::uint64_t timeout) {
  if (real::vkWaitSemaphores(device, info, 0) == VK_SUCCESS) return VK_SUCCESS;
  ++state.counts.waits;
  return real::vkWaitSemaphores(device, info, timeout);
}

}  // namespace hook

/// The hook for a name, or `found` itself.
PFN_vkVoidFunction hooked(const char* name, PFN_vkVoidFunction found) {
  if (found == nullptr) return nullptr;
#define LIVE_SKETCH_HOOK(function)                                           \
  if (std::strcmp(name, #function) == 0) {                                   \
    real::function = reinterpret_cast<PFN_##function>(found);                \
    return reinterpret_cast<PFN_vkVoidFunction>(&hook::function);            \
  }
  LIVE_SKETCH_HOOKED(LIVE_SKETCH_HOOK)
#undef LIVE_SKETCH_HOOK
  return found;
}

PFN_vkVoidFunction VKAPI_CALL get_device(VkDevice device, const char* name) {
  return hooked(name, state.next_device(device, name));
}

PFN_vkVoidFunction VKAPI_CALL get_instance(VkInstance instance, const char* name) {
  const PFN_vkVoidFunction found = state.next(instance, name);
  if (found != nullptr && std::strcmp(name, "vkGetInstanceProcAddr") == 0)
    return reinterpret_cast<PFN_vkVoidFunction>(&get_instance);
  if (found != nullptr && std::strcmp(name, "vkGetDeviceProcAddr") == 0) {
    state.next_device = reinterpret_cast<PFN_vkGetDeviceProcAddr>(found);
    return reinterpret_cast<PFN_vkVoidFunction>(&get_device);
  }
  return hooked(name, found);
}

}  // namespace

Counts Counts::operator-(const Counts& earlier) const {
  return {maps - earlier.maps,
          invalidates - earlier.invalidates,
          to_host - earlier.to_host,
          to_host_bytes - earlier.to_host_bytes,
          from_host - earlier.from_host,
          from_host_bytes - earlier.from_host_bytes,
          submits - earlier.submits,
          waits - earlier.waits};
}

PFN_vkGetInstanceProcAddr counting(PFN_vkGetInstanceProcAddr next) {
  state.next = next;
  return &get_instance;
}

const Counts& counts() { return state.counts; }

}  // namespace live_sketch
