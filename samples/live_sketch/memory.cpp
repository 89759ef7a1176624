// Creation of the application's buffers and images.
#include "samples/live_sketch/memory.hpp"

namespace live_sketch {
namespace {

VkDeviceMemory allocate(Context& context, const VkMemoryRequirements& needs, VkMemoryPropertyFlags required) {
  VkMemoryAllocateInfo info{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
  info.allocationSize = needs.size;
  info.memoryTypeIndex = context.memory_type(needs.memoryTypeBits, required);
  VkDeviceMemory memory = VK_NULL_HANDLE;
  check(context.fn.vkAllocateMemory(context.device, &info, nullptr, &memory), "vkAllocateMemory");
  return memory;
}

}  // namespace

HostBuffer::HostBuffer(Context& context, VkDeviceSize bytes, VkBufferUsageFlags usage) : context_(context) {
  VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
  info.size = bytes;
  info.usage = usage;
  check(context.fn.vkCreateBuffer(context.device, &info, nullptr, &buffer_), "vkCreateBuffer");
  VkMemoryRequirements needs{};
  context.fn.vkGetBufferMemoryRequirements(context.device, buffer_, &needs);
  memory_ =
      allocate(context, needs, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
  check(context.fn.vkBindBufferMemory(context.device, buffer_, memory_, 0), "vkBindBufferMemory");
  check(context.fn.vkMapMemory(context.device, memory_, 0, VK_WHOLE_SIZE, 0, &mapped_), "vkMapMemory");
}

HostBuffer::~HostBuffer() {
  context_.fn.vkDestroyBuffer(context_.device, buffer_, nullptr);
  context_.fn.vkFreeMemory(context_.device, memory_, nullptr);
}

ColourImage::ColourImage(Context& context, VkExtent2D extent, VkFormat format) : context_(context) {
  VkImageCreateInfo info{VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO};
  info.imageType = VK_IMAGE_TYPE_2D;
  info.format = format;
  info.extent = {extent.width, extent.height, 1};
  info.mipLevels = 1;
  info.arrayLayers = 1;
  info.samples = VK_SAMPLE_COUNT_1_BIT;
  info.usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
  check(context.fn.vkCreateImage(context.device, &info, nullptr, &image_), "vkCreateImage");
  VkMemoryRequirements needs{};
  context.fn.vkGetImageMemoryRequirements(context.device, image_, &needs);
  memory_ = allocate(context, needs, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
  check(context.fn.vkBindImageMemory(context.device, image_, memory_, 0), "vkBindImageMemory");
}

ColourImage::~ColourImage() {
  context_.fn.vkDestroyImage(context_.device, image_, nullptr);
  context_.fn.vkFreeMemory(context_.device, memory_, nullptr);
}

}  // namespace live_sketch
