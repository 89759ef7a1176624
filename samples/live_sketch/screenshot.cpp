// Copy and encoding of a frame.
#include "samples/live_sketch/screenshot.hpp"

#include <stb/stb_image_write.h>

#include <utility>

namespace live_sketch {

void Screenshot::record(VkCommandBuffer commands, const Target& target, const TargetImage& image) {
  if (!target.readable()) throw std::runtime_error("this window's images cannot be copied: no --shot here");
  extent_ = image.extent;
  pixels_.emplace(context_, VkDeviceSize{extent_.width} * extent_.height * 4, VK_BUFFER_USAGE_TRANSFER_DST_BIT);
  blue_first_ = target.format() == VK_FORMAT_B8G8R8A8_UNORM || target.format() == VK_FORMAT_B8G8R8A8_SRGB;
  VkImageMemoryBarrier barrier{VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER};
  barrier.srcAccessMask = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT;
  barrier.oldLayout = target.layout();
  barrier.newLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
  barrier.srcQueueFamilyIndex = barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
  barrier.image = image.image;
  barrier.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
  const auto& fn = context_.fn;
  // The render pass's last change of layout comes before TRANSFER, by its second dependency.
  fn.vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                          VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 0, nullptr, 0, nullptr, 1, &barrier);
  VkBufferImageCopy region{};
  region.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
  region.imageExtent = {extent_.width, extent_.height, 1};
  fn.vkCmdCopyImageToBuffer(commands, image.image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, pixels_->handle(), 1, &region);
  barrier.srcAccessMask = VK_ACCESS_TRANSFER_READ_BIT;
  barrier.dstAccessMask = 0;
  std::swap(barrier.oldLayout, barrier.newLayout);
  VkMemoryBarrier to_host{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
  to_host.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  to_host.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
  fn.vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                          VK_PIPELINE_STAGE_HOST_BIT | VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, 0, 1, &to_host, 0, nullptr,
                          1, &barrier);
}

void Screenshot::write(const std::string& path) const {
  const auto* bytes = static_cast<const unsigned char*>(pixels_->mapped());
  std::vector<unsigned char> rgb;
  rgb.reserve(std::size_t{extent_.width} * extent_.height * 3);
  for (std::size_t i = 0; i < std::size_t{extent_.width} * extent_.height; ++i) {
    const unsigned char* pixel = bytes + i * 4;
    rgb.insert(rgb.end(), {pixel[blue_first_ ? 2 : 0], pixel[1], pixel[blue_first_ ? 0 : 2]});
  }
  const int width = static_cast<int>(extent_.width), height = static_cast<int>(extent_.height);
  if (stbi_write_png(path.c_str(), width, height, 3, rgb.data(), width * 3) == 0)
    throw std::runtime_error(path + ": cannot be written");
}

}  // namespace live_sketch
