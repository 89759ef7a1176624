// Vulkan calls that fail, by replacing entries of the context's function table: the error has its type, and
// nothing leaks. Leaks show as validation messages when the device goes, which fail the test (tests/main.cpp).
#include <gtest/gtest.h>

#include "engine/vulkan/commands.hpp"

namespace volute::vk {
namespace {

const char* const shader =
    "#version 450\nlayout(local_size_x = 1) in;\nlayout(binding = 0) buffer B { float b[]; };\nvoid main() { b[0] = 1; "
    "}\n";

/// A device of its own, whose table is free to be broken.
class VulkanFailure : public testing::Test {
 protected:
  std::shared_ptr<Context> context_ = Context::create("");
};

TEST_F(VulkanFailure, MemoryIsOut) {
  const auto allocate = context_->fn.vkAllocateMemory;
  context_->fn.vkAllocateMemory = [](VkDevice, const VkMemoryAllocateInfo*, const VkAllocationCallbacks*,
                                     VkDeviceMemory*) { return VK_ERROR_OUT_OF_DEVICE_MEMORY; };
  try {
    Buffer buffer(context_, 12345, Residency::device);
    FAIL() << "no exception";
  } catch (const OutOfMemory& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("12345 bytes"), std::string::npos) << text;
    EXPECT_NE(text.find("vkAllocateMemory"), std::string::npos) << text;
  }
  context_->fn.vkAllocateMemory = allocate;
  EXPECT_NO_THROW(Buffer(context_, 12345, Residency::device));
}

TEST_F(VulkanFailure, BindingAndMapping) {
  const auto bind = context_->fn.vkBindBufferMemory;
  context_->fn.vkBindBufferMemory = [](VkDevice, VkBuffer, VkDeviceMemory, VkDeviceSize) { return VK_ERROR_UNKNOWN; };
  EXPECT_THROW(Buffer(context_, 64, Residency::device), Error);
  context_->fn.vkBindBufferMemory = bind;
  context_->fn.vkMapMemory = [](VkDevice, VkDeviceMemory, VkDeviceSize, VkDeviceSize, VkMemoryMapFlags, void**) {
    return VK_ERROR_MEMORY_MAP_FAILED;
  };
  EXPECT_THROW(Buffer(context_, 64, Residency::host_upload), Error);
}

TEST_F(VulkanFailure, PipelinesAreTriedAgain) {
  PipelineCache pipelines(context_);
  const auto create = context_->fn.vkCreateComputePipelines;
  context_->fn.vkCreateComputePipelines = [](VkDevice, VkPipelineCache, std::uint32_t,
                                             const VkComputePipelineCreateInfo*, const VkAllocationCallbacks*,
                                             VkPipeline*) { return VK_ERROR_OUT_OF_HOST_MEMORY; };
  EXPECT_THROW(pipelines.get(shader, {BindingKind::storage}, 0), OutOfMemory);
  context_->fn.vkCreateComputePipelines = create;
  EXPECT_NE(pipelines.get(shader, {BindingKind::storage}, 0).handle, VkPipeline{});
}

TEST_F(VulkanFailure, DescriptorPools) {
  Buffer buffer(context_, 64, Residency::device);
  PipelineCache pipelines(context_);
  Descriptors descriptors(context_);
  const Pipeline& pipeline = pipelines.get(shader, {BindingKind::storage}, 0);
  const auto create = context_->fn.vkCreateDescriptorPool;
  context_->fn.vkCreateDescriptorPool = [](VkDevice, const VkDescriptorPoolCreateInfo*, const VkAllocationCallbacks*,
                                           VkDescriptorPool*) { return VK_ERROR_OUT_OF_DEVICE_MEMORY; };
  EXPECT_THROW(descriptors.get(pipeline, {{&buffer, 0, 64}}), OutOfMemory);
  context_->fn.vkCreateDescriptorPool = create;
  EXPECT_NE(descriptors.get(pipeline, {{&buffer, 0, 64}}), VkDescriptorSet{});
}

TEST_F(VulkanFailure, LostOnSubmitAndOnWait) {
  CommandList list(context_);
  list.begin();
  list.end();
  const auto submit = context_->fn.vkQueueSubmit;
  context_->fn.vkQueueSubmit = [](VkQueue, std::uint32_t, const VkSubmitInfo*, VkFence) {
    return VK_ERROR_DEVICE_LOST;
  };
  EXPECT_THROW(context_->submit_batch(list.buffers()), DeviceLost);
  context_->fn.vkQueueSubmit = submit;
  const std::uint64_t value = context_->submit_batch(list.buffers());  // the failed one took no timeline value
  const auto wait = context_->fn.vkWaitSemaphores;
  context_->fn.vkWaitSemaphores = [](VkDevice, const VkSemaphoreWaitInfo*, std::uint64_t) {
    return VK_ERROR_DEVICE_LOST;
  };
  EXPECT_THROW(context_->wait(value), DeviceLost);
  context_->fn.vkWaitSemaphores = wait;
  EXPECT_NO_THROW(context_->wait(value));
  EXPECT_EQ(value, 1u);
}

}  // namespace
}  // namespace volute::vk
