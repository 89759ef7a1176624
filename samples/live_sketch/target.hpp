// Where frames go: images of a swapchain, or one image off screen.
// Invariant: all images of a target have one format and one render pass, whatever their size, so that pipelines last.
#pragma once

#include <optional>
#include <vector>

#include "samples/live_sketch/memory.hpp"

namespace live_sketch {

/// Frames the host records while the device still works on earlier ones.
inline constexpr std::uint32_t frames_in_flight = 2;

struct TargetImage {
  VkImage image = VK_NULL_HANDLE;
  VkFramebuffer framebuffer = VK_NULL_HANDLE;
  VkExtent2D extent{};
  std::uint32_t index = 0;
  VkSemaphore ready = VK_NULL_HANDLE;  ///< to be waited for before drawing; null: it is ready
  VkSemaphore drawn = VK_NULL_HANDLE;  ///< to be signalled once drawn; null: nobody waits
};

class Target {
 public:
  virtual ~Target();
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  /// The image of the next frame; nothing if there is none to draw to just now.
  virtual std::optional<TargetImage> acquire(std::uint32_t slot) = 0;
  virtual void present(const TargetImage&) {}

  VkFormat format() const { return format_; }
  VkRenderPass render_pass() const { return render_pass_; }
  /// Layout the render pass leaves images in.
  VkImageLayout layout() const { return layout_; }
  /// Whether images can be copied from.
  bool readable() const { return readable_; }

 protected:
  explicit Target(Context& context) : context_(context) {}
  /// To be called once, when the format is known.
  void create_render_pass(VkFormat format, VkImageLayout layout);

  struct View {
    VkImageView view = VK_NULL_HANDLE;
    VkFramebuffer framebuffer = VK_NULL_HANDLE;
  };
  View create_view(VkImage image, VkExtent2D extent);
  void destroy_view(const View& view);

  Context& context_;
  bool readable_ = true;

 private:
  VkFormat format_ = VK_FORMAT_UNDEFINED;
  VkImageLayout layout_ = VK_IMAGE_LAYOUT_UNDEFINED;
  VkRenderPass render_pass_ = VK_NULL_HANDLE;
};

class OffscreenTarget : public Target {
 public:
  OffscreenTarget(Context& context, VkExtent2D extent);
  ~OffscreenTarget() override;
  std::optional<TargetImage> acquire(std::uint32_t slot) override;

 private:
  VkExtent2D extent_;
  ColourImage image_;
  View view_;
};

}  // namespace live_sketch
