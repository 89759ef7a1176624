// The Vulkan functions this application calls, from the entry point it is given.
// Invariant: one entry point serves the application and Volute, so that whatever counts or checks calls sees both.
#pragma once

#include <vulkan/vulkan_core.h>

#include <stdexcept>
#include <string>

namespace live_sketch {

// clang-format off
#define LIVE_SKETCH_INSTANCE_FUNCTIONS(X)                                                                            \
  X(vkDestroyInstance) X(vkEnumeratePhysicalDevices) X(vkGetPhysicalDeviceProperties)                                \
  X(vkGetPhysicalDeviceMemoryProperties) X(vkGetPhysicalDeviceQueueFamilyProperties)                                 \
  X(vkCreateDevice) X(vkDestroyDevice) X(vkGetDeviceQueue) X(vkDeviceWaitIdle) X(vkQueueSubmit)                      \
  X(vkAllocateMemory) X(vkFreeMemory) X(vkMapMemory) X(vkBindBufferMemory) X(vkBindImageMemory)                      \
  X(vkGetBufferMemoryRequirements) X(vkGetImageMemoryRequirements)                                                   \
  X(vkCreateBuffer) X(vkDestroyBuffer) X(vkCreateImage) X(vkDestroyImage)                                            \
  X(vkCreateImageView) X(vkDestroyImageView) X(vkCreateFramebuffer) X(vkDestroyFramebuffer)                          \
  X(vkCreateRenderPass) X(vkDestroyRenderPass) X(vkCreateShaderModule) X(vkDestroyShaderModule)                      \
  X(vkCreatePipelineLayout) X(vkDestroyPipelineLayout) X(vkCreateGraphicsPipelines) X(vkDestroyPipeline)             \
  X(vkCreateDescriptorPool) X(vkDestroyDescriptorPool)                                                               \
  X(vkCreateCommandPool) X(vkDestroyCommandPool) X(vkAllocateCommandBuffers)                                         \
  X(vkBeginCommandBuffer) X(vkEndCommandBuffer)                                                                      \
  X(vkCreateFence) X(vkDestroyFence) X(vkWaitForFences) X(vkResetFences)                                             \
  X(vkCreateSemaphore) X(vkDestroySemaphore) X(vkGetSemaphoreCounterValue)                                           \
  X(vkCmdBeginRenderPass) X(vkCmdEndRenderPass) X(vkCmdBindPipeline) X(vkCmdBindVertexBuffers) X(vkCmdDraw)          \
  X(vkCmdSetViewport) X(vkCmdSetScissor) X(vkCmdPushConstants) X(vkCmdPipelineBarrier) X(vkCmdCopyImageToBuffer)

// Present only with the extensions a window needs, or with the validation layer.
#define LIVE_SKETCH_OPTIONAL_FUNCTIONS(X)                                                                            \
  X(vkDestroySurfaceKHR) X(vkGetPhysicalDeviceSurfaceSupportKHR) X(vkGetPhysicalDeviceSurfaceCapabilitiesKHR)        \
  X(vkGetPhysicalDeviceSurfaceFormatsKHR) X(vkCreateSwapchainKHR) X(vkDestroySwapchainKHR)                           \
  X(vkGetSwapchainImagesKHR) X(vkAcquireNextImageKHR) X(vkQueuePresentKHR)                                           \
  X(vkCreateDebugUtilsMessengerEXT) X(vkDestroyDebugUtilsMessengerEXT)
// clang-format on

struct Functions {
  PFN_vkGetInstanceProcAddr get = nullptr;
#define LIVE_SKETCH_MEMBER(name) PFN_##name name = nullptr;
  LIVE_SKETCH_INSTANCE_FUNCTIONS(LIVE_SKETCH_MEMBER)
  LIVE_SKETCH_OPTIONAL_FUNCTIONS(LIVE_SKETCH_MEMBER)
#undef LIVE_SKETCH_MEMBER

  /// Throws if the instance lacks one of those that every frame needs.
  void load(PFN_vkGetInstanceProcAddr entry, VkInstance instance);
};

/// Throws std::runtime_error naming the call unless it succeeded.
inline void check(VkResult result, const char* call) {
  if (result != VK_SUCCESS) throw std::runtime_error(std::string(call) + ": VkResult " + std::to_string(result));
}

}  // namespace live_sketch
