// What an application draws, off screen: a strip of triangles that turns, from its own vertices or from a buffer with
// a tensor. Invariant: a picture depends on the frame's number and the vertices alone.
#pragma once

#include "tests/support/vulkan_application.hpp"

namespace volute::test {

using Picture = std::vector<std::uint8_t>;  ///< RGBA, rows from the top

class RenderLoop {
 public:
  static constexpr std::uint32_t width = 64, height = 64, vertices = 16;

  explicit RenderLoop(VulkanApplication& application);
  ~RenderLoop();
  RenderLoop(const RenderLoop&) = delete;
  RenderLoop& operator=(const RenderLoop&) = delete;

  /// The application's vertices of a frame, 16 bytes apart; only x and y are used.
  static std::vector<float> positions(int number);
  /// Draws and waits for a picture. `source`: vertices instead of its own. Submits between lock and unlock, if given.
  Picture frame(int number, const interop::Slice* source = nullptr, const interop::Sync& sync = {});
  /// Around the submission.
  std::function<void()> lock, unlock;

 private:
  void make_image();
  void make_pass();
  void make_pipeline();
  void record(VkCommandBuffer commands, int number, const interop::Slice& source);

  VulkanApplication& application_;
  VkImage image_ = VK_NULL_HANDLE;
  VkDeviceMemory image_memory_ = VK_NULL_HANDLE;
  VkImageView view_ = VK_NULL_HANDLE;
  VkRenderPass pass_ = VK_NULL_HANDLE;
  VkFramebuffer framebuffer_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkPipeline pipeline_ = VK_NULL_HANDLE;
  ApplicationBuffer own_, picture_;
  ApplicationCommands commands_;
};

}  // namespace volute::test
