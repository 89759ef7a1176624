// Dear ImGui on the application's device, with a window's events or without any.
// Invariant: draws inside the frame's own render pass, after the strokes.
#pragma once

#include "samples/live_sketch/target.hpp"
#include "samples/live_sketch/window.hpp"

namespace live_sketch {

class Gui {
 public:
  /// `window`: null where there is none.
  Gui(Context& context, const Target& target, const Window* window);
  ~Gui();
  Gui(const Gui&) = delete;
  Gui& operator=(const Gui&) = delete;

  /// Starts a frame of this size, `seconds` after the last.
  void begin(VkExtent2D extent, double seconds);
  /// Records what was shown since begin().
  void draw(VkCommandBuffer commands);

 private:
  void upload_fonts();

  Context& context_;
  bool windowed_;
  VkDescriptorPool pool_ = VK_NULL_HANDLE;
};

}  // namespace live_sketch
