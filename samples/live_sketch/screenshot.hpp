// A frame as a PNG file: copied from the image it was drawn to.
// Invariant: the only pixels that come to the host, of one frame, when asked for.
#pragma once

#include "samples/live_sketch/target.hpp"

namespace live_sketch {

class Screenshot {
 public:
  explicit Screenshot(Context& context) : context_(context) {}

  /// After the render pass; leaves the image in the layout it was in.
  void record(VkCommandBuffer commands, const Target& target, const TargetImage& image);
  /// Once the commands are done. Throws std::runtime_error if the file cannot be written.
  void write(const std::string& path) const;

 private:
  Context& context_;
  VkExtent2D extent_{};
  bool blue_first_ = false;
  std::optional<HostBuffer> pixels_;
};

}  // namespace live_sketch
