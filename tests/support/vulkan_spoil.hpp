// What a call that fails leaves behind: the specification makes outputs undefined, so handles and pointers become such
// that whoever uses them crashes or is found out, except where it promises null. Included by vulkan_shim.cpp alone.
#pragma once

#include "tests/support/vulkan_observe.hpp"

namespace volute::test {

template <class Handle>
Handle spoiled() {
  return reinterpret_cast<Handle>(std::uint64_t{0xdeadbeefdeadbee0});
}

template <class Parent, class Info, class Handle>
void spoil(Any, Parent, const Info*, const VkAllocationCallbacks*, Handle* made) {
  *made = spoiled<Handle>();
}
template <class Handle>
void spoil(Any, const VkInstanceCreateInfo*, const VkAllocationCallbacks*, Handle* made) {
  *made = spoiled<Handle>();
}
template <class Info>
void spoil(Any, VkDevice, VkPipelineCache, std::uint32_t count, const Info*, const VkAllocationCallbacks*,
           VkPipeline* made) {
  std::fill_n(made, count, VkPipeline{VK_NULL_HANDLE});
}
inline void spoil(Any, VkDevice, const VkCommandBufferAllocateInfo* info, VkCommandBuffer* made) {
  std::fill_n(made, info->commandBufferCount, VkCommandBuffer{VK_NULL_HANDLE});
}
inline void spoil(Any, VkDevice, const VkDescriptorSetAllocateInfo* info, VkDescriptorSet* made) {
  std::fill_n(made, info->descriptorSetCount, VkDescriptorSet{VK_NULL_HANDLE});
}
inline void spoil(Named<"vkMapMemory">, VkDevice, VkDeviceMemory, VkDeviceSize, VkDeviceSize, VkMemoryMapFlags,
                  void** address) {
  *address = spoiled<void*>();
}
inline void spoil(Named<"vkGetSemaphoreCounterValue">, VkDevice, VkSemaphore, std::uint64_t* value) {
  *value = std::uint64_t{1} << 60;
}
inline void spoil(Named<"vkGetQueryPoolResults">, VkDevice, VkQueryPool, std::uint32_t, std::uint32_t,
                  std::size_t bytes, void* data, VkDeviceSize, VkQueryResultFlags) {
  std::memset(data, 0x5a, bytes);
}
inline void spoil(Named<"vkEnumeratePhysicalDevices">, VkInstance, std::uint32_t* count, VkPhysicalDevice*) {
  *count = 0;
}

}  // namespace volute::test
