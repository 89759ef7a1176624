// Recording and submission of frames.
#include "samples/live_sketch/frames.hpp"

#include <algorithm>

namespace live_sketch {

Frames::Frames(Context& context) : context_(context) {
  const auto& fn = context.fn;
  VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
  pool.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  pool.queueFamilyIndex = context.family;
  check(fn.vkCreateCommandPool(context.device, &pool, nullptr, &pool_), "vkCreateCommandPool");
  for (Slot& slot : slots_) {
    VkCommandBufferAllocateInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
    info.commandPool = pool_;
    info.commandBufferCount = 1;
    check(fn.vkAllocateCommandBuffers(context.device, &info, &slot.commands), "vkAllocateCommandBuffers");
    const VkFenceCreateInfo fence{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    check(fn.vkCreateFence(context.device, &fence, nullptr, &slot.fence), "vkCreateFence");
  }
  if (!context.timeline) return;
  VkSemaphoreTypeCreateInfo type{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO};
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo semaphore{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
  semaphore.pNext = &type;
  check(fn.vkCreateSemaphore(context.device, &semaphore, nullptr, &timeline_), "vkCreateSemaphore");
}

Frames::~Frames() {
  const auto& fn = context_.fn;
  fn.vkDeviceWaitIdle(context_.device);
  fn.vkDestroySemaphore(context_.device, timeline_, nullptr);
  for (const Slot& slot : slots_) fn.vkDestroyFence(context_.device, slot.fence, nullptr);
  fn.vkDestroyCommandPool(context_.device, pool_, nullptr);
}

void Frames::wait(Slot& slot) {
  if (slot.frame == 0) return;
  const auto& fn = context_.fn;
  check(fn.vkWaitForFences(context_.device, 1, &slot.fence, VK_TRUE, UINT64_MAX), "vkWaitForFences");
  check(fn.vkResetFences(context_.device, 1, &slot.fence), "vkResetFences");
  done_ = std::max(done_, slot.frame);
  slot.frame = 0;
}

VkCommandBuffer Frames::begin() {
  const Slot& slot = slots_[this->slot()];
  VkCommandBufferBeginInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  info.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  check(context_.fn.vkBeginCommandBuffer(slot.commands, &info), "vkBeginCommandBuffer");
  return slot.commands;
}

void Frames::submit(const TargetImage& image, const std::vector<volute::interop::SemaphorePoint>& waits) {
  Slot& slot = slots_[this->slot()];
  check(context_.fn.vkEndCommandBuffer(slot.commands), "vkEndCommandBuffer");
  std::vector<VkSemaphore> wait_for, signals;
  std::vector<VkPipelineStageFlags> stages;
  std::vector<std::uint64_t> wait_values, signal_values;
  const auto add_wait = [&](VkSemaphore semaphore, std::uint64_t value, VkPipelineStageFlags stage) {
    wait_for.push_back(semaphore);
    wait_values.push_back(value);
    stages.push_back(stage);
  };
  if (image.ready) add_wait(image.ready, 0, VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT);
  for (const auto& point : waits) add_wait(point.semaphore, point.value, point.stages);
  ++number_;
  const auto add_signal = [&](VkSemaphore semaphore, std::uint64_t value) {
    signals.push_back(semaphore);
    signal_values.push_back(value);
  };
  if (image.drawn) add_signal(image.drawn, 0);
  if (timeline_) add_signal(timeline_, number_);

  VkTimelineSemaphoreSubmitInfo values{VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO};
  values.waitSemaphoreValueCount = static_cast<std::uint32_t>(wait_values.size());
  values.pWaitSemaphoreValues = wait_values.data();
  values.signalSemaphoreValueCount = static_cast<std::uint32_t>(signal_values.size());
  values.pSignalSemaphoreValues = signal_values.data();
  VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  if (timeline_) info.pNext = &values;
  info.waitSemaphoreCount = static_cast<std::uint32_t>(wait_for.size());
  info.pWaitSemaphores = wait_for.data();
  info.pWaitDstStageMask = stages.data();
  info.commandBufferCount = 1;
  info.pCommandBuffers = &slot.commands;
  info.signalSemaphoreCount = static_cast<std::uint32_t>(signals.size());
  info.pSignalSemaphores = signals.data();
  check(context_.fn.vkQueueSubmit(context_.queue, 1, &info, slot.fence), "vkQueueSubmit");
  slot.frame = number_;
}

std::vector<volute::interop::SemaphorePoint> Frames::point() const {
  if (!timeline_ || number_ == 0) return {};
  return {{timeline_, number_, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT}};
}

void Frames::drain() {
  for (Slot& slot : slots_) wait(slot);
}

}  // namespace live_sketch
