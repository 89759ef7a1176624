// An application with a Vulkan instance, device and queue of its own, as one that embeds Volute has them.
// Invariant: everything is made and destroyed through the entry point it was given, and never by Volute.
#pragma once

#include <atomic>
#include <optional>

#include <volute/interop.hpp>

namespace volute::test {

#define VOLUTE_TEST_INSTANCE_FUNCTIONS(F)                                                                           \
  F(vkDestroyInstance) F(vkEnumeratePhysicalDevices) F(vkCreateDevice) F(vkGetDeviceProcAddr)                       \
  F(vkGetPhysicalDeviceMemoryProperties) F(vkCreateDebugUtilsMessengerEXT) F(vkDestroyDebugUtilsMessengerEXT)
#define VOLUTE_TEST_DEVICE_FUNCTIONS(F)                                                                             \
  F(vkDestroyDevice) F(vkGetDeviceQueue) F(vkQueueSubmit) F(vkDeviceWaitIdle) F(vkAllocateMemory) F(vkFreeMemory)   \
  F(vkMapMemory) F(vkCreateBuffer) F(vkDestroyBuffer) F(vkGetBufferMemoryRequirements) F(vkBindBufferMemory)        \
  F(vkCreateImage) F(vkDestroyImage) F(vkGetImageMemoryRequirements) F(vkBindImageMemory) F(vkCreateImageView)      \
  F(vkDestroyImageView) F(vkCreateRenderPass) F(vkDestroyRenderPass) F(vkCreateFramebuffer) F(vkDestroyFramebuffer) \
  F(vkCreateShaderModule) F(vkDestroyShaderModule) F(vkCreatePipelineLayout) F(vkDestroyPipelineLayout)             \
  F(vkCreateGraphicsPipelines) F(vkCreateComputePipelines) F(vkDestroyPipeline) F(vkCreateCommandPool)              \
  F(vkDestroyCommandPool) F(vkAllocateCommandBuffers) F(vkBeginCommandBuffer) F(vkEndCommandBuffer)                 \
  F(vkCreateFence) F(vkDestroyFence) F(vkWaitForFences) F(vkResetFences) F(vkCreateSemaphore)   \
  F(vkDestroySemaphore) F(vkSignalSemaphore) F(vkGetSemaphoreCounterValue) F(vkCreateDescriptorSetLayout)           \
  F(vkDestroyDescriptorSetLayout) F(vkCreateDescriptorPool) F(vkDestroyDescriptorPool) F(vkAllocateDescriptorSets)  \
  F(vkUpdateDescriptorSets) F(vkCmdBindPipeline) F(vkCmdBindDescriptorSets) F(vkCmdBindVertexBuffers)               \
  F(vkCmdPushConstants) F(vkCmdDraw) F(vkCmdDispatch) F(vkCmdBeginRenderPass) F(vkCmdEndRenderPass)                 \
  F(vkCmdPipelineBarrier) F(vkCmdCopyImageToBuffer) F(vkCmdCopyBuffer) F(vkCmdFillBuffer)

struct ApplicationFunctions {
#define VOLUTE_TEST_MEMBER(name) PFN_##name name = nullptr;
  VOLUTE_TEST_INSTANCE_FUNCTIONS(VOLUTE_TEST_MEMBER)
  VOLUTE_TEST_DEVICE_FUNCTIONS(VOLUTE_TEST_MEMBER)
#undef VOLUTE_TEST_MEMBER
};

struct ApplicationOptions {
  bool wishes = true;          ///< enable what Volute would like
  std::uint32_t families = 1;  ///< queue families to ask a queue of
};

class VulkanApplication {
 public:
  /// Instance with validation and synchronization validation, device and queues; checks every result.
  VulkanApplication(PFN_vkGetInstanceProcAddr get, PFN_vkGetInstanceProcAddr get_for_engine,
                    ApplicationOptions options = {});
  ~VulkanApplication();
  VulkanApplication(const VulkanApplication&) = delete;
  VulkanApplication& operator=(const VulkanApplication&) = delete;

  /// Lends the device. `created_with` stays valid as long as this object.
  interop::Adoption adoption() const;
  /// An application may do so before its Programs go, after interop::detach.
  void destroy_device();
  /// Warnings and errors of the validation layer so far.
  int messages() const { return messages_; }
  /// Memory type among `bits` that has `flags`.
  std::uint32_t memory_type(std::uint32_t bits, VkMemoryPropertyFlags flags) const;

  ApplicationFunctions fn;
  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;          ///< of family 0
  VkQueue second_queue = VK_NULL_HANDLE;   ///< of family 1, if two were asked for
  std::atomic<int> messages_ = 0;

 private:
  void make_instance(PFN_vkGetInstanceProcAddr get);
  void make_device();

  ApplicationOptions options_;
  PFN_vkGetInstanceProcAddr get_for_engine_;
  std::optional<interop::Wishes> wishes_;
  float priority_ = 1.0f;
  std::vector<VkDeviceQueueCreateInfo> queue_infos_;
  VkDeviceCreateInfo device_info_{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
};

/// Throws std::runtime_error naming the call unless the result is VK_SUCCESS.
void require(VkResult result, const char* call);

/// A buffer of the application's with memory of its own, mapped.
class ApplicationBuffer {
 public:
  ApplicationBuffer(VulkanApplication& application, VkDeviceSize bytes, VkBufferUsageFlags usage);
  ~ApplicationBuffer();
  ApplicationBuffer(const ApplicationBuffer&) = delete;
  ApplicationBuffer& operator=(const ApplicationBuffer&) = delete;

  interop::Slice slice() const { return {buffer, 0, bytes}; }
  float* floats() const { return static_cast<float*>(mapped); }

  VkBuffer buffer = VK_NULL_HANDLE;
  VkDeviceSize bytes = 0;
  void* mapped = nullptr;

 private:
  VulkanApplication& application_;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
};

/// A command buffer recorded and submitted with the semaphores it waits for and signals; done when wait() returns.
class ApplicationCommands {
 public:
  explicit ApplicationCommands(VulkanApplication& application, std::uint32_t family = 0);
  ~ApplicationCommands();
  ApplicationCommands(const ApplicationCommands&) = delete;
  ApplicationCommands& operator=(const ApplicationCommands&) = delete;

  VkCommandBuffer begin();
  VkCommandBuffer commands() const { return commands_; }
  void end();
  void submit(const interop::Sync& sync = {}, VkQueue queue = VK_NULL_HANDLE);
  void wait();

 private:
  VulkanApplication& application_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
  VkFence fence_ = VK_NULL_HANDLE;
};

/// Makes a binary semaphore, or with `initial` a timeline one.
VkSemaphore make_semaphore(VulkanApplication& application, std::optional<std::uint64_t> initial = {});

}  // namespace volute::test
