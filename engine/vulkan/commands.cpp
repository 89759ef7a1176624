// Command buffers recorded once and replayed. Barriers are global memory barriers: on every current
// driver a buffer barrier costs the same, and ranges would only have to be tracked.
#include "engine/vulkan/commands.hpp"

#include "engine/vulkan/on_failure.hpp"

namespace volute::vk {
namespace {

void memory_barrier(const Context& context, VkCommandBuffer commands, Scope before, Scope after) {
  VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
  barrier.srcAccessMask = before.accesses;
  barrier.dstAccessMask = after.accesses;
  context.fn.vkCmdPipelineBarrier(commands, before.stages, after.stages, 0, 1, &barrier, 0, nullptr, 0, nullptr);
}

bool differ(std::uint32_t a, std::uint32_t b) {
  return a != b && a != VK_QUEUE_FAMILY_IGNORED && b != VK_QUEUE_FAMILY_IGNORED;
}

}  // namespace

void record_barrier(const Context& context, VkCommandBuffer commands, const interop::Slice& slice, Scope before,
                    Scope after, std::uint32_t from_family, std::uint32_t to_family, bool gives) {
  VkBufferMemoryBarrier barrier{VK_STRUCTURE_TYPE_BUFFER_MEMORY_BARRIER};
  barrier.srcQueueFamilyIndex = barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
  if (differ(from_family, to_family)) {
    barrier.srcQueueFamilyIndex = from_family;
    barrier.dstQueueFamilyIndex = to_family;
    if (gives) after = {VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, 0};
    else before = {VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, 0};
  }
  barrier.srcAccessMask = before.accesses;
  barrier.dstAccessMask = after.accesses;
  barrier.buffer = slice.buffer;
  barrier.offset = slice.offset;
  barrier.size = slice.bytes;
  context.fn.vkCmdPipelineBarrier(commands, before.stages, after.stages, 0, 0, nullptr, 1, &barrier, 0, nullptr);
}

CommandList::CommandList(std::shared_ptr<Context> context) : Resource(std::move(context)) {
  OnFailure cleanup([this] { destroy_once(); });
  VkCommandPoolCreateInfo info{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
  info.queueFamilyIndex = context_->queue_family;
  check_made(context_->fn.vkCreateCommandPool(context_->device, &info, nullptr, &pool_), "vkCreateCommandPool", pool_);
  cleanup.dismiss();
}

CommandList::CommandList(std::shared_ptr<Context> context, VkCommandBuffer commands)
    : Resource(std::move(context)), buffers_{commands} {}

void CommandList::destroy() noexcept {
  if (pool_) context_->fn.vkDestroyCommandPool(context_->device, pool_, nullptr);
}

void CommandList::begin() {
  VkCommandBufferAllocateInfo allocation{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
  allocation.commandPool = pool_;
  allocation.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  allocation.commandBufferCount = 1;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  check(context_->fn.vkAllocateCommandBuffers(context_->device, &allocation, &commands), "vkAllocateCommandBuffers");
  VkCommandBufferBeginInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  check(context_->fn.vkBeginCommandBuffer(commands, &info), "vkBeginCommandBuffer");
  buffers_.push_back(commands);
  bound_ = VK_NULL_HANDLE;
  bound_set_ = VK_NULL_HANDLE;
  barrier();
}

void CommandList::to_host() {
  // Waiting for the timeline does not by itself make device writes visible to mapped memory.
  memory_barrier(*context_, buffers_.back(), device_writes, {VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT});
}

void CommandList::end(bool for_host) {
  if (for_host) to_host();
  check(context_->fn.vkEndCommandBuffer(buffers_.back()), "vkEndCommandBuffer");
}

void CommandList::dispatch(const Pipeline& pipeline, VkDescriptorSet set, const void* push, std::uint32_t groups_x,
                           std::uint32_t groups_y, std::uint32_t groups_z) {
  dispatch(pipeline, set, push, {{0, 0, 0}, {groups_x, groups_y, groups_z}});
}

void CommandList::dispatch(const Pipeline& pipeline, VkDescriptorSet set, const void* push, const Groups& groups) {
  const auto& [first, count] = groups;
  const std::uint32_t* most = context_->properties.limits.maxComputeWorkGroupCount;
  if (count[0] > most[0] || count[1] > most[1] || count[2] > most[2])
    throw Unsupported("a dispatch of " + std::to_string(count[0]) + " x " + std::to_string(count[1]) + " x " +
                      std::to_string(count[2]) + " groups exceeds maxComputeWorkGroupCount of " + context_->info.name);
  const auto& fn = context_->fn;
  VkCommandBuffer commands = buffers_.back();
  const bool same_pipeline = bound_ == pipeline.handle;
  if (!same_pipeline) fn.vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.handle);
  if (!same_pipeline || bound_set_ != set)
    fn.vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.layout, 0, 1, &set, 0, nullptr);
  if (pipeline.push_bytes > 0)
    fn.vkCmdPushConstants(commands, pipeline.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, pipeline.push_bytes, push);
  if (first[0] + first[1] + first[2] == 0) fn.vkCmdDispatch(commands, count[0], count[1], count[2]);
  else fn.vkCmdDispatchBase(commands, first[0], first[1], first[2], count[0], count[1], count[2]);
  bound_ = pipeline.handle;
  bound_set_ = set;
}

void CommandList::copy(const interop::Slice& source, const interop::Slice& target) {
  const VkBufferCopy region{source.offset, target.offset, source.bytes};
  context_->fn.vkCmdCopyBuffer(buffers_.back(), source.buffer, target.buffer, 1, &region);
}

void CommandList::barrier() { memory_barrier(*context_, buffers_.back(), device_writes, device_accesses); }

void CommandList::barrier_around() {
  memory_barrier(*context_, buffers_.back(), {all_accesses.stages, VK_ACCESS_MEMORY_WRITE_BIT}, all_accesses);
}

void CommandList::acquire(const interop::Slice& slice, std::uint32_t family) {
  const std::uint32_t own = context_->queue_family;
  if (differ(family, own))
    record_barrier(*context_, buffers_.back(), slice, device_writes, device_accesses, family, own, false);
}

void CommandList::release(const interop::Slice& slice, std::uint32_t family) {
  const std::uint32_t own = context_->queue_family;
  if (differ(family, own))
    record_barrier(*context_, buffers_.back(), slice, device_writes, device_accesses, own, family, true);
}

}  // namespace volute::vk
