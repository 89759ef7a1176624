// A VkInstance with its functions: the process's own, shared by all devices made from it; one an application's
// extensions were asked for; or one an application lent.
// Invariant: a lent instance is neither destroyed nor given a messenger.
#pragma once

#include <memory>
#include <vector>

#include "engine/vulkan/functions.hpp"

namespace volute::vk {

class Instance {
 public:
  /// The living instance without further extensions, or a new one. Throws Unsupported without a loader, a driver, or
  /// the validation layer where environment().validation asks for it. Thread-safe.
  static std::shared_ptr<const Instance> shared();
  // A null entry point stands for the system's loader.

  /// A new one with these extensions. Throws Unsupported naming those that are missing.
  static std::shared_ptr<const Instance> create(const std::vector<const char*>& extensions,
                                                PFN_vkGetInstanceProcAddr get = nullptr);
  /// An application's.
  static std::shared_ptr<const Instance> lent(VkInstance instance, PFN_vkGetInstanceProcAddr get);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  VkInstance handle() const { return fn.instance; }
  /// Devices in the loader's order.
  std::vector<VkPhysicalDevice> devices() const;

  InstanceFunctions fn;

 private:
  Instance() = default;
  void make(std::vector<const char*> extensions, PFN_vkGetInstanceProcAddr get);

  bool owned_ = false;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
};

/// What the layer is asked for besides core checks, by the environment.
std::vector<VkValidationFeatureEnableEXT> validation_features();
/// Whether that message is a hint that the messenger leaves out; each has its reason where they are listed.
bool is_hint(const char* message_id);
/// Parameters of the messenger that counts warnings and errors (see validation_message_count).
VkDebugUtilsMessengerCreateInfoEXT validation_messenger();
/// Throws Unsupported, saying what to install, unless the validation layer is there.
void require_validation_layer(const GlobalFunctions& global);

inline constexpr const char* validation_layer = "VK_LAYER_KHRONOS_validation";

}  // namespace volute::vk
