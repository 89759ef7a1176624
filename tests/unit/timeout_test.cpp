// A device that does not answer: waits end with Timeout, may be repeated, and what it may still use is left alone.
#include <gtest/gtest.h>

#include <volute/ops.hpp>

#include <limits>
#include <optional>

#include "engine/compile/program_data.hpp"

namespace volute::test {
namespace {

/// Warnings while it lives.
class Warnings {
 public:
  Warnings() {
    set_warning_handler([this](const std::string& text) { texts.push_back(text); });
  }
  ~Warnings() { set_warning_handler({}); }
  std::vector<std::string> texts;
};

/// A device of its own, which can be made to look stuck at the function table.
class StuckDevice : public testing::Test {
 protected:
  StuckDevice() : context_(*device_.data()->context) {
    before_ = context_.fn;
    device_.set_timeout(4);
  }

  void hang() {
    context_.fn.vkWaitSemaphores = [](VkDevice, const VkSemaphoreWaitInfo*, std::uint64_t nanoseconds) {
      waited += nanoseconds;
      return VK_TIMEOUT;
    };
    context_.fn.vkGetSemaphoreCounterValue = [](VkDevice, VkSemaphore, std::uint64_t* value) {
      *value = progress;
      return VK_SUCCESS;
    };
    waited = progress = 0;
  }
  void recover() { context_.fn = before_; }

  Program doubler() { return device_.compile(g_, {x_ * 2.0f}); }

  static inline std::uint64_t waited = 0, progress = 0;
  Device device_;
  vk::Context& context_;
  vk::DeviceFunctions before_;
  Graph g_;
  Tensor x_ = g_.input("x", {3});
  const std::vector<float> values_{1, 2, 3};
};

TEST_F(StuckDevice, WaitsSoLongAndMayBeAskedAgain) {
  const Tensor y = x_ * 2.0f;
  Program program = device_.compile(g_, {y});
  program.run({{x_, values_}});
  hang();
  EXPECT_THROW(program.wait(), Timeout);
  EXPECT_EQ(waited, 4'000'000'000u);
  EXPECT_THROW(program.read(y), Timeout);
  recover();
  EXPECT_EQ(program.read(y), (std::vector<float>{2, 4, 6}));
  EXPECT_FALSE(device_.lost());
}

TEST_F(StuckDevice, ProgressCountsAsAnAnswer) {
  Program program = doubler();
  program.run({{x_, values_}});
  hang();
  context_.fn.vkGetSemaphoreCounterValue = [](VkDevice, VkSemaphore, std::uint64_t* value) {
    *value = progress < 10 ? ++progress : progress;
    return VK_SUCCESS;
  };
  EXPECT_THROW(program.wait(), Timeout);
  EXPECT_EQ(waited, 14'000'000'000u);  // ten slices with progress, four without
  recover();
}

TEST_F(StuckDevice, NoTimeoutIsForEver) {
  EXPECT_THROW(device_.set_timeout(-1), InvalidGraph);
  EXPECT_THROW(device_.set_timeout(std::numeric_limits<double>::quiet_NaN()), InvalidGraph);
  device_.set_timeout(0);
  Program program = doubler();
  program.run({{x_, values_}});
  context_.fn.vkWaitSemaphores = [](VkDevice, const VkSemaphoreWaitInfo*, std::uint64_t nanoseconds) {
    waited += nanoseconds;
    return ++progress < 1000 ? VK_TIMEOUT : VK_SUCCESS;
  };
  waited = progress = 0;
  program.wait();
  EXPECT_EQ(waited, 1'000'000'000'000u);
  recover();
}

TEST_F(StuckDevice, WhatItMayUseIsLeftAlone) {
  const Warnings warnings;
  {
    std::optional<Program> program(doubler());
    program->run({{x_, values_}});
    hang();
    context_.fn.vkDestroyBuffer = [](VkDevice, VkBuffer, const VkAllocationCallbacks*) { FAIL() << "in use"; };
    context_.fn.vkFreeMemory = [](VkDevice, VkDeviceMemory, const VkAllocationCallbacks*) { FAIL() << "in use"; };
    context_.fn.vkDestroyDevice = [](VkDevice, const VkAllocationCallbacks*) { FAIL() << "in use"; };
    program.reset();
  }
  device_ = Device();
  ASSERT_EQ(warnings.texts.size(), 1u);
  EXPECT_NE(warnings.texts[0].find("not freed"), std::string::npos) << warnings.texts[0];
}

}  // namespace
}  // namespace volute::test
