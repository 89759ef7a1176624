// Values the application computes on the device, and the same values on the host.
// Invariant: they are exact in f32, so both are equal to the bit.
#pragma once

#include "tests/support/vulkan_application.hpp"

namespace volute::test {

/// Fills a buffer with a step's values on the device, as `ramp` gives them, and signals.
class RampWriter {
 public:
  RampWriter(VulkanApplication& application, const ApplicationBuffer& target, std::uint32_t count, std::uint32_t row);
  ~RampWriter();
  RampWriter(const RampWriter&) = delete;
  RampWriter& operator=(const RampWriter&) = delete;

  void write(int step, const interop::Sync& sync = {});
  /// Into a command buffer, without barriers.
  void record(VkCommandBuffer commands, int step) const;
  void wait() { commands_.wait(); }
  static std::vector<float> values(int step, std::uint32_t count);

 private:
  VulkanApplication& application_;
  std::uint32_t count_, row_;
  VkDescriptorSetLayout set_layout_ = VK_NULL_HANDLE;
  VkDescriptorPool pool_ = VK_NULL_HANDLE;
  VkDescriptorSet set_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkPipeline pipeline_ = VK_NULL_HANDLE;
  ApplicationCommands commands_;
};

}  // namespace volute::test
