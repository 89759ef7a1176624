// Single objects whose Vulkan calls fail: the error has its type and says what was asked for, nothing is left, and the
// same call goes through afterwards. Whole lives are in faults_test.cpp.
#include <gtest/gtest.h>

#include "engine/vulkan/commands.hpp"
#include "tests/support/vulkan_shim.hpp"

namespace volute::vk {
namespace {

using test::Side, test::VulkanShim;

const char* const shader =
    "#version 450\nlayout(local_size_x = 1) in;\nlayout(binding = 0) buffer B { float b[]; };\nvoid main() { b[0] = 1; "
    "}\n";

class VulkanFailure : public testing::Test {
 protected:
  ~VulkanFailure() override {
    context_.reset();
    EXPECT_EQ(shim_.live(Side::engine), test::Counts{});
    EXPECT_EQ(shim_.faults(), std::vector<std::string>{});
  }
  static std::shared_ptr<Context> make() {
    interop::Creation creation;
    creation.get_instance_proc_addr = VulkanShim::entry(Side::engine);
    return Context::create(creation);
  }
  /// The function's next call.
  void fail(const std::string& function, VkResult result) { shim_.failures().fail(function, 1, result); }

  VulkanShim shim_;
  std::shared_ptr<Context> context_ = make();
};

TEST_F(VulkanFailure, MemoryIsOut) {
  fail("vkAllocateMemory", VK_ERROR_OUT_OF_DEVICE_MEMORY);
  try {
    Buffer buffer(context_, 12345, Residency::device);
    FAIL() << "no exception";
  } catch (const OutOfMemory& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("12345 bytes"), std::string::npos) << text;
    EXPECT_NE(text.find("vkAllocateMemory"), std::string::npos) << text;
  }
  EXPECT_NO_THROW(Buffer(context_, 12345, Residency::device));
}

TEST_F(VulkanFailure, BindingAndMapping) {
  fail("vkBindBufferMemory", VK_ERROR_UNKNOWN);
  EXPECT_THROW(Buffer(context_, 64, Residency::device), Error);
  fail("vkMapMemory", VK_ERROR_MEMORY_MAP_FAILED);
  EXPECT_THROW(Buffer(context_, 64, Residency::host_upload), Error);
}

TEST_F(VulkanFailure, PipelinesAreTriedAgain) {
  PipelineCache pipelines(context_);
  fail("vkCreateComputePipelines", VK_ERROR_OUT_OF_HOST_MEMORY);
  EXPECT_THROW(pipelines.get(shader, {BindingKind::storage}, 0), OutOfMemory);
  EXPECT_NE(pipelines.get(shader, {BindingKind::storage}, 0).handle, VkPipeline{});
}

TEST_F(VulkanFailure, DescriptorPools) {
  Buffer buffer(context_, 64, Residency::device);
  PipelineCache pipelines(context_);
  Descriptors descriptors(context_);
  const Pipeline& pipeline = pipelines.get(shader, {BindingKind::storage}, 0);
  fail("vkCreateDescriptorPool", VK_ERROR_OUT_OF_DEVICE_MEMORY);
  EXPECT_THROW(descriptors.get(pipeline, {{&buffer, 0, 64}}), OutOfMemory);
  fail("vkAllocateDescriptorSets", VK_ERROR_OUT_OF_POOL_MEMORY);
  EXPECT_NE(descriptors.get(pipeline, {{&buffer, 0, 64}}), VkDescriptorSet{}) << "another pool is made";
  EXPECT_EQ(shim_.live(Side::engine).at("DescriptorPool"), 2);
}

TEST_F(VulkanFailure, ASubmissionThatFailsTakesNoNumber) {
  CommandList list(context_);
  list.begin();
  list.end();
  fail("vkQueueSubmit", VK_ERROR_OUT_OF_HOST_MEMORY);
  EXPECT_THROW(context_->submit_batch(list.buffers()), OutOfMemory);
  const std::uint64_t value = context_->submit_batch(list.buffers());
  EXPECT_EQ(value, 1u);
  fail("vkWaitSemaphores", VK_ERROR_OUT_OF_DEVICE_MEMORY);
  EXPECT_THROW(context_->wait(value), OutOfMemory);
  EXPECT_NO_THROW(context_->wait(value));
}

TEST_F(VulkanFailure, WhatIsLostStaysLost) {
  CommandList list(context_);
  list.begin();
  list.end();
  const std::uint64_t value = context_->submit_batch(list.buffers());
  fail("vkWaitSemaphores", VK_ERROR_DEVICE_LOST);
  EXPECT_THROW(context_->wait(value), DeviceLost);
  EXPECT_TRUE(context_->lost());
  EXPECT_THROW(context_->wait(value), DeviceLost);
  EXPECT_THROW(context_->submit_batch(list.buffers()), DeviceLost);
}

/// The commands must not go while the device may still work on them.
TEST_F(VulkanFailure, WhatCouldNotBeWaitedForIsNotDestroyedUnderTheDevice) {
  Buffer buffer(context_, 1u << 24, Residency::device);
  for (int i = 0; i < 8; ++i) {
    fail("vkWaitSemaphores", VK_ERROR_OUT_OF_HOST_MEMORY);
    EXPECT_THROW(fill(context_, {&buffer, 0, buffer.bytes()}, 1), OutOfMemory);
  }
}

}  // namespace
}  // namespace volute::vk
