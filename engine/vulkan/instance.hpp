// The VkInstance of the process, shared by all contexts and gone with the last of them.
// One instance only: volk keeps instance functions in globals, which a second instance would rewrite
// under a running thread.
#pragma once

#include <memory>

#include "engine/vulkan/context.hpp"

namespace volute::vk {

class Instance {
 public:
  /// The living instance, or a new one. Throws Unsupported without a loader, a driver, or the validation
  /// layer where environment().validation asks for it. Thread-safe.
  static std::shared_ptr<const Instance> shared();
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  VkInstance handle() const { return instance_; }
  /// Devices in the loader's order.
  std::vector<VkPhysicalDevice> devices() const;

 private:
  Instance() = default;
  void create();

  VkInstance instance_ = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
};

/// Parameters of the messenger that counts warnings and errors (see validation_message_count).
VkDebugUtilsMessengerCreateInfoEXT validation_messenger();
/// Throws Unsupported, saying what to install, unless the validation layer is there.
void require_validation_layer();

inline constexpr const char* validation_layer = "VK_LAYER_KHRONOS_validation";

}  // namespace volute::vk
