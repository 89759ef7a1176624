// Devices that Volute creates for an application too: queues of two families, features the application asks for, and
// what is left of a device that was given up.
#include <gtest/gtest.h>

#include <volute/interop.hpp>
#include <volute/volute.hpp>

#include "engine/compile/device_data.hpp"
#include "tests/support/vulkan_shim.hpp"

namespace volute::test {
namespace {

const std::vector<float> values = {0.5f, -1.0f, 2.0f, 0.25f, 1.5f};

/// k tanh(w x), and the sum of it as the loss.
struct Model {
  explicit Model(Device& device) : program(device.compile(g, targets())) {}

  Targets targets() {
    Targets made = minimize(sum(y), SGD{.lr = 0.1f});
    made.outputs.push_back(y);
    return made;
  }

  Parameter w{"w", {5}, {1, 2, 3, 4, 5}};
  Graph g;
  Tensor x = g.input("x", {5}), k = g.scalar("k", 2.0f), y = k * tanh(g.parameter(w) * x);
  Program program;
};

std::vector<float> trained(Device device) {
  Model model(device);
  for (int i = 0; i < 5; ++i) model.program.run({{model.x, values}});
  return model.w.values();
}

interop::Creation beside_rendering(PFN_vkGetInstanceProcAddr entry) {
  interop::Creation creation;
  creation.get_instance_proc_addr = entry;
  creation.queue_flags = VK_QUEUE_GRAPHICS_BIT;
  creation.async_compute = true;
  return creation;
}

TEST(CreatedDevice, AsynchronousComputeTakesTheFamilyWithoutGraphics) {
  VulkanShim shim({.compute_family = true});
  {
    const Device device = interop::create(beside_rendering(VulkanShim::entry(Side::engine)));
    const interop::Handles handles = interop::handles(device);
    EXPECT_NE(handles.queue_family, handles.app_queue_family);
    EXPECT_TRUE(handles.queue && handles.app_queue);
    EXPECT_EQ(device.data()->context->buffer_families.size(), 2u) << "buffers are shared between both families";
    EXPECT_EQ(trained(device), trained(Device()));
  }
  EXPECT_TRUE(shim.live(Side::engine).empty());
  EXPECT_TRUE(shim.faults().empty());
}

TEST(CreatedDevice, OneQueueDoesWhereThereIsNoOther) {
  const Device device = interop::create(beside_rendering(nullptr));
  const interop::Handles handles = interop::handles(device);
  if (handles.queue_family != handles.app_queue_family || handles.queue != handles.app_queue)
    GTEST_SKIP() << "this device has another queue that computes";
  EXPECT_TRUE(handles.queue);
  EXPECT_EQ(trained(device), trained(Device()));
}

TEST(CreatedDevice, AMissingFeatureIsAReasonAgainstADevice) {
  RecordProperty("provokes_validation", "a feature the device does not offer");
  VkPhysicalDeviceVulkan11Features features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES};
  features.protectedMemory = VK_TRUE;
  interop::Creation creation;
  creation.features = &features;
  if (Device().info().type != "cpu") GTEST_SKIP() << "a GPU may have protected memory";
  try {
    interop::create(creation);
    FAIL() << "created";
  } catch (const Unsupported& error) {
    EXPECT_NE(std::string(error.what()).find("lacks a feature the application asks for"), std::string::npos)
        << error.what();
  }
}

TEST(CreatedDevice, NothingCanBeDoneAfterDetachEvenIfNothingEverRan) {
  Device device = interop::create({});
  Model model(device);
  interop::detach(device);
  EXPECT_THROW(model.program.run({{model.x, values}}), DeviceLost);
  EXPECT_THROW(model.program.begin({{model.x, values}}), DeviceLost);
  EXPECT_THROW(model.program.set("k", 3.0f), DeviceLost);
  EXPECT_THROW(interop::feed(model.program, {{model.x, values}}), DeviceLost);
  EXPECT_THROW(interop::completion(model.program), DeviceLost);
  EXPECT_THROW(interop::slice(model.program, model.y), DeviceLost);
  EXPECT_THROW(interop::bind(model.program, model.y, {}), Error);
  EXPECT_EQ(model.w.values(), (std::vector<float>{1, 2, 3, 4, 5}));
}

TEST(CreatedDevice, WhatIsSetLastCounts) {
  Device device;
  Model model(device);
  const auto output = [&](float k) {
    model.program.set("lr", 0.0f);
    model.program.set("k", k);
    model.program.run({{model.x, values}});
    return model.program.read(model.y);
  };
  const auto expected = output(7.0f);
  model.program.begin({{model.x, values}});
  model.program.set("k", 5.0f);  // for the step after this one
  model.program.finish();
  EXPECT_EQ(model.program.read(model.y), expected);
  EXPECT_EQ(output(7.0f), expected) << "set after the step, over what was set in it";
  model.program.run();
  EXPECT_EQ(model.program.read(model.y), expected);
}

}  // namespace
}  // namespace volute::test
