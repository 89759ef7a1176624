// A device that does not answer: waits end with Timeout, may be repeated, and what it may still use is freed when it
// answers and not before. With timeline semaphores and with fences.
#include <gtest/gtest.h>

#include <limits>
#include <optional>

#include <volute/interop.hpp>
#include <volute/ops.hpp>

#include "engine/compile/program_data.hpp"
#include "tests/support/vulkan_shim.hpp"
#include "tests/support/warnings.hpp"

namespace volute::test {
namespace {

Masks masks_for(bool timelines) {
  Masks masks;
  masks.timeline_semaphores = timelines;
  return masks;
}

/// A device of its own, which can be made to look stuck at the function table.
class StuckDevice : public testing::TestWithParam<bool> {
 protected:
  StuckDevice() : shim_(masks_for(GetParam())), device_(make()), context_(device_.data()->context.get()) {
    before_ = context_->fn;
    device_.set_timeout(4);
  }

  static Device make() {
    interop::Creation creation;
    creation.get_instance_proc_addr = VulkanShim::entry(Side::engine);
    return interop::create(creation);
  }

  static VkResult wait(std::uint64_t nanoseconds) {
    waited += nanoseconds;
    return VK_TIMEOUT;
  }

  void hang() {
    context_->fn.vkWaitSemaphores = [](VkDevice, const VkSemaphoreWaitInfo*, std::uint64_t n) { return wait(n); };
    context_->fn.vkWaitForFences = [](VkDevice, std::uint32_t, const VkFence*, VkBool32, std::uint64_t n) {
      return wait(n);
    };
    context_->fn.vkGetSemaphoreCounterValue = [](VkDevice, VkSemaphore, std::uint64_t* value) {
      *value = 0;
      return VK_SUCCESS;
    };
    context_->fn.vkGetFenceStatus = [](VkDevice, VkFence) { return VK_NOT_READY; };
    waited = 0;
  }
  void recover() { context_->fn = before_; }
  long live(const std::string& type) const {
    const Counts counts = shim_.live(Side::engine);
    return counts.contains(type) ? counts.at(type) : 0;
  }

  Program doubler() { return device_.compile(g_, {y_}); }

  static inline std::uint64_t waited = 0;
  VulkanShim shim_;
  Device device_;
  vk::Context* context_;
  vk::DeviceFunctions before_;
  Graph g_;
  Tensor x_ = g_.input("x", {3}), y_ = x_ * 2.0f;
  const std::vector<float> values_{1, 2, 3}, doubled_{2, 4, 6};
};

TEST_P(StuckDevice, WaitsSoLongAndMayBeAskedAgain) {
  Program program = doubler();
  program.run({{x_, values_}});
  hang();
  EXPECT_THROW(program.wait(), Timeout);
  EXPECT_EQ(waited, 4'000'000'000u);
  EXPECT_THROW(program.read(y_), Timeout);
  recover();
  EXPECT_EQ(program.read(y_), doubled_);
  EXPECT_FALSE(device_.lost());
  program.run({{x_, values_}});
  EXPECT_EQ(program.read(y_), doubled_);
}

TEST_P(StuckDevice, TransfersMayBeRepeatedAndLeaveNothing) {
  const Warnings warnings;
  Parameter weight("w", {3}, {3, 4, 5});
  Program program = device_.compile(g_, {x_ * g_.parameter(weight)});
  const long buffers = live("Buffer"), pools = live("CommandPool");
  hang();
  EXPECT_THROW(weight.values(), Timeout);
  EXPECT_THROW(weight.set(values_), Timeout);
  EXPECT_EQ(live("Buffer"), buffers + 2);  // what the copies use
  recover();
  EXPECT_EQ(weight.values(), (std::vector<float>{1, 2, 3}));  // the copy was submitted
  weight.set(doubled_);
  EXPECT_EQ(weight.values(), doubled_);
  EXPECT_EQ(live("Buffer"), buffers);
  EXPECT_EQ(live("CommandPool"), pools);
  EXPECT_TRUE(warnings.all.empty());
}

TEST_P(StuckDevice, ADestroyedProgramIsFreedOnceItsWorkIsDone) {
  Program other = doubler();
  const long before = live("Buffer");
  {
    Program program = doubler();
    program.run({{x_, values_}});
    hang();
    EXPECT_THROW(program.wait(), Timeout);
    waited = 0;
  }
  EXPECT_LE(waited, 2'000'000'000u);  // asked twice for a second more, not for the whole time once again
  EXPECT_GT(live("Buffer"), before);
  recover();
  other.run({{x_, values_}});
  EXPECT_EQ(other.read(y_), doubled_);
  EXPECT_EQ(live("Buffer"), before);
}

TEST_P(StuckDevice, DetachDestroysNothingWhileItHangs) {
  Program program = doubler();
  program.run({{x_, values_}});
  hang();
  EXPECT_THROW(interop::detach(device_), Timeout);
  recover();
  EXPECT_EQ(program.read(y_), doubled_);
  interop::detach(device_);
  EXPECT_EQ(shim_.live(Side::engine).count("Buffer"), 0u);
  EXPECT_EQ(shim_.faults(), std::vector<std::string>{});
}

TEST_P(StuckDevice, NoTimeoutIsForEver) {
  EXPECT_THROW(device_.set_timeout(-1), InvalidGraph);
  EXPECT_THROW(device_.set_timeout(std::numeric_limits<double>::quiet_NaN()), InvalidGraph);
  device_.set_timeout(0);
  Program program = doubler();
  program.run({{x_, values_}});
  hang();
  static vk::DeviceFunctions working;
  working = before_;
  constexpr std::uint64_t long_time = 1'000'000'000'000u;
  context_->fn.vkWaitSemaphores = [](VkDevice device, const VkSemaphoreWaitInfo* info, std::uint64_t n) {
    return waited < long_time ? wait(n) : working.vkWaitSemaphores(device, info, n);
  };
  context_->fn.vkWaitForFences = [](VkDevice device, std::uint32_t count, const VkFence* fences, VkBool32 all,
                                    std::uint64_t n) {
    return waited < long_time ? wait(n) : working.vkWaitForFences(device, count, fences, all, n);
  };
  program.wait();
  EXPECT_EQ(waited, long_time);
  recover();
}

INSTANTIATE_TEST_SUITE_P(Both, StuckDevice, testing::Values(true, false),
                         [](const auto& chosen) { return chosen.param ? "Timeline" : "Fences"; });

}  // namespace
}  // namespace volute::test
