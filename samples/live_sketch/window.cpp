// GLFW behind a class.
#include "samples/live_sketch/window.hpp"

#define GLFW_INCLUDE_NONE
#define GLFW_INCLUDE_VULKAN
#include <GLFW/glfw3.h>

#include <stdexcept>

#include "samples/live_sketch/panels.hpp"

namespace live_sketch {
namespace {

std::runtime_error failure(const std::string& what) {
  const char* reason = nullptr;
  glfwGetError(&reason);
  return std::runtime_error(what + (reason ? std::string(": ") + reason : ""));
}

}  // namespace

Window::Window(int width, int height, const char* title) {
  if (glfwInit() != GLFW_TRUE) throw failure("no window system (--headless needs none)");
  glfwWindowHint(GLFW_CLIENT_API, GLFW_NO_API);
  if (glfwVulkanSupported() == GLFW_TRUE) window_ = glfwCreateWindow(width, height, title, nullptr, nullptr);
  if (window_) {
    glfwSetWindowSizeLimits(window_, least_width, least_height, GLFW_DONT_CARE, GLFW_DONT_CARE);
    return;
  }
  const std::runtime_error error = failure("no window for Vulkan");
  glfwTerminate();
  throw error;
}

Window::~Window() {
  glfwDestroyWindow(window_);
  glfwTerminate();
}

std::vector<const char*> Window::instance_extensions() const {
  std::uint32_t count = 0;
  const char** names = glfwGetRequiredInstanceExtensions(&count);
  return {names, names + count};
}

VkSurfaceKHR Window::make_surface(VkInstance instance) const {
  VkSurfaceKHR surface = VK_NULL_HANDLE;
  if (glfwCreateWindowSurface(instance, window_, nullptr, &surface) != VK_SUCCESS)
    throw failure("no surface of the window");
  return surface;
}

VkExtent2D Window::extent() const {
  int width = 0, height = 0;
  glfwGetFramebufferSize(window_, &width, &height);
  return {static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height)};
}

bool Window::closing() const { return glfwWindowShouldClose(window_) == GLFW_TRUE; }

void Window::poll() const {
  glfwPollEvents();
  while (!closing() && (glfwGetWindowAttrib(window_, GLFW_ICONIFIED) == GLFW_TRUE || extent().width == 0))
    glfwWaitEvents();
}

}  // namespace live_sketch
