// Optional abilities of a device: what a faster kernel may use where it is there. Nothing here is required.
// Invariant: what find_cooperative reports, a device created with `chain` and `extensions` has enabled.
#pragma once

#include <vector>

#include "engine/vulkan/cooperative.hpp"
#include "engine/vulkan/context.hpp"

namespace volute::vk {

/// Extents of products of cooperative matrices with 16-bit operands and fp32 sums.
CooperativeMatrix find_cooperative(VkPhysicalDevice physical, VkInstance instance);

/// Processors that run workgroups, where an extension of the vendor tells; else a guess by the type of the device.
std::uint32_t count_compute_units(VkPhysicalDevice physical, const VkPhysicalDeviceProperties& properties);

/// The structures and names that vkCreateDevice needs to enable them. Lives until the device is made.
class OptionalFeatures {
 public:
  explicit OptionalFeatures(const CooperativeMatrix& cooperative);
  OptionalFeatures(const OptionalFeatures&) = delete;
  OptionalFeatures& operator=(const OptionalFeatures&) = delete;

  /// Puts the structures in front of `next` and returns the first.
  void* chain(void* next);
  const std::vector<const char*>& extensions() const { return extensions_; }

 private:
  CooperativeMatrix cooperative_;
  std::vector<const char*> extensions_;
  VkPhysicalDeviceShaderFloat16Int8Features float16_{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES};
  VkPhysicalDeviceVulkanMemoryModelFeatures memory_model_{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES};
#ifdef VK_KHR_cooperative_matrix
  VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrix_{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR};
#endif
#ifdef VK_KHR_shader_bfloat16
  VkPhysicalDeviceShaderBfloat16FeaturesKHR bfloat16_{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_BFLOAT16_FEATURES_KHR};
#endif
};

}  // namespace volute::vk
