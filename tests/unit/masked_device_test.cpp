// Devices without optional abilities, masked by a shim: Volute works, gives the same bits, and says what it goes
// without; devices it cannot use are rejected with the reason.
#include <gtest/gtest.h>

#include <cmath>

#include <volute/interop.hpp>
#include <volute/volute.hpp>

#include "tests/support/bits.hpp"
#include "tests/support/vulkan_application.hpp"
#include "tests/support/vulkan_shim.hpp"

namespace volute::test {
namespace {

struct Masked {
  explicit Masked(Masks masks = {}, ApplicationOptions options = {})
      : shim(std::move(masks)),
        application(VulkanShim::entry(Side::application), VulkanShim::entry(Side::engine), options) {}

  interop::Wishes wishes() { return {application.instance, application.physical, VulkanShim::entry(Side::engine)}; }

  VulkanShim shim;
  VulkanApplication application;
};

std::vector<std::uint32_t> train(Device device, float* last_loss = nullptr) {
  manual_seed(3);
  nn::LSTM lstm(5, 16);
  Graph g;
  const Tensor x = g.input("x", {9, 6, 5}), states = lstm(x);
  const Tensor loss = mean((states - 0.25f) * (states - 0.25f));
  Program program = device.compile(g, minimize(loss, Adam{.lr = 1e-2f}), {.submission_seconds = 1e-3});
  std::vector<float> values(9 * 6 * 5);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * 7 % 32) / 32.0f - 0.5f;
  program.run({{x, values}});
  const float first = program.value(loss);
  for (int i = 0; i < 8; ++i) program.run();
  EXPECT_LT(program.value(loss), first);
  if (last_loss) *last_loss = program.value(loss);
  return bits_of({&lstm});
}

const std::vector<std::uint32_t>& unmasked() {
  static const std::vector<std::uint32_t> bits = train(Device());
  return bits;
}

bool names(const std::vector<std::string>& without, const std::string& what) {
  for (const std::string& line : without)
    if (line.find(what) != std::string::npos) return true;
  return false;
}

/// The ability that needs this feature, or fails.
interop::Ability ability(const std::vector<interop::Ability>& all, const std::string& needs) {
  for (const interop::Ability& one : all)
    if (one.needs.find(needs) != std::string::npos) return one;
  ADD_FAILURE() << "no ability needs " << needs;
  return {};
}

void expect_without_timelines(Masked& masked, const interop::Adoption& lent) {
  {
    Device device = interop::adopt(lent);
    EXPECT_TRUE(names(device.info().without, "timeline semaphores"));
    for (const interop::Ability& one : interop::abilities(device)) {
      EXPECT_FALSE(one.name.empty() || one.needs.empty() || one.without.empty()) << one.name;
      EXPECT_EQ(names(device.info().without, one.name), !one.present) << one.name;
    }
    EXPECT_FALSE(ability(interop::abilities(device), "timelineSemaphore").present);
    EXPECT_EQ(train(device), unmasked());

    Graph g;
    Program program = device.compile(g, g.full({4}, 1) + 1.0f);
    program.run();
    try {
      interop::completion(program);
      ADD_FAILURE() << "completion without timelines";
    } catch (const Unsupported& error) {
      EXPECT_NE(std::string(error.what()).find("timelineSemaphore"), std::string::npos) << error.what();
    }
  }
  EXPECT_EQ(masked.shim.live(Side::engine), Counts{});
  EXPECT_EQ(masked.shim.calls(Side::engine, "vkWaitSemaphores"), 0);
  EXPECT_EQ(masked.shim.faults(), std::vector<std::string>{});
  EXPECT_EQ(masked.application.messages(), 0);
}

TEST(MaskedDevice, NothingOptionalIsThere) {
  Masked masked({.timeline_semaphores = false, .timestamps = false, .extensions = false});
  EXPECT_TRUE(masked.wishes().extensions().empty());
  expect_without_timelines(masked, masked.application.adoption());
}

TEST(MaskedDevice, NothingOptionalIsEnabled) {
  Masked masked({}, {.wishes = false});
  EXPECT_TRUE(ability(masked.wishes().abilities(), "timelineSemaphore").present) << "it is offered";
  expect_without_timelines(masked, masked.application.adoption());
}

TEST(MaskedDevice, WhatIsEnabledIsNotTold) {
  Masked masked({}, {.wishes = false});
  interop::Adoption lent = masked.application.adoption();
  lent.created_with = nullptr;
  expect_without_timelines(masked, lent);
}

TEST(MaskedDevice, AllThatIsWishedForIsEnabled) {
  Masked masked;
  Device device = interop::adopt(masked.application.adoption());
  EXPECT_TRUE(ability(interop::abilities(device), "timelineSemaphore").present);
  EXPECT_FALSE(names(device.info().without, "timeline semaphores"));
  EXPECT_EQ(train(device), unmasked());
  EXPECT_EQ(masked.application.messages(), 0);
}

TEST(MaskedDevice, BudgetsWorkWithoutTimestampsAndTimelines) {
  Masked masked({.timeline_semaphores = false, .timestamps = false, .extensions = false});
  Device device = interop::adopt(masked.application.adoption());
  Graph g;
  const Tensor x = g.input("x", {64, 4, 8});
  nn::GRU gru(8, 8);
  const Tensor loss = mean(gru(x));
  Program program = device.compile(g, minimize(loss, SGD{.lr = 0.1f}), {.submission_seconds = 1e-3});
  program.begin({{x, std::vector<float>(64 * 4 * 8, 0.5f)}});
  int calls = 1;
  while (!program.advance(std::chrono::microseconds(500)).finished && calls < 100000) ++calls;
  EXPECT_LT(calls, 100000);
  EXPECT_TRUE(std::isfinite(program.value(loss)));
  EXPECT_EQ(masked.application.messages(), 0);
}

TEST(MaskedDevice, LanesOfASubgroupCannotShuffle) {
  Masked masked({.subgroup_shuffle = false});
  Device device = interop::adopt(masked.application.adoption());
  EXPECT_FALSE(device.info().subgroup_shuffle);
  train(device);
  EXPECT_EQ(masked.application.messages(), 0);
}

TEST(MaskedDevice, WishesGoIntoAnApplicationsChain) {
  Masked masked;
  VkPhysicalDeviceVulkan12Features features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
  VkPhysicalDeviceFeatures2 head{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &features};
  features.bufferDeviceAddress = VK_TRUE;
  interop::Wishes wishes = masked.wishes();
  int heads = 0, core = 0, single = 0;
  for (auto* link = static_cast<VkBaseOutStructure*>(wishes.add_features(&head)); link; link = link->pNext) {
    heads += link == reinterpret_cast<VkBaseOutStructure*>(&head);
    core += link->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
    single += link->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES;
  }
  EXPECT_EQ(heads, 1);
  EXPECT_EQ(core, 1);
  EXPECT_EQ(single, 0) << "Vulkan forbids both";
  EXPECT_TRUE(features.timelineSemaphore);
  EXPECT_TRUE(features.bufferDeviceAddress) << "the application's own wish";
}

TEST(MaskedDevice, WishesGoIntoAStructureOfTheirOwn) {
  Masked masked;
  VkPhysicalDeviceTimelineSemaphoreFeatures timeline{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES};
  interop::Wishes wishes = masked.wishes();
  wishes.add_features(&timeline);
  EXPECT_TRUE(timeline.timelineSemaphore);
}

void expect_rejected(Masks masks, const std::string& reason) {
  Masked masked(std::move(masks), {.wishes = false});
  EXPECT_NE(masked.wishes().rejected().find(reason), std::string::npos) << masked.wishes().rejected();
  try {
    interop::adopt(masked.application.adoption());
    ADD_FAILURE() << "adopted: " << reason;
  } catch (const Unsupported& error) {
    EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
  }
  EXPECT_EQ(masked.shim.live(Side::engine), Counts{});
}

TEST(MaskedDevice, OlderVulkanIsRejected) { expect_rejected({.api_version = VK_API_VERSION_1_1}, "1.2"); }
TEST(MaskedDevice, ADeviceThatDoesNotComputeIsRejected) { expect_rejected({.compute_queues = false}, "compute"); }
TEST(MaskedDevice, ADeviceWithoutStorageTexelsIsRejected) { expect_rejected({.storage_texels = false}, "texel"); }

TEST(MaskedDevice, AUsableDeviceIsNotRejected) {
  Masked masked({}, {.wishes = false});
  EXPECT_EQ(masked.wishes().rejected(), "");
}

TEST(MaskedDevice, AnInstanceOfVulkan11IsRefused) {
  Masked masked({}, {.wishes = false});
  interop::Adoption lent = masked.application.adoption();
  lent.api_version = VK_API_VERSION_1_1;
  EXPECT_THROW(interop::adopt(lent), Unsupported);
}

TEST(MaskedDevice, MissingHandlesAreNamed) {
  Masked masked({}, {.wishes = false});
  for (int missing = 0; missing < 4; ++missing) {
    interop::Adoption lent = masked.application.adoption();
    if (missing == 0) lent.instance = VK_NULL_HANDLE;
    if (missing == 1) lent.physical = VK_NULL_HANDLE;
    if (missing == 2) lent.device = VK_NULL_HANDLE;
    if (missing == 3) lent.queue = VK_NULL_HANDLE;
    EXPECT_THROW(interop::adopt(lent), Error) << missing;
  }
}

}  // namespace
}  // namespace volute::test
