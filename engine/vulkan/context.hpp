// Instance, device, queue and their function table. Everything else of Vulkan hangs off one Context,
// which is destroyed last. Every device call goes through `fn`, so tests can count or fail calls.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include <volk.h>
#include <volute/device.hpp>

#include "engine/vulkan/cooperative.hpp"

namespace volute::vk {

/// Throws DeviceLost, OutOfMemory or Error naming the call unless the result is a success code.
void check(VkResult result, const char* call);

/// Warnings and errors the validation layer has reported in this process.
int validation_message_count();
std::string last_validation_message();

class Instance;

class Context {
 public:
  /// `selector`: index or part of a name; empty takes VOLUTE_DEVICE, else the best device.
  static std::shared_ptr<Context> create(const std::string& selector);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// Memory type among `allowed_bits` with all of `required` and, if possible, `preferred`. Throws Unsupported.
  std::uint32_t memory_type(std::uint32_t allowed_bits, VkMemoryPropertyFlags required,
                            VkMemoryPropertyFlags preferred) const;
  /// Submits the command buffers in order, one submission each, and returns the timeline value that is
  /// reached when the last of them has finished. Thread-safe.
  std::uint64_t submit(const std::vector<VkCommandBuffer>& commands);
  /// Blocks until the timeline reaches `value`. Throws DeviceLost.
  void wait(std::uint64_t value);
  /// Storage-buffer, texel-buffer and copy offsets all honour this (bytes, a power of two >= 64).
  std::uint32_t offset_alignment() const { return offset_alignment_; }

  DeviceInfo info;
  bool is_cpu = false;
  CooperativeMatrix cooperative;     ///< enabled on the device
  std::uint32_t compute_units = 16;  ///< processors that run workgroups, or a guess
  VkPhysicalDeviceProperties properties{};
  VkPhysicalDeviceMemoryProperties memory{};
  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;
  std::uint32_t queue_family = 0;
  std::uint32_t timestamp_bits = 0;  ///< of the queue; 0: it has no timestamps
  VolkDeviceTable fn{};

 private:
  Context() = default;
  void create_device();
  std::shared_ptr<const Instance> instance_owner_;
  VkSemaphore timeline_ = VK_NULL_HANDLE;
  std::uint64_t timeline_value_ = 0;
  std::uint32_t offset_alignment_ = 64;
  std::mutex submit_mutex_;
};

}  // namespace volute::vk
