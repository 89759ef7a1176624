// The shim itself: it sees what is made and destroyed and by whom, copies when they are executed, and its masks show.
#include <gtest/gtest.h>

#include <optional>

#include "engine/compile/device_data.hpp"
#include "engine/vulkan/functions.hpp"
#include "tests/support/vulkan_application.hpp"
#include "tests/support/vulkan_shim.hpp"

namespace volute::test {
namespace {

TEST(VulkanShim, WrapsEveryFunctionVoluteCalls) {
  const std::set<std::string> wrapped = VulkanShim::wrapped();
#define VOLUTE_TEST_WRAPPED(name) EXPECT_TRUE(wrapped.contains(#name)) << #name;
  VOLUTE_GLOBAL_FUNCTIONS(VOLUTE_TEST_WRAPPED)
  VOLUTE_INSTANCE_FUNCTIONS(VOLUTE_TEST_WRAPPED)
  VOLUTE_DEVICE_FUNCTIONS(VOLUTE_TEST_WRAPPED)
#undef VOLUTE_TEST_WRAPPED
}

/// Whether it is a function that can fail.
template <class Result, class... Arguments>
bool returns_a_result(Result(VKAPI_PTR*)(Arguments...)) {
  return std::is_same_v<Result, VkResult>;
}

TEST(VulkanShim, KnowsTheFailuresOfEveryFunctionThatHasThem) {
#define VOLUTE_TEST_FAILURES(name) \
  EXPECT_EQ(returns_a_result(PFN_##name{nullptr}), !failures_of(#name).empty()) << #name;
  VOLUTE_GLOBAL_FUNCTIONS(VOLUTE_TEST_FAILURES)
  VOLUTE_INSTANCE_FUNCTIONS(VOLUTE_TEST_FAILURES)
  VOLUTE_DEVICE_FUNCTIONS(VOLUTE_TEST_FAILURES)
#undef VOLUTE_TEST_FAILURES
}

TEST(VulkanShim, ALostDeviceStaysLost) {
  VulkanShim shim;
  interop::Creation creation;
  creation.get_instance_proc_addr = VulkanShim::entry(Side::engine);
  {
    const Device lost = interop::create(creation), other = interop::create(creation);
    vk::Context& context = *lost.data()->context;
    shim.failures().fail("vkGetSemaphoreCounterValue", 2, VK_ERROR_DEVICE_LOST);
    const auto value = [](vk::Context& asked) {
      std::uint64_t count = 0;
      return asked.fn.vkGetSemaphoreCounterValue(asked.device, asked.timeline(), &count);
    };
    EXPECT_EQ(value(context), VK_SUCCESS);
    EXPECT_EQ(value(context), VK_ERROR_DEVICE_LOST);
    EXPECT_EQ(shim.failures().struck()->function, "vkGetSemaphoreCounterValue");
    shim.failures().stop();
    EXPECT_EQ(value(context), VK_ERROR_DEVICE_LOST);
    EXPECT_EQ(context.fn.vkQueueSubmit(context.queue, 0, nullptr, VK_NULL_HANDLE), VK_ERROR_DEVICE_LOST);
    EXPECT_EQ(value(*other.data()->context), VK_SUCCESS);
  }
  EXPECT_EQ(shim.live(Side::engine), Counts{});
}

TEST(VulkanShim, CountsLiveObjectsBySide) {
  VulkanShim shim;
  {
    VulkanApplication one(VulkanShim::entry(Side::application), VulkanShim::entry(Side::engine), {.wishes = false});
    EXPECT_EQ(shim.live(Side::application), (Counts{{"DebugUtilsMessengerEXT", 1}, {"Device", 1}, {"Instance", 1}}));
    ApplicationBuffer buffer(one, 64, VK_BUFFER_USAGE_TRANSFER_DST_BIT);
    ApplicationCommands commands(one);
    const Counts live = shim.live(Side::application);
    for (const char* type : {"Buffer", "Memory", "CommandPool", "CommandBuffer", "Fence"})
      EXPECT_EQ(live.contains(type) ? live.at(type) : 0, 1) << type;
    EXPECT_EQ(shim.calls(Side::application, "vkMapMemory"), 1);
    EXPECT_EQ(shim.calls(Side::engine, "vkMapMemory"), 0);
  }
  EXPECT_EQ(shim.live(Side::application), Counts{});
  EXPECT_EQ(shim.live(Side::engine), Counts{});
  EXPECT_EQ(shim.faults(), std::vector<std::string>{});
  EXPECT_THROW(shim.calls(Side::engine, "vkNoSuchCall"), std::logic_error);
}

TEST(VulkanShim, CountsCopiesWhenTheyAreExecuted) {
  VulkanShim shim;
  VulkanApplication one(VulkanShim::entry(Side::application), VulkanShim::entry(Side::engine), {.wishes = false});
  const VkBufferUsageFlags both = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  ApplicationBuffer from(one, 64, both), to(one, 64, both);
  ApplicationCommands commands(one);
  const VkBufferCopy region{0, 0, 48};
  one.fn.vkCmdCopyBuffer(commands.begin(), from.buffer, to.buffer, 1, &region);
  commands.end();
  EXPECT_EQ(shim.transfers(Side::application).to_host, 0);
  for (int i = 0; i < 3; ++i) {
    commands.submit();
    commands.wait();
  }
  EXPECT_EQ(shim.transfers(Side::application).to_host, 3);
  EXPECT_EQ(shim.transfers(Side::application).bytes_to_host, 3u * 48);
  EXPECT_EQ(shim.transfers(Side::engine).to_host, 0);
}

TEST(VulkanShim, NoticesWhoDestroysWhat) {
  Registry registry;
  registry.created(Side::application, "Buffer", 1);
  registry.destroyed(Side::engine, "Buffer", 1);
  EXPECT_EQ(registry.faults().size(), 1u);
  registry.destroyed(Side::engine, "Buffer", 2);
  EXPECT_EQ(registry.faults().size(), 2u);
  registry.destroyed(Side::engine, "Buffer", 0);
  EXPECT_EQ(registry.faults().size(), 2u);
}

TEST(VulkanShim, NoticesOwnershipThatIsNotHandedOver) {
  VulkanShim shim;
  const auto half = [&](VkCommandBuffer commands, std::uint32_t from, std::uint32_t to) {
    VkBufferMemoryBarrier barrier{VK_STRUCTURE_TYPE_BUFFER_MEMORY_BARRIER};
    barrier.srcQueueFamilyIndex = from;
    barrier.dstQueueFamilyIndex = to;
    shim.registry().begun(commands);
    shim.registry().moved(commands, barrier);
    shim.registry().submitted(Side::engine, commands);
  };
  const auto commands = [&](std::uint64_t number, std::uint32_t family) {
    shim.registry().created(Side::engine, "CommandBuffer", number, number + 100);
    shim.registry().pool_family(reinterpret_cast<VkCommandPool>(number + 100), family);
    return reinterpret_cast<VkCommandBuffer>(number);
  };
  const VkCommandBuffer first = commands(1, 0), second = commands(2, 1), third = commands(3, 2);
  half(first, 0, 1);
  half(second, 0, 1);
  EXPECT_EQ(shim.ownership_transfers(), 1);
  EXPECT_EQ(shim.ownership_faults().size(), 0u);
  half(second, 0, 1);
  EXPECT_EQ(shim.ownership_faults().size(), 1u) << "acquired twice";
  half(first, 0, 1);
  half(first, 0, 1);
  EXPECT_EQ(shim.ownership_faults().size(), 2u) << "released twice";
  half(third, 0, 1);
  EXPECT_EQ(shim.faults().size(), 1u) << "by a third family";
}

TEST(VulkanShim, TwoFamiliesArePretended) {
  VulkanShim shim({.compute_family = true});
  VulkanApplication one(VulkanShim::entry(Side::application), VulkanShim::entry(Side::engine),
                        {.wishes = false, .families = 2});
  EXPECT_NE(one.second_queue, VkQueue{VK_NULL_HANDLE});
  ApplicationCommands commands(one, 1);
  commands.begin();
  commands.end();
  commands.submit({}, one.second_queue);
  commands.wait();
  EXPECT_EQ(one.messages(), 0);
}

}  // namespace
}  // namespace volute::test
