// What a VulkanShim learns from calls, by the forms Vulkan's functions share: makers end in a pointer to the handle,
// destroyers take the handle before the allocator. Included by vulkan_shim.cpp alone.
// Invariant: observers change nothing.
#pragma once

#include <algorithm>
#include <cstring>

#include "tests/support/vulkan_shim.hpp"

namespace volute::test {

/// The name of a function as a type.
template <std::size_t N>
struct Name {
  char text[N] = {};
  constexpr Name(const char (&name)[N]) { std::copy_n(name, N, text); }
};

/// Picks overloads for one function; any function is picked by its arguments.
struct Any {};
template <Name name>
struct Named : Any {};

/// "Buffer" of vkCreateBuffer, vkDestroyBuffer, "Memory" of vkAllocateMemory and vkFreeMemory.
inline std::string type_in(const std::string& function) {
  for (const char* verb : {"vkCreate", "vkDestroy", "vkAllocate", "vkFree"})
    if (function.starts_with(verb)) return function.substr(std::strlen(verb));
  return function;
}

/// One call as it passes.
struct Call {
  VulkanShim& shim;
  Side side;
  const char* function;
};

// Makers, after the call has succeeded. ------------------------------------------------------------------------

template <class Parent, class Info, class Handle>
void made(const Call& call, Any, Parent, const Info*, const VkAllocationCallbacks*, Handle* made) {
  call.shim.registry().created(call.side, type_in(call.function), bits_of(*made));
}
template <class Handle>
void made(const Call& call, Any, const VkInstanceCreateInfo*, const VkAllocationCallbacks*, Handle* made) {
  call.shim.registry().created(call.side, "Instance", bits_of(*made));
}
template <class Info>
void made(const Call& call, Any, VkDevice, VkPipelineCache, std::uint32_t count, const Info*,
          const VkAllocationCallbacks*, VkPipeline* made) {
  for (std::uint32_t i = 0; i < count; ++i) call.shim.registry().created(call.side, "Pipeline", bits_of(made[i]));
}
inline void made(const Call& call, Any, VkDevice, const VkCommandBufferAllocateInfo* info, VkCommandBuffer* made) {
  for (std::uint32_t i = 0; i < info->commandBufferCount; ++i)
    call.shim.registry().created(call.side, "CommandBuffer", bits_of(made[i]), bits_of(info->commandPool));
}
inline void made(const Call& call, Any, VkDevice, const VkDescriptorSetAllocateInfo* info, VkDescriptorSet* made) {
  for (std::uint32_t i = 0; i < info->descriptorSetCount; ++i)
    call.shim.registry().created(call.side, "DescriptorSet", bits_of(made[i]), bits_of(info->descriptorPool));
}
inline void made(const Call& call, Named<"vkCreateCommandPool">, VkDevice, const VkCommandPoolCreateInfo* info,
                 const VkAllocationCallbacks*, VkCommandPool* made) {
  call.shim.registry().created(call.side, "CommandPool", bits_of(*made));
  call.shim.registry().pool_family(*made, info->queueFamilyIndex);
}
inline void made(const Call& call, Named<"vkMapMemory">, VkDevice, VkDeviceMemory memory, VkDeviceSize, VkDeviceSize,
                 VkMemoryMapFlags, void**) {
  call.shim.registry().mapped(memory, true);
}
inline void made(const Call& call, Named<"vkBindBufferMemory">, VkDevice, VkBuffer buffer, VkDeviceMemory memory,
                 VkDeviceSize) {
  call.shim.registry().bound(buffer, memory);
}

// Destroyers and recorders, before the call. -------------------------------------------------------------------

template <class Parent, class Handle>
void passes(const Call& call, Any, Parent, Handle handle, const VkAllocationCallbacks*) {
  call.shim.registry().destroyed(call.side, type_in(call.function), bits_of(handle));
}
template <class Handle>
void passes(const Call& call, Any, Handle handle, const VkAllocationCallbacks*) {
  call.shim.registry().destroyed(call.side, type_in(call.function), bits_of(handle));
}
inline void passes(const Call& call, Named<"vkFreeMemory">, VkDevice, VkDeviceMemory memory,
                   const VkAllocationCallbacks*) {
  call.shim.registry().destroyed(call.side, "Memory", bits_of(memory));
  call.shim.registry().mapped(memory, false);
}
inline void passes(const Call& call, Named<"vkDestroyDevice">, VkDevice device, const VkAllocationCallbacks*) {
  call.shim.registry().destroyed(call.side, "Device", bits_of(device));
  call.shim.failures().destroyed(device);
}
inline void passes(const Call& call, Named<"vkUnmapMemory">, VkDevice, VkDeviceMemory memory) {
  call.shim.registry().mapped(memory, false);
}
inline void passes(const Call& call, Named<"vkFreeCommandBuffers">, VkDevice, VkCommandPool, std::uint32_t count,
                   const VkCommandBuffer* buffers) {
  for (std::uint32_t i = 0; i < count; ++i)
    call.shim.registry().destroyed(call.side, "CommandBuffer", bits_of(buffers[i]));
}
inline void passes(const Call& call, Named<"vkFreeDescriptorSets">, VkDevice, VkDescriptorPool, std::uint32_t count,
                   const VkDescriptorSet* sets) {
  for (std::uint32_t i = 0; i < count; ++i)
    call.shim.registry().destroyed(call.side, "DescriptorSet", bits_of(sets[i]));
}
inline void passes(const Call& call, Named<"vkResetDescriptorPool">, VkDevice, VkDescriptorPool pool,
                   VkDescriptorPoolResetFlags) {
  call.shim.registry().pool_emptied(bits_of(pool));
}

inline void passes(const Call& call, Named<"vkBeginCommandBuffer">, VkCommandBuffer commands,
                   const VkCommandBufferBeginInfo*) {
  call.shim.registry().begun(commands);
}
inline void passes(const Call& call, Named<"vkCmdCopyBuffer">, VkCommandBuffer commands, VkBuffer source,
                   VkBuffer target, std::uint32_t count, const VkBufferCopy* regions) {
  for (std::uint32_t i = 0; i < count; ++i) call.shim.registry().copied(commands, source, target, regions[i].size);
}
inline void passes(const Call& call, Named<"vkCmdCopyImageToBuffer">, VkCommandBuffer commands, VkImage, VkImageLayout,
                   VkBuffer target, std::uint32_t, const VkBufferImageCopy*) {
  call.shim.registry().copied(commands, VK_NULL_HANDLE, target, 0);
}
inline void passes(const Call& call, Named<"vkCmdCopyBufferToImage">, VkCommandBuffer commands, VkBuffer source,
                   VkImage, VkImageLayout, std::uint32_t, const VkBufferImageCopy*) {
  call.shim.registry().copied(commands, source, VK_NULL_HANDLE, 0);
}
inline void passes(const Call& call, Named<"vkCmdUpdateBuffer">, VkCommandBuffer commands, VkBuffer, VkDeviceSize,
                   VkDeviceSize size, const void*) {
  call.shim.registry().updated(commands, size);
}
inline void passes(const Call& call, Named<"vkCmdPipelineBarrier">, VkCommandBuffer commands, VkPipelineStageFlags,
                   VkPipelineStageFlags, VkDependencyFlags, std::uint32_t, const VkMemoryBarrier*, std::uint32_t count,
                   const VkBufferMemoryBarrier* barriers, std::uint32_t, const VkImageMemoryBarrier*) {
  for (std::uint32_t i = 0; i < count; ++i) call.shim.registry().moved(commands, barriers[i]);
}
inline void passes(const Call& call, Named<"vkCmdExecuteCommands">, VkCommandBuffer commands, std::uint32_t count,
                   const VkCommandBuffer* secondaries) {
  for (std::uint32_t i = 0; i < count; ++i) call.shim.registry().included(commands, secondaries[i]);
}
inline void passes(const Call& call, Named<"vkQueueSubmit">, VkQueue, std::uint32_t count, const VkSubmitInfo* batches,
                   VkFence) {
  for (std::uint32_t i = 0; i < count; ++i)
    for (std::uint32_t k = 0; k < batches[i].commandBufferCount; ++k)
      call.shim.registry().submitted(call.side, batches[i].pCommandBuffers[k]);
}

}  // namespace volute::test
