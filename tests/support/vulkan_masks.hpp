// How a VulkanShim passes calls on: as they are, or with answers masked and a pretended queue family translated.
// Included by vulkan_shim.cpp alone. Invariant: with Masks{} every call is passed on unchanged.
#pragma once

#include "tests/support/vulkan_observe.hpp"

namespace volute::test {

constexpr std::uint32_t pretended_family = 1;

/// The structure of a chain with this type, or null.
template <class Structure>
Structure* find_in(void* chain, VkStructureType type) {
  for (auto* link = static_cast<VkBaseOutStructure*>(chain); link; link = link->pNext)
    if (link->sType == type) return reinterpret_cast<Structure*>(link);
  return nullptr;
}

inline void mask(const Masks& masks, VkPhysicalDeviceProperties& properties) {
  if (masks.api_version) properties.apiVersion = std::min(properties.apiVersion, masks.api_version);
}

// Answers. -----------------------------------------------------------------------------------------------------

template <class Original>
void pass(const Call& call, Named<"vkGetPhysicalDeviceProperties">, Original original, VkPhysicalDevice physical,
          VkPhysicalDeviceProperties* properties) {
  original(physical, properties);
  mask(call.shim.masks(), *properties);
}

template <class Original>
void pass(const Call& call, Named<"vkGetPhysicalDeviceProperties2">, Original original, VkPhysicalDevice physical,
          VkPhysicalDeviceProperties2* properties) {
  original(physical, properties);
  mask(call.shim.masks(), properties->properties);
  if (call.shim.masks().subgroup_shuffle) return;
  constexpr VkSubgroupFeatureFlags shuffles =
      VK_SUBGROUP_FEATURE_SHUFFLE_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_RELATIVE_BIT;
  if (auto* core11 = find_in<VkPhysicalDeviceVulkan11Properties>(
          properties->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES))
    core11->subgroupSupportedOperations &= ~shuffles;
  if (auto* subgroup = find_in<VkPhysicalDeviceSubgroupProperties>(
          properties->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES))
    subgroup->supportedOperations &= ~shuffles;
}

template <class Original>
void pass(const Call& call, Named<"vkGetPhysicalDeviceFeatures2">, Original original, VkPhysicalDevice physical,
          VkPhysicalDeviceFeatures2* features) {
  original(physical, features);
  if (call.shim.masks().timeline_semaphores) return;
  if (auto* core12 = find_in<VkPhysicalDeviceVulkan12Features>(
          features->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES))
    core12->timelineSemaphore = VK_FALSE;
  if (auto* timeline = find_in<VkPhysicalDeviceTimelineSemaphoreFeatures>(
          features->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES))
    timeline->timelineSemaphore = VK_FALSE;
}

template <class Original>
void pass(const Call& call, Named<"vkGetPhysicalDeviceFormatProperties">, Original original, VkPhysicalDevice physical,
          VkFormat format, VkFormatProperties* properties) {
  original(physical, format, properties);
  if (!call.shim.masks().storage_texels) properties->bufferFeatures &= ~VK_FORMAT_FEATURE_STORAGE_TEXEL_BUFFER_BIT;
}

/// Vulkan's two calls for a list: count alone, or as many as there is room for.
template <class Item>
VkResult answer(const std::vector<Item>& items, std::uint32_t* count, Item* room) {
  const std::uint32_t available = static_cast<std::uint32_t>(items.size());
  if (room) std::copy_n(items.begin(), std::min(*count, available), room);
  const bool all = !room || *count >= available;
  *count = room ? std::min(*count, available) : available;
  return all ? VK_SUCCESS : VK_INCOMPLETE;
}

template <class Original>
VkResult pass(const Call& call, Named<"vkEnumerateDeviceExtensionProperties">, Original original,
              VkPhysicalDevice physical, const char* layer, std::uint32_t* count, VkExtensionProperties* room) {
  const Masks& masks = call.shim.masks();
  std::uint32_t all = 0;
  if (const VkResult result = original(physical, layer, &all, nullptr); result != VK_SUCCESS) return result;
  std::vector<VkExtensionProperties> found(all);
  if (const VkResult result = original(physical, layer, &all, found.data()); result != VK_SUCCESS) return result;
  std::erase_if(found, [&](const VkExtensionProperties& extension) {
    return !masks.extensions || masks.hidden_extensions.contains(extension.extensionName);
  });
  return answer(found, count, room);
}

template <class Original>
void pass(const Call& call, Named<"vkGetPhysicalDeviceQueueFamilyProperties">, Original original,
          VkPhysicalDevice physical, std::uint32_t* count, VkQueueFamilyProperties* room) {
  const Masks& masks = call.shim.masks();
  std::uint32_t all = 0;
  original(physical, &all, nullptr);
  std::vector<VkQueueFamilyProperties> families(all);
  original(physical, &all, families.data());
  if (masks.compute_family) {
    families = {families.front(), families.front()};
    families[pretended_family].queueFlags = VK_QUEUE_COMPUTE_BIT | VK_QUEUE_TRANSFER_BIT;
  }
  for (VkQueueFamilyProperties& family : families) {
    if (!masks.timestamps) family.timestampValidBits = 0;
    if (!masks.compute_queues) family.queueFlags &= ~static_cast<VkQueueFlags>(VK_QUEUE_COMPUTE_BIT);
  }
  answer(families, count, room);
}

// The pretended family: family 0 stands for it. ----------------------------------------------------------------

template <class Original>
VkResult pass(const Call& call, Named<"vkCreateDevice">, Original original, VkPhysicalDevice physical,
              const VkDeviceCreateInfo* info, const VkAllocationCallbacks* callbacks, VkDevice* device) {
  VkDeviceCreateInfo real = *info;
  if (call.shim.masks().compute_family) real.queueCreateInfoCount = 1;
  VkDeviceQueueCreateInfo queue = *info->pQueueCreateInfos;
  if (call.shim.masks().compute_family) {
    queue.queueFamilyIndex = 0;
    real.pQueueCreateInfos = &queue;
  }
  return original(physical, &real, callbacks, device);
}

template <class Original>
void pass(const Call& call, Named<"vkGetDeviceQueue">, Original original, VkDevice device, std::uint32_t family,
          std::uint32_t index, VkQueue* queue) {
  original(device, call.shim.masks().compute_family ? 0 : family, index, queue);
  call.shim.failures().queue_of(device, *queue);
}

template <class Original>
VkResult pass(const Call& call, Named<"vkCreateCommandPool">, Original original, VkDevice device,
              const VkCommandPoolCreateInfo* info, const VkAllocationCallbacks* callbacks, VkCommandPool* pool) {
  VkCommandPoolCreateInfo real = *info;
  if (call.shim.masks().compute_family) real.queueFamilyIndex = 0;
  return original(device, &real, callbacks, pool);
}

template <class Original>
VkResult pass(const Call& call, Named<"vkCreateBuffer">, Original original, VkDevice device,
              const VkBufferCreateInfo* info, const VkAllocationCallbacks* callbacks, VkBuffer* buffer) {
  VkBufferCreateInfo real = *info;
  if (call.shim.masks().compute_family) real.sharingMode = VK_SHARING_MODE_EXCLUSIVE;
  return original(device, &real, callbacks, buffer);
}

template <class Original>
void pass(const Call& call, Named<"vkCmdPipelineBarrier">, Original original, VkCommandBuffer commands,
          VkPipelineStageFlags from, VkPipelineStageFlags to, VkDependencyFlags flags, std::uint32_t memory_count,
          const VkMemoryBarrier* memory, std::uint32_t count, const VkBufferMemoryBarrier* barriers,
          std::uint32_t image_count, const VkImageMemoryBarrier* images) {
  std::vector<VkBufferMemoryBarrier> real(barriers, barriers + count);
  if (call.shim.masks().compute_family)
    for (VkBufferMemoryBarrier& barrier : real)
      barrier.srcQueueFamilyIndex = barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
  original(commands, from, to, flags, memory_count, memory, count, real.data(), image_count, images);
}

template <class Original>
VkResult pass(const Call& call, Named<"vkQueueSubmit">, Original original, VkQueue queue, std::uint32_t count,
              const VkSubmitInfo* batches, VkFence fence) {
  std::unique_lock lock(call.shim.pretended_queue, std::defer_lock);
  if (call.shim.masks().compute_family) lock.lock();
  return original(queue, count, batches, fence);
}

}  // namespace volute::test
