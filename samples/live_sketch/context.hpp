// The application's own Vulkan: instance, device, queues, and the Device it lends them to.
// Invariant: everything here is the application's and is destroyed by it, after all that was made from the Device.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <volute/interop.hpp>

#include "samples/live_sketch/functions.hpp"

namespace live_sketch {

struct ContextOptions {
  PFN_vkGetInstanceProcAddr get = nullptr;
  std::string device;       ///< index or part of a name; empty: the best
  bool validation = false;  ///< the validation layer, with synchronisation validation
  /// For a window: the instance extensions it needs, and what makes its surface.
  std::vector<const char*> instance_extensions;
  std::function<VkSurfaceKHR(VkInstance)> make_surface;
};

class Context {
 public:
  /// Counts messages of the validation layer, until all is destroyed, in `messages`; they go to standard error. Throws
  /// std::runtime_error saying why no device will do.
  Context(const ContextOptions& options, int& messages);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Functions fn;
  VkInstance instance = VK_NULL_HANDLE;
  VkSurfaceKHR surface = VK_NULL_HANDLE;  ///< null: off screen
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  std::uint32_t family = 0, compute_family = 0;  ///< of the queue that renders, and of the one Volute submits to
  VkQueue queue = VK_NULL_HANDLE, compute_queue = VK_NULL_HANDLE;
  bool timeline = false;  ///< timeline semaphores are enabled
  std::string name;       ///< of the device

  volute::Device& volute() { return *volute_; }
  std::uint32_t memory_type(std::uint32_t allowed, VkMemoryPropertyFlags required) const;

 private:
  void create_instance(const ContextOptions& options);
  void choose_device(const std::string& selector);
  void create_device(const ContextOptions& options);
  void adopt(const VkDeviceCreateInfo& created_with);
  void destroy();
  /// Family that renders and presents; nothing if the device has none.
  std::optional<std::uint32_t> rendering_family(VkPhysicalDevice candidate) const;

  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  std::optional<volute::Device> volute_;
  int& messages_;
};

}  // namespace live_sketch
