// Buffers with one allocation each, and the blocking copies through staging.
#include "engine/vulkan/buffer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/vulkan/commands.hpp"
#include "engine/vulkan/on_failure.hpp"

namespace volute::vk {
namespace {

// Staging for copies of any size: large enough that the per-copy wait does not count.
constexpr std::uint64_t staging_bytes = 32u << 20;

/// Properties a buffer's memory must have, and those it should have.
std::pair<VkMemoryPropertyFlags, VkMemoryPropertyFlags> properties_for(Residency residency) {
  constexpr VkMemoryPropertyFlags host = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  switch (residency) {
    case Residency::shared:
      return {shared_memory, 0};
    case Residency::device:
      return {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0};
    case Residency::host_upload:
      return {host, 0};
    case Residency::host_readback:
      return {host, VK_MEMORY_PROPERTY_HOST_CACHED_BIT};
  }
  throw Error("unknown residency");
}

/// One submission and what it uses, which outlives a wait that fails.
struct Work {
  Work(const std::shared_ptr<Context>& context, std::shared_ptr<const Buffer> buffer)
      : staging(std::move(buffer)), list(context) {
    list.begin();
  }
  std::shared_ptr<const Buffer> staging;
  CommandList list;
};

void submit_and_wait(Context& context, const std::shared_ptr<Work>& work) {
  work->list.end();
  context.wait(context.submit_batch(work->list.buffers()), work);
}

void check_range(const BufferRange& range, const char* what) {
  if (!range.buffer || range.offset > range.buffer->bytes() || range.bytes > range.buffer->bytes() - range.offset)
    throw Error(std::string(what) + ": the range exceeds its buffer");
}

}  // namespace

Buffer::Buffer(std::shared_ptr<Context> context, std::uint64_t bytes, Residency residency)
    : Resource(std::move(context)), bytes_(bytes) {
  OnFailure cleanup([this] { destroy_once(); });
  const std::string asked = std::to_string(bytes) + " bytes on " + context_->info.name;
  if (bytes > context_->info.max_allocation_bytes)
    throw OutOfMemory("a buffer of " + asked + " exceeds its maxMemoryAllocationSize of " +
                      std::to_string(context_->info.max_allocation_bytes));
  try {
    create(residency);
    allocate(residency);
  } catch (const OutOfMemory& error) {
    throw OutOfMemory("no room for a buffer of " + asked + ": " + error.what());
  }
  check(context_->fn.vkBindBufferMemory(context_->device, buffer_, memory_.memory, memory_.offset),
        "vkBindBufferMemory");
  cleanup.dismiss();
}

void Buffer::create(Residency residency) {
  VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
  info.size = std::max<std::uint64_t>((bytes_ + 15) & ~std::uint64_t{15}, 16);  // whole texels
  info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT |
               VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
               VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  if (residency == Residency::device)  // an application may read tensors where they are
    info.usage |= VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_VERTEX_BUFFER_BIT |
                  VK_BUFFER_USAGE_INDEX_BUFFER_BIT | VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT;
  const auto& families = context_->buffer_families;
  if (families.size() > 1) {
    info.sharingMode = VK_SHARING_MODE_CONCURRENT;
    info.queueFamilyIndexCount = static_cast<std::uint32_t>(families.size());
    info.pQueueFamilyIndices = families.data();
  }
  check_made(context_->fn.vkCreateBuffer(context_->device, &info, nullptr, &buffer_), "vkCreateBuffer", buffer_);
}

void Buffer::allocate(Residency residency) {
  const auto& fn = context_->fn;
  const auto [required, preferred] = properties_for(residency);
  interop::MemoryRequest request;
  request.required = required;
  request.preferred = preferred;
  request.buffer = buffer_;
  fn.vkGetBufferMemoryRequirements(context_->device, buffer_, &request.requirements);
  const bool mapped = residency != Residency::device;
  if (context_->allocator.allocate) {
    interop::Memory memory;
    check(context_->allocator.allocate(request, memory), "the application's allocator");
    memory_ = memory;
    if (mapped && !memory_.mapped) throw Error("the application's allocator returned unmapped host-visible memory");
  } else {
    VkMemoryAllocateInfo allocation{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
    allocation.allocationSize = request.requirements.size;
    allocation.memoryTypeIndex = context_->memory_type(request.requirements.memoryTypeBits, required, preferred);
    check_made(fn.vkAllocateMemory(context_->device, &allocation, nullptr, &memory_.memory), "vkAllocateMemory",
               memory_.memory);
    if (mapped)
      check(fn.vkMapMemory(context_->device, memory_.memory, 0, VK_WHOLE_SIZE, 0, &memory_.mapped), "vkMapMemory");
  }
  if (mapped) mapped_ = static_cast<std::byte*>(memory_.mapped);
}

void Buffer::destroy() noexcept {
  context_->fn.vkDestroyBuffer(context_->device, buffer_, nullptr);
  if (context_->allocator.free) {
    if (memory_.memory) context_->allocator.free(memory_);
  } else {
    context_->fn.vkFreeMemory(context_->device, memory_.memory, nullptr);  // unmaps
  }
  buffer_ = VK_NULL_HANDLE;
  mapped_ = nullptr;
}

void upload(const std::shared_ptr<Context>& context, BufferRange target, const void* source) {
  check_range(target, "upload");
  if (target.bytes == 0) return;
  const auto staging =
      std::make_shared<const Buffer>(context, std::min(target.bytes, staging_bytes), Residency::host_upload);
  for (std::uint64_t done = 0; done < target.bytes;) {
    const std::uint64_t part = std::min(target.bytes - done, staging->bytes());
    std::memcpy(staging->mapped(), static_cast<const std::byte*>(source) + done, part);
    const auto work = std::make_shared<Work>(context, staging);
    work->list.copy({staging.get(), 0, part}, {target.buffer, target.offset + done, part});
    submit_and_wait(*context, work);
    done += part;
  }
}

void download(const std::shared_ptr<Context>& context, BufferRange source, void* target) {
  check_range(source, "download");
  if (source.bytes == 0) return;
  const auto staging =
      std::make_shared<const Buffer>(context, std::min(source.bytes, staging_bytes), Residency::host_readback);
  for (std::uint64_t done = 0; done < source.bytes;) {
    const std::uint64_t part = std::min(source.bytes - done, staging->bytes());
    const auto work = std::make_shared<Work>(context, staging);
    work->list.copy({source.buffer, source.offset + done, part}, {staging.get(), 0, part});
    submit_and_wait(*context, work);
    std::memcpy(static_cast<std::byte*>(target) + done, staging->mapped(), part);
    done += part;
  }
}

void fill(const std::shared_ptr<Context>& context, BufferRange target, std::uint32_t word) {
  check_range(target, "fill");
  if (target.offset % 4 != 0 || target.bytes % 4 != 0) throw Error("fill: offset and size must be multiples of 4");
  if (target.bytes == 0) return;
  const auto work = std::make_shared<Work>(context, nullptr);
  context->fn.vkCmdFillBuffer(work->list.buffers().back(), target.buffer->handle(), target.offset, target.bytes, word);
  submit_and_wait(*context, work);
}

}  // namespace volute::vk
