// Tensors and buffers: inputs the application computes, outputs it draws from, steps in its own command buffers, and
// two queue families between them.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/e2e/embedded_model.hpp"
#include "tests/support/vulkan_shim.hpp"

namespace volute::test {
namespace {

constexpr int steps = 6;

/// Vertices as the application would have uploaded them.
Picture picture_of(VulkanApplication& application, const std::vector<float>& points) {
  ApplicationBuffer rows(application, RenderLoop::vertices * 16, VK_BUFFER_USAGE_VERTEX_BUFFER_BIT);
  for (std::uint32_t i = 0; i < RenderLoop::vertices; ++i)
    std::memcpy(rows.floats() + 4 * i, &points[2 * i], 2 * sizeof(float));
  RenderLoop loop(application);
  const interop::Slice source = rows.slice();
  return loop.frame(5, &source);
}

/// What the output is after so many steps, on a device of Volute's own.
std::vector<float> points_after(int count) {
  EmbeddedModel model{Device()};
  for (int i = 0; i < count; ++i) model.run(i);
  return model.program.read(model.points);
}

TEST(EmbeddingBuffers, RowsAreWholeTexels) {
  EXPECT_EQ(interop::row_pitch({}), 16u);
  EXPECT_EQ(interop::row_pitch({7, 3}), 16u);
  EXPECT_EQ(interop::row_pitch({7, 5}), 32u);
  EXPECT_EQ(interop::slice_bytes({7, 5}), 7u * 32);
  EXPECT_EQ(interop::slice_bytes({}), 16u);
}

TEST(EmbeddingBuffers, AnOutputIsDrawnFromWhereItLies) {
  Host host;
  VulkanApplication& application = *host.application;
  {
    EmbeddedModel model(interop::adopt(application.adoption()));
    RenderLoop loop(application);
    const interop::Slice points = interop::slice(model.program, model.points);
    EXPECT_GE(points.bytes, interop::slice_bytes(model.points.shape()));
    for (int i = 0; i < steps; ++i) model.run(i);
    model.program.wait();
    host.shim.forget_counts();
    model.run(steps);
    const Picture picture = loop.frame(5, &points, {{interop::completion(model.program)}, {}});
    EXPECT_EQ(host.shim.calls(Side::engine, "vkMapMemory"), 0);
    EXPECT_EQ(picture, picture_of(application, points_after(steps + 1)));
  }
  host.expect_clean();
  host.close();
}

/// The output path of an application that draws what it learns: nothing is copied or mapped from frame to frame.
TEST(EmbeddingBuffers, OutputsBoundToThemselvesAreNotCopied) {
  Host host;
  VulkanApplication& application = *host.application;
  {
    EmbeddedModel model(interop::adopt(application.adoption()));
    RenderLoop loop(application);
    const interop::Slice points = interop::slice(model.program, model.points);
    model.run(0);
    model.program.wait();
    host.shim.forget_counts();
    model.run(1);
    EXPECT_GT(host.shim.transfers(Side::engine).bytes_to_host, 0u) << "outputs that are not bound";
    for (const Tensor output : model.outputs)
      interop::bind(model.program, output, interop::slice(model.program, output));
    model.run(2);  // recorded again
    model.program.wait();
    host.shim.forget_counts();
    Picture picture;
    for (int i = 3; i < steps; ++i) {
      model.run(i);
      picture = loop.frame(5, &points, {{interop::completion(model.program)}, {}});
    }
    EXPECT_EQ(host.shim.transfers(Side::engine).to_host, 0);
    for (const char* call : {"vkMapMemory", "vkAllocateMemory", "vkCreateBuffer", "vkBeginCommandBuffer"})
      EXPECT_EQ(host.shim.calls(Side::engine, call), 0) << call;
    EXPECT_EQ(picture, picture_of(application, points_after(steps)));
  }
  host.expect_clean();
  host.close();
}

TEST(EmbeddingBuffers, ABoundOutputGoesToTheApplicationAndNotToTheHost) {
  Host host;
  VulkanApplication& application = *host.application;
  {
    EmbeddedModel model(interop::adopt(application.adoption()));
    ApplicationBuffer vertices(application, 256 + RenderLoop::vertices * 16,
                               VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT);
    RenderLoop loop(application);
    const interop::Slice rows{vertices.buffer, 256, RenderLoop::vertices * 16};
    model.run(0);
    model.program.wait();
    host.shim.forget_counts();
    model.run(1);
    const Transfers before = host.shim.transfers(Side::engine);
    interop::bind(model.program, model.points, rows);
    EXPECT_THROW(model.program.read(model.points), Error);
    host.shim.forget_counts();
    for (int i = 2; i < steps; ++i) model.run(i);
    const Picture picture = loop.frame(5, &rows, {{interop::completion(model.program)}, {}});
    // The application's buffer is mapped, so the copy into it counts as one to the host: no others are made for it.
    const Transfers after = host.shim.transfers(Side::engine);
    EXPECT_LE(after.to_host, (steps - 2) * before.to_host);
    EXPECT_EQ(picture, picture_of(application, points_after(steps)));
    interop::unbind(model.program, model.points);
    model.run(steps);
    EXPECT_EQ(model.program.read(model.points), points_after(steps + 1));
  }
  host.expect_clean();
  host.close();
}

TEST(EmbeddingBuffers, ABoundInputIsWhatTheApplicationComputed) {
  Host host;
  VulkanApplication& application = *host.application;
  const VkSemaphore ready = make_semaphore(application), taken = make_semaphore(application);
  {
    EmbeddedModel model(interop::adopt(application.adoption()));
    ApplicationBuffer values(application, interop::slice_bytes(model.x.shape()),
                             VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT);
    RampWriter writer(application, values, EmbeddedModel::inputs, EmbeddedModel::C);
    interop::bind(model.program, model.x, values.slice());
    for (int i = 0; i < steps; ++i) {
      interop::Sync free;
      if (i > 0) free.wait = {{taken}};
      free.signal = {{ready}};
      writer.write(i, free);
      interop::run(model.program, {model.feed_y(i)}, {{{ready}}, {{taken}}});
      writer.wait();
    }
    RenderLoop(application).frame(0, nullptr, {{{taken}}, {}});
    EXPECT_EQ(model.bits(), uninterrupted(steps));
    EXPECT_THROW(model.program.run(model.feeds(steps)), InvalidGraph) << "a bound input is not fed";
    interop::unbind(model.program, model.x);
    model.run(steps);
    EXPECT_EQ(model.bits(), uninterrupted(steps + 1));
  }
  application.fn.vkDestroySemaphore(application.device, ready, nullptr);
  application.fn.vkDestroySemaphore(application.device, taken, nullptr);
  host.expect_clean();
  host.close();
}

TEST(EmbeddingBuffers, AnInputBoundToItselfIsNotCopied) {
  Host host;
  VulkanApplication& application = *host.application;
  {
    EmbeddedModel model(interop::adopt(application.adoption()));
    const interop::Slice own = interop::slice(model.program, model.x);
    interop::bind(model.program, model.x, own);
    ApplicationBuffer values(application, interop::slice_bytes(model.x.shape()), VK_BUFFER_USAGE_TRANSFER_SRC_BIT);
    ApplicationCommands commands(application);
    for (int i = 0; i < steps; ++i) {
      const std::vector<float> flat = RampWriter::values(i, EmbeddedModel::inputs);
      std::memset(values.mapped, 0, values.bytes);
      for (std::uint32_t k = 0; k < EmbeddedModel::inputs; ++k)
        values.floats()[k / EmbeddedModel::C * 4 + k % EmbeddedModel::C] = flat[k];
      const VkBufferCopy region{0, own.offset, values.bytes};
      application.fn.vkCmdCopyBuffer(commands.begin(), values.buffer, own.buffer, 1, &region);
      commands.end();
      commands.submit();
      commands.wait();
      model.program.run({model.feed_y(i)});
      model.program.wait();
    }
    EXPECT_EQ(model.bits(), uninterrupted(steps));
  }
  host.expect_clean();
  host.close();
}

TEST(EmbeddingBuffers, WhatCannotBeBoundIsRefused) {
  Host host;
  VulkanApplication& application = *host.application;
  {
    EmbeddedModel model(interop::adopt(application.adoption()));
    const VkBufferUsageFlags both = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    ApplicationBuffer small(application, 16, both), large(application, 1 << 16, both);
    EXPECT_THROW(interop::bind(model.program, model.x, small.slice()), InvalidGraph);
    EXPECT_THROW(interop::bind(model.program, model.x, {large.buffer, 2, 1 << 15}), InvalidGraph);
    EXPECT_THROW(interop::bind(model.program, model.points * 2.0f, large.slice()), InvalidGraph);
    EXPECT_THROW(interop::slice(model.program, "no such state"), InvalidGraph);
    model.run(0);
    EXPECT_EQ(model.bits(), uninterrupted(1));
  }
  host.expect_clean();
}

TEST(EmbeddingBuffers, AStepRecordedByTheApplicationIsARun) {
  Host host;
  VulkanApplication& application = *host.application;
  {
    EmbeddedModel model(interop::adopt(application.adoption()));
    RenderLoop loop(application);
    const Picture before = loop.frame(9);
    model.run(0);
    model.program.wait();
    ApplicationCommands commands(application);
    interop::record(model.program, commands.begin());
    commands.end();
    host.shim.forget_counts();
    for (int i = 1; i < steps; ++i) {
      interop::feed(model.program, model.feeds(i));
      commands.submit();
      commands.wait();
    }
    EXPECT_EQ(host.shim.calls(Side::engine, "vkQueueSubmit"), 0);
    EXPECT_EQ(model.program.read(model.points), points_after(steps));
    model.run(steps);  // both ways in one program
    EXPECT_EQ(model.bits(), uninterrupted(steps + 1));
    EXPECT_EQ(loop.frame(9), before);
  }
  host.expect_clean();
  host.close();
}

/// Volute's queue is of another family than the application's: the bound buffers change hands.
TEST(EmbeddingBuffers, OwnershipChangesBetweenFamilies) {
  Host host({.compute_family = true}, {.families = 2});
  VulkanApplication& application = *host.application;
  const VkSemaphore ready = make_semaphore(application), trained = make_semaphore(application);
  {
    interop::Adoption lent = application.adoption();
    lent.queue = application.second_queue;
    lent.queue_family = 1;
    Device device = interop::adopt(lent);
    EXPECT_EQ(interop::handles(device).queue_family, 1u);
    EmbeddedModel model(device);
    ApplicationBuffer values(application, interop::slice_bytes(model.x.shape()),
                             VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT);
    ApplicationBuffer points(application, interop::slice_bytes(model.points.shape()),
                             VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT);
    RampWriter writer(application, values, EmbeddedModel::inputs, EmbeddedModel::C);
    interop::bind(model.program, model.x, values.slice(), 0);
    interop::bind(model.program, model.points, points.slice(), 0);
    ApplicationCommands give(application), take(application);
    for (int i = 0; i < steps; ++i) {
      writer.record(give.begin(), i);
      interop::record_release(device, give.commands(), values.slice(), 0, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                              VK_ACCESS_SHADER_WRITE_BIT);
      give.end();
      give.submit({{}, {{ready}}});
      interop::run(model.program, {model.feed_y(i)}, {{{ready}}, {{trained}}});
      interop::record_acquire(device, take.begin(), points.slice(), 0, VK_PIPELINE_STAGE_VERTEX_INPUT_BIT,
                              VK_ACCESS_VERTEX_ATTRIBUTE_READ_BIT);
      take.end();
      take.submit({{{trained}}, {}});
      take.wait();
      give.wait();
    }
    const interop::Slice rows = points.slice();
    EXPECT_EQ(RenderLoop(application).frame(5, &rows), picture_of(application, points_after(steps)));
    EXPECT_EQ(model.bits(), uninterrupted(steps));
    EXPECT_EQ(host.shim.ownership_transfers(), 2 * steps);
    EXPECT_EQ(host.shim.ownership_faults(), std::vector<std::string>{});
  }
  application.fn.vkDestroySemaphore(application.device, ready, nullptr);
  application.fn.vkDestroySemaphore(application.device, trained, nullptr);
  host.expect_clean();
  host.close();
}

}  // namespace
}  // namespace volute::test
