// Draws line strips out of buffers of vertices (x, y, alpha, age), 16 bytes each, wherever those buffers come from.
// Invariant: reads the buffers as vertices and in no other way; makes no copy of them.
#pragma once

#include <array>

#include "samples/live_sketch/target.hpp"

namespace live_sketch {

using Colour = std::array<float, 4>;  ///< red, green, blue, brightness

/// Where the canvas, -1 to 1 both ways, lies in the picture.
struct View {
  std::array<float, 2> centre{}, scale{};  ///< pixels
};

/// How lines look; colours go from `young` to `old` with the vertices' age.
struct Look {
  float width = 1;  ///< half of it, pixels
  float reach = 0;  ///< of the glow beside it, pixels
  Colour young{}, old{};
};

/// Vertices first to first + count - 1 of a buffer.
struct Strip {
  VkBuffer buffer = VK_NULL_HANDLE;
  VkDeviceSize offset = 0;
  std::uint32_t first = 0, count = 0;
};

class Renderer {
 public:
  Renderer(Context& context, const Target& target);
  ~Renderer();
  Renderer(const Renderer&) = delete;
  Renderer& operator=(const Renderer&) = delete;

  /// Starts the render pass: the canvas, empty.
  void begin(VkCommandBuffer commands, const TargetImage& image, const View& view);
  void draw(const Strip& strip, const Look& look);
  void end();

 private:
  void create_pipeline(const Target& target);

  Context& context_;
  VkRenderPass render_pass_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkPipeline pipeline_ = VK_NULL_HANDLE;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
  View view_;
  VkExtent2D extent_{};
};

}  // namespace live_sketch
