// Every Vulkan function Volute calls, in lists and in tables loaded from an entry point: Volute's own loader's or an
// application's. No function is called but through these tables, so tests can count, mask or fail any of them, and
// nothing clashes with the symbols of an application's loader.
#pragma once

#include <vulkan/vulkan_core.h>

namespace volute::vk {

// clang-format off
#define VOLUTE_GLOBAL_FUNCTIONS(F) \
  F(vkCreateInstance) F(vkEnumerateInstanceLayerProperties) F(vkEnumerateInstanceVersion)

#define VOLUTE_INSTANCE_FUNCTIONS(F) \
  F(vkDestroyInstance) F(vkEnumeratePhysicalDevices) F(vkCreateDevice) F(vkGetDeviceProcAddr) \
  F(vkEnumerateDeviceExtensionProperties) F(vkGetPhysicalDeviceFeatures2) F(vkGetPhysicalDeviceProperties) \
  F(vkGetPhysicalDeviceProperties2) F(vkGetPhysicalDeviceMemoryProperties) F(vkGetPhysicalDeviceFormatProperties) \
  F(vkGetPhysicalDeviceQueueFamilyProperties)

#define VOLUTE_DEVICE_FUNCTIONS(F) \
  F(vkDestroyDevice) F(vkGetDeviceQueue) F(vkQueueSubmit) \
  F(vkCreateSemaphore) F(vkDestroySemaphore) F(vkWaitSemaphores) F(vkGetSemaphoreCounterValue) \
  F(vkCreateFence) F(vkDestroyFence) F(vkWaitForFences) F(vkResetFences) F(vkGetFenceStatus) \
  F(vkAllocateMemory) F(vkFreeMemory) F(vkMapMemory) \
  F(vkCreateBuffer) F(vkDestroyBuffer) F(vkGetBufferMemoryRequirements) F(vkBindBufferMemory) \
  F(vkCreateBufferView) F(vkDestroyBufferView) \
  F(vkCreateDescriptorSetLayout) F(vkDestroyDescriptorSetLayout) F(vkCreateDescriptorPool) \
  F(vkDestroyDescriptorPool) F(vkAllocateDescriptorSets) F(vkUpdateDescriptorSets) \
  F(vkCreatePipelineLayout) F(vkDestroyPipelineLayout) F(vkCreatePipelineCache) F(vkDestroyPipelineCache) \
  F(vkGetPipelineCacheData) F(vkCreateShaderModule) F(vkDestroyShaderModule) F(vkCreateComputePipelines) \
  F(vkDestroyPipeline) F(vkCreateQueryPool) F(vkDestroyQueryPool) F(vkGetQueryPoolResults) \
  F(vkCreateCommandPool) F(vkDestroyCommandPool) F(vkAllocateCommandBuffers) F(vkBeginCommandBuffer) \
  F(vkEndCommandBuffer) F(vkCmdBindPipeline) F(vkCmdBindDescriptorSets) F(vkCmdPushConstants) F(vkCmdDispatch) \
  F(vkCmdDispatchBase) F(vkCmdCopyBuffer) F(vkCmdFillBuffer) F(vkCmdPipelineBarrier) F(vkCmdResetQueryPool) \
  F(vkCmdWriteTimestamp)
// clang-format on

#define VOLUTE_MEMBER(name) PFN_##name name = nullptr;

struct GlobalFunctions {
  VOLUTE_GLOBAL_FUNCTIONS(VOLUTE_MEMBER)
};

struct InstanceFunctions {
  VOLUTE_INSTANCE_FUNCTIONS(VOLUTE_MEMBER)
  PFN_vkGetInstanceProcAddr get = nullptr;  ///< the entry point they came from
  VkInstance instance = VK_NULL_HANDLE;
};

struct DeviceFunctions {
  VOLUTE_DEVICE_FUNCTIONS(VOLUTE_MEMBER)
};

#undef VOLUTE_MEMBER

/// The system's loader, opened on first use and kept. Throws Unsupported, saying what to install, if there is none.
PFN_vkGetInstanceProcAddr open_loader();

GlobalFunctions load_global(PFN_vkGetInstanceProcAddr get);
/// Throw Unsupported naming the first function that is missing.
InstanceFunctions load_instance(PFN_vkGetInstanceProcAddr get, VkInstance instance);
DeviceFunctions load_device(const InstanceFunctions& functions, VkDevice device);

}  // namespace volute::vk
