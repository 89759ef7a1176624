// One device with one queue and a timeline semaphore that numbers the submissions.
// Invariant: the timeline value grows by one with every command buffer submitted, in queue order.
#include "engine/vulkan/context.hpp"

#include <algorithm>

#include "engine/environment.hpp"
#include "engine/vulkan/device_choice.hpp"
#include "engine/vulkan/features.hpp"
#include "engine/vulkan/instance.hpp"

namespace volute::vk {

std::shared_ptr<Context> Context::create(const std::string& selector) {
  std::shared_ptr<Context> context(new Context);  // destroys what it has, should a later step throw
  context->instance_owner_ = Instance::shared();
  context->instance = context->instance_owner_->handle();
  const std::vector<VkPhysicalDevice> physicals = context->instance_owner_->devices();
  std::vector<DeviceInfo> infos;
  for (std::size_t i = 0; i < physicals.size(); ++i) infos.push_back(describe(physicals[i], static_cast<int>(i)));
  const int chosen = choose_device(infos, selector.empty() ? environment().device : selector);

  context->physical = physicals[chosen];
  context->info = infos[chosen];
  context->is_cpu = context->info.type == "cpu";
  vkGetPhysicalDeviceProperties(context->physical, &context->properties);
  vkGetPhysicalDeviceMemoryProperties(context->physical, &context->memory);
  const VkPhysicalDeviceLimits& limits = context->properties.limits;
  context->offset_alignment_ = static_cast<std::uint32_t>(
      std::max<VkDeviceSize>({64, limits.minStorageBufferOffsetAlignment, limits.minTexelBufferOffsetAlignment,
                              limits.optimalBufferCopyOffsetAlignment}));
  context->cooperative = find_cooperative(context->physical, context->instance);
  context->compute_units = count_compute_units(context->physical, context->properties);
  context->create_device();
  return context;
}

void Context::create_device() {
  queue_family = compute_family(physical).value();
  timestamp_bits = timestamp_bits_of(physical, queue_family);
  const float priority = 1.0f;
  VkDeviceQueueCreateInfo queue_info{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
  queue_info.queueFamilyIndex = queue_family;
  queue_info.queueCount = 1;
  queue_info.pQueuePriorities = &priority;
  // The one feature that is required; every Vulkan 1.2 device has it.
  VkPhysicalDeviceTimelineSemaphoreFeatures timeline{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES};
  timeline.timelineSemaphore = VK_TRUE;
  OptionalFeatures optional(cooperative);
  VkDeviceCreateInfo device_info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, optional.chain(&timeline)};
  device_info.enabledExtensionCount = static_cast<std::uint32_t>(optional.extensions().size());
  device_info.ppEnabledExtensionNames = optional.extensions().data();
  device_info.queueCreateInfoCount = 1;
  device_info.pQueueCreateInfos = &queue_info;
  check(vkCreateDevice(physical, &device_info, nullptr, &device), "vkCreateDevice");
  volkLoadDeviceTable(&fn, device);
  fn.vkGetDeviceQueue(device, queue_family, 0, &queue);

  VkSemaphoreTypeCreateInfo type{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO};
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo semaphore{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, &type};
  check(fn.vkCreateSemaphore(device, &semaphore, nullptr, &timeline_), "vkCreateSemaphore");
}

Context::~Context() {
  if (!device) return;
  fn.vkDeviceWaitIdle(device);  // a lost device reports here too, and is destroyed all the same
  fn.vkDestroySemaphore(device, timeline_, nullptr);
  fn.vkDestroyDevice(device, nullptr);
}

std::uint32_t Context::memory_type(std::uint32_t allowed_bits, VkMemoryPropertyFlags required,
                                   VkMemoryPropertyFlags preferred) const {
  for (VkMemoryPropertyFlags wanted : {required | preferred, required})
    for (std::uint32_t i = 0; i < memory.memoryTypeCount; ++i)
      if ((allowed_bits >> i & 1u) && (memory.memoryTypes[i].propertyFlags & wanted) == wanted) return i;
  throw Unsupported(info.name + " has no memory type with the properties " + std::to_string(required));
}

std::uint64_t Context::submit(const std::vector<VkCommandBuffer>& commands) {
  std::lock_guard lock(submit_mutex_);
  if (commands.empty()) return timeline_value_;
  const auto count = commands.size();
  // Each signals, not only the last: drivers merge neighbours that signal nothing into one job, and
  // the cut into bounded submissions would be lost.
  std::vector<std::uint64_t> values(count);
  std::vector<VkTimelineSemaphoreSubmitInfo> timelines(count, {VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO});
  std::vector<VkSubmitInfo> infos(count, {VK_STRUCTURE_TYPE_SUBMIT_INFO});
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = timeline_value_ + i + 1;
    timelines[i].signalSemaphoreValueCount = 1;
    timelines[i].pSignalSemaphoreValues = &values[i];
    infos[i].pNext = &timelines[i];
    infos[i].commandBufferCount = 1;
    infos[i].pCommandBuffers = &commands[i];
    infos[i].signalSemaphoreCount = 1;
    infos[i].pSignalSemaphores = &timeline_;
  }
  check(fn.vkQueueSubmit(queue, static_cast<std::uint32_t>(count), infos.data(), VK_NULL_HANDLE), "vkQueueSubmit");
  timeline_value_ += count;
  return timeline_value_;
}

void Context::wait(std::uint64_t value) {
  VkSemaphoreWaitInfo wait_info{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO};
  wait_info.semaphoreCount = 1;
  wait_info.pSemaphores = &timeline_;
  wait_info.pValues = &value;
  check(fn.vkWaitSemaphores(device, &wait_info, UINT64_MAX), "vkWaitSemaphores");
}

}  // namespace volute::vk
