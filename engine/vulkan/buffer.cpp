// Buffers with one allocation each, and the blocking copies through staging.
#include "engine/vulkan/buffer.hpp"

#include <algorithm>
#include <cstring>

#include "engine/vulkan/commands.hpp"
#include "engine/vulkan/on_failure.hpp"

namespace volute::vk {
namespace {

// Staging for copies of any size: large enough that the per-copy wait does not count.
constexpr std::uint64_t staging_bytes = 32u << 20;

std::uint32_t memory_type_for(const Context& context, std::uint32_t allowed, Residency residency) {
  constexpr VkMemoryPropertyFlags host = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  switch (residency) {
    case Residency::device:
      return context.memory_type(allowed, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0);
    case Residency::host_upload:
      return context.memory_type(allowed, host, 0);
    case Residency::host_readback:
      return context.memory_type(allowed, host, VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
  }
  throw Error("unknown residency");
}

void submit_and_wait(Context& context, const CommandList& list) { context.wait(context.submit(list.buffers())); }

void check_range(const BufferRange& range, const char* what) {
  if (!range.buffer || range.offset > range.buffer->bytes() || range.bytes > range.buffer->bytes() - range.offset)
    throw Error(std::string(what) + ": the range exceeds its buffer");
}

}  // namespace

Buffer::Buffer(std::shared_ptr<Context> context, std::uint64_t bytes, Residency residency)
    : context_(std::move(context)), bytes_(bytes) {
  const auto& fn = context_->fn;
  OnFailure cleanup([&] {
    fn.vkDestroyBuffer(context_->device, buffer_, nullptr);
    fn.vkFreeMemory(context_->device, memory_, nullptr);
  });
  VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
  info.size = std::max<std::uint64_t>((bytes + 15) & ~std::uint64_t{15}, 16);  // whole texels
  info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT |
               VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
               VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  const std::string asked = std::to_string(bytes) + " bytes on " + context_->info.name;
  if (bytes > context_->info.max_allocation_bytes)
    throw OutOfMemory("a buffer of " + asked + " exceeds its maxMemoryAllocationSize of " +
                      std::to_string(context_->info.max_allocation_bytes));
  try {
    check(fn.vkCreateBuffer(context_->device, &info, nullptr, &buffer_), "vkCreateBuffer");
    VkMemoryRequirements needs{};
    fn.vkGetBufferMemoryRequirements(context_->device, buffer_, &needs);
    VkMemoryAllocateInfo allocation{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
    allocation.allocationSize = needs.size;
    allocation.memoryTypeIndex = memory_type_for(*context_, needs.memoryTypeBits, residency);
    check(fn.vkAllocateMemory(context_->device, &allocation, nullptr, &memory_), "vkAllocateMemory");
  } catch (const OutOfMemory& error) {
    throw OutOfMemory("no room for a buffer of " + asked + ": " + error.what());
  }
  check(fn.vkBindBufferMemory(context_->device, buffer_, memory_, 0), "vkBindBufferMemory");
  if (residency != Residency::device) {
    void* address = nullptr;
    check(fn.vkMapMemory(context_->device, memory_, 0, VK_WHOLE_SIZE, 0, &address), "vkMapMemory");
    mapped_ = static_cast<std::byte*>(address);
  }
  cleanup.dismiss();
}

Buffer::~Buffer() {
  context_->fn.vkDestroyBuffer(context_->device, buffer_, nullptr);
  context_->fn.vkFreeMemory(context_->device, memory_, nullptr);  // unmaps
}

void upload(const std::shared_ptr<Context>& context, BufferRange target, const void* source) {
  check_range(target, "upload");
  if (target.bytes == 0) return;
  const Buffer staging(context, std::min(target.bytes, staging_bytes), Residency::host_upload);
  for (std::uint64_t done = 0; done < target.bytes;) {
    const std::uint64_t part = std::min(target.bytes - done, staging.bytes());
    std::memcpy(staging.mapped(), static_cast<const std::byte*>(source) + done, part);
    CommandList list(context);
    list.begin();
    list.copy({&staging, 0, part}, {target.buffer, target.offset + done, part});
    list.end();
    submit_and_wait(*context, list);
    done += part;
  }
}

void download(const std::shared_ptr<Context>& context, BufferRange source, void* target) {
  check_range(source, "download");
  if (source.bytes == 0) return;
  const Buffer staging(context, std::min(source.bytes, staging_bytes), Residency::host_readback);
  for (std::uint64_t done = 0; done < source.bytes;) {
    const std::uint64_t part = std::min(source.bytes - done, staging.bytes());
    CommandList list(context);
    list.begin();
    list.copy({source.buffer, source.offset + done, part}, {&staging, 0, part});
    list.end();
    submit_and_wait(*context, list);
    std::memcpy(static_cast<std::byte*>(target) + done, staging.mapped(), part);
    done += part;
  }
}

void fill(const std::shared_ptr<Context>& context, BufferRange target, std::uint32_t word) {
  check_range(target, "fill");
  if (target.offset % 4 != 0 || target.bytes % 4 != 0) throw Error("fill: offset and size must be multiples of 4");
  if (target.bytes == 0) return;
  CommandList list(context);
  list.begin();
  context->fn.vkCmdFillBuffer(list.buffers().back(), target.buffer->handle(), target.offset, target.bytes, word);
  list.end();
  submit_and_wait(*context, list);
}

}  // namespace volute::vk
