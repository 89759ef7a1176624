// The application's own few buffers and images, one allocation each.
// Invariant: a HostBuffer stays mapped as long as it lives, so that a frame maps nothing.
#pragma once

#include "samples/live_sketch/context.hpp"

namespace live_sketch {

class HostBuffer {
 public:
  HostBuffer(Context& context, VkDeviceSize bytes, VkBufferUsageFlags usage);
  ~HostBuffer();
  HostBuffer(const HostBuffer&) = delete;
  HostBuffer& operator=(const HostBuffer&) = delete;

  VkBuffer handle() const { return buffer_; }
  void* mapped() const { return mapped_; }

 private:
  Context& context_;
  VkBuffer buffer_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  void* mapped_ = nullptr;
};

/// A colour image to render to and copy from.
class ColourImage {
 public:
  ColourImage(Context& context, VkExtent2D extent, VkFormat format);
  ~ColourImage();
  ColourImage(const ColourImage&) = delete;
  ColourImage& operator=(const ColourImage&) = delete;

  VkImage handle() const { return image_; }

 private:
  Context& context_;
  VkImage image_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
};

}  // namespace live_sketch
