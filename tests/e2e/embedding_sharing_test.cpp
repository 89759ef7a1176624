// What an application and Volute share: a queue that two threads submit to, memory from the application's allocator,
// semaphores, and a device that Volute makes for both.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "tests/e2e/embedded_model.hpp"
#include "tests/support/vulkan_shim.hpp"

namespace volute::test {
namespace {

/// A lock of the application's that knows whether it is held by one alone.
struct CountedLock {
  void lock() {
    mutex.lock();
    ++locked;
    if (++holders != 1) ++shared;
  }
  void unlock() {
    --holders;
    ++unlocked;
    mutex.unlock();
  }
  std::mutex mutex;
  std::atomic<int> holders = 0, shared = 0, locked = 0, unlocked = 0;
};

TEST(EmbeddingSharing, AQueueThatTwoThreadsSubmitTo) {
  constexpr int steps = 30;
  CountedLock held;
  Host host;
  {
    interop::Adoption lent = host.application->adoption();
    lent.lock = [&] { held.lock(); };
    lent.unlock = [&] { held.unlock(); };
    EmbeddedModel model(interop::adopt(lent));
    RenderLoop loop(*host.application);
    const Picture first = loop.frame(0);
    loop.lock = lent.lock;
    loop.unlock = lent.unlock;
    const int before = held.locked;
    std::atomic<bool> trained = false;
    std::thread trainer([&] {
      for (int i = 0; i < steps; ++i) model.run(i);
      model.program.wait();
      trained = true;
    });
    int frames = 0, different = 0;
    for (; frames < 20 || !trained; ++frames) different += loop.frame(0) != first;
    trainer.join();
    EXPECT_EQ(different, 0) << "of " << frames;
    EXPECT_GE(held.locked - before, steps + frames);
    EXPECT_EQ(model.bits(), uninterrupted(steps));
  }
  EXPECT_EQ(held.locked, held.unlocked);
  EXPECT_EQ(held.shared, 0);
  host.expect_clean();
  host.close();
}

TEST(EmbeddingSharing, OneCallbackOfTwoIsRefused) {
  Host host;
  interop::Adoption lent = host.application->adoption();
  lent.lock = [] {};
  EXPECT_THROW(interop::adopt(lent), Error);
  lent = host.application->adoption();
  lent.allocator.allocate = [](const interop::MemoryRequest&, interop::Memory&) { return VK_SUCCESS; };
  EXPECT_THROW(interop::adopt(lent), Error);
}

/// An allocator of the application's: blocks of its own, parts of them handed out one after another.
struct Blocks {
  explicit Blocks(VulkanApplication& owner) : application(owner) {}

  interop::Allocator hooks() {
    return {[this](const interop::MemoryRequest& request, interop::Memory& part) { return allocate(request, part); },
            [this](const interop::Memory& part) { free(part); }};
  }
  VkResult allocate(const interop::MemoryRequest& request, interop::Memory& part) {
    EXPECT_NE(request.buffer, VkBuffer{VK_NULL_HANDLE});
    // Parts begin away from the start of their memory, so that an offset that is forgotten shows.
    const VkDeviceSize offset = request.requirements.alignment * 4;
    VkMemoryAllocateInfo info{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, nullptr, offset + request.requirements.size};
    info.memoryTypeIndex = application.memory_type(request.requirements.memoryTypeBits, request.required);
    const VkResult result = application.fn.vkAllocateMemory(application.device, &info, nullptr, &part.memory);
    if (result != VK_SUCCESS) return result;
    part.offset = offset;
    if (request.required & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) {
      void* address = nullptr;
      require(application.fn.vkMapMemory(application.device, part.memory, 0, VK_WHOLE_SIZE, 0, &address),
              "vkMapMemory");
      part.mapped = static_cast<std::byte*>(address) + offset;
    }
    part.user = this;
    ++given;
    return VK_SUCCESS;
  }
  void free(const interop::Memory& part) {
    EXPECT_EQ(part.user, this);
    application.fn.vkFreeMemory(application.device, part.memory, nullptr);
    ++returned;
  }

  VulkanApplication& application;
  int given = 0, returned = 0;
};

TEST(EmbeddingSharing, MemoryFromTheApplicationsAllocator) {
  Host host;
  Blocks blocks(*host.application);
  {
    interop::Adoption lent = host.application->adoption();
    lent.allocator = blocks.hooks();
    EmbeddedModel model(interop::adopt(lent));
    for (int i = 0; i < 5; ++i) model.run(i);
    EXPECT_EQ(model.bits(), uninterrupted(5));
    EXPECT_GT(blocks.given, blocks.returned);
  }
  EXPECT_EQ(blocks.given, blocks.returned);
  EXPECT_EQ(host.shim.calls(Side::engine, "vkAllocateMemory"), 0);
  EXPECT_EQ(host.shim.calls(Side::engine, "vkMapMemory"), 0);
  host.expect_clean();
  host.close();
}

TEST(EmbeddingSharing, AnAllocatorWithoutMemory) {
  Host host;
  Blocks blocks(*host.application);
  {
    interop::Adoption lent = host.application->adoption();
    lent.allocator = blocks.hooks();
    lent.allocator.allocate = [&](const interop::MemoryRequest& request, interop::Memory& part) {
      return blocks.given < 2 ? blocks.allocate(request, part) : VK_ERROR_OUT_OF_DEVICE_MEMORY;
    };
    EXPECT_THROW(EmbeddedModel(interop::adopt(lent)), OutOfMemory);
  }
  EXPECT_EQ(blocks.given, blocks.returned);
  host.expect_clean();
}

TEST(EmbeddingSharing, StepsWaitForAndSignalTimelines) {
  Host host;
  VulkanApplication& application = *host.application;
  const VkSemaphore go = make_semaphore(application, 0), done = make_semaphore(application, 7);
  {
    EmbeddedModel model(interop::adopt(application.adoption()));
    RenderLoop loop(application);
    const interop::Sync sync{{{go, 3}}, {{done, 8}}};
    interop::run(model.program, model.feeds(0), sync);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::uint64_t value = 0;
    require(application.fn.vkGetSemaphoreCounterValue(application.device, done, &value), "counter");
    EXPECT_EQ(value, 7u) << "the step did not wait";
    const VkSemaphoreSignalInfo signal{VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO, nullptr, go, 3};
    require(application.fn.vkSignalSemaphore(application.device, &signal), "vkSignalSemaphore");
    loop.frame(0, nullptr, {{{done, 8}}, {}});  // returns only if the step signals
    model.run(1);
    const interop::SemaphorePoint all = interop::completion(model.program);
    loop.frame(1, nullptr, {{all}, {}});
    require(application.fn.vkGetSemaphoreCounterValue(application.device, all.semaphore, &value), "counter");
    EXPECT_GE(value, all.value);
    EXPECT_EQ(model.bits(), uninterrupted(2));
  }
  application.fn.vkDestroySemaphore(application.device, go, nullptr);
  application.fn.vkDestroySemaphore(application.device, done, nullptr);
  host.expect_clean();
  host.close();
}

/// Frames and parts of steps in turns, each waiting for the other by a binary semaphore.
TEST(EmbeddingSharing, BinarySemaphoresPairUpThroughPartsOfSteps) {
  Host host;
  VulkanApplication& application = *host.application;
  const VkSemaphore drawn = make_semaphore(application), trained = make_semaphore(application);
  {
    EmbeddedModel model(interop::adopt(application.adoption()));
    RenderLoop loop(application);
    loop.frame(0, nullptr, {{}, {{drawn}}});
    int steps = 0;
    for (int i = 1; i <= 60; ++i) {
      if (!model.program.in_step()) model.program.begin(model.feeds(steps));
      const Progress progress =
          interop::advance(model.program, std::chrono::milliseconds(1), {{{drawn}}, {{trained}}});
      steps += progress.finished;
      loop.frame(i, nullptr, {{{trained}}, {{drawn}}});
    }
    loop.frame(61, nullptr, {{{drawn}}, {}});
    const int whole = steps + model.program.in_step();
    model.program.finish();
    EXPECT_GE(steps, 2);
    EXPECT_EQ(model.bits(), uninterrupted(whole));
  }
  application.fn.vkDestroySemaphore(application.device, drawn, nullptr);
  application.fn.vkDestroySemaphore(application.device, trained, nullptr);
  host.expect_clean();
  host.close();
}

TEST(EmbeddingSharing, ADeviceMadeForBoth) {
  interop::Creation creation;
  creation.instance_extensions = {VK_KHR_SURFACE_EXTENSION_NAME};
  creation.device_extensions = {VK_KHR_SWAPCHAIN_EXTENSION_NAME};
  creation.queue_flags = VK_QUEUE_GRAPHICS_BIT;
  creation.async_compute = true;
  VkPhysicalDeviceVulkan12Features features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
  features.bufferDeviceAddress = VK_TRUE;
  creation.features = &features;
  int asked = 0;
  creation.accepts_family = [&](VkInstance instance, VkPhysicalDevice physical, std::uint32_t) {
    ++asked;
    return instance && physical;
  };
  Device device = interop::create(creation);
  EXPECT_GE(asked, 1);
  const interop::Handles handles = interop::handles(device);
  EXPECT_TRUE(handles.instance && handles.physical && handles.device && handles.queue && handles.app_queue);
  const auto load = reinterpret_cast<PFN_vkGetDeviceProcAddr>(
      handles.get_instance_proc_addr(handles.instance, "vkGetDeviceProcAddr"));
  EXPECT_NE(load(handles.device, "vkCreateSwapchainKHR"), nullptr);
  {
    const auto held = interop::lock_queue(device);
    EXPECT_TRUE(held.owns_lock());
  }
  EmbeddedModel model(device);
  for (int i = 0; i < 3; ++i) model.run(i);
  EXPECT_EQ(model.bits(), uninterrupted(3));
}

TEST(EmbeddingSharing, WhatNoDeviceHasIsNamed) {
  const auto refused = [](interop::Creation creation, const std::string& name) {
    try {
      interop::create(creation);
      ADD_FAILURE() << "created without " << name;
    } catch (const Unsupported& error) {
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
    }
  };
  refused({.device_extensions = {"VK_KHR_not_there"}}, "VK_KHR_not_there");
  refused({.instance_extensions = {"VK_KHR_nor_there"}}, "VK_KHR_nor_there");
  refused({.selector = "no such device"}, "no such device");
  refused({.accepts_family = [](VkInstance, VkPhysicalDevice, std::uint32_t) { return false; }}, "family");
}

}  // namespace
}  // namespace volute::test
