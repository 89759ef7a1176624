// The window, through GLFW.
// Invariant: GLFW is started with the first and ended with the last one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <vulkan/vulkan_core.h>

struct GLFWwindow;

namespace live_sketch {

class Window {
 public:
  /// Throws std::runtime_error where there is no display or it has no Vulkan.
  Window(int width, int height, const char* title);
  ~Window();
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  std::vector<const char*> instance_extensions() const;
  VkSurfaceKHR make_surface(VkInstance instance) const;
  /// In pixels; 0 by 0 while it is minimised.
  VkExtent2D extent() const;
  bool closing() const;
  /// Handles events; of a minimised window, sleeps until there is one.
  void poll() const;
  GLFWwindow* handle() const { return window_; }

 private:
  GLFWwindow* window_ = nullptr;
};

}  // namespace live_sketch
