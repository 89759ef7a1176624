// The images of a window, presented at the display's rate.
// Invariant: made anew whenever the window's size changes; its render pass and format stay.
#pragma once

#include <array>

#include "samples/live_sketch/target.hpp"

namespace live_sketch {

class Swapchain : public Target {
 public:
  /// `extent`: the window's size in pixels now; 0 by 0 while it is minimised.
  Swapchain(Context& context, std::function<VkExtent2D()> extent);
  ~Swapchain() override;

  std::optional<TargetImage> acquire(std::uint32_t slot) override;
  void present(const TargetImage& image) override;

 private:
  struct Image {
    VkImage image = VK_NULL_HANDLE;
    View view;
    VkSemaphore drawn = VK_NULL_HANDLE;
  };

  void choose_format();
  /// Waits for the device, since images of the old one may be in use. False: there is nothing to show.
  bool recreate();
  void create(const VkSurfaceCapabilitiesKHR& capabilities);
  void destroy_images();

  std::function<VkExtent2D()> window_extent_;
  VkSurfaceFormatKHR surface_format_{};
  VkSwapchainKHR swapchain_ = VK_NULL_HANDLE;
  VkExtent2D extent_{};
  std::vector<Image> images_;
  std::array<VkSemaphore, frames_in_flight> ready_{};
  bool stale_ = true;
};

}  // namespace live_sketch
