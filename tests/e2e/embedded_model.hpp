// The model the embedding tests train: a GRU whose last states give the vertices of what the application draws.
// Invariant: weights depend on the number of steps alone, wherever and however the steps run.
#pragma once

#include <gtest/gtest.h>

#include <volute/interop.hpp>
#include <volute/volute.hpp>

#include "tests/e2e/ramp_writer.hpp"
#include "tests/e2e/render_loop.hpp"
#include "tests/support/bits.hpp"
#include "tests/support/vulkan_shim.hpp"

namespace volute::test {

class EmbeddedModel {
 public:
  static constexpr std::uint32_t T = 32, N = RenderLoop::vertices, C = 3, H = 24, inputs = T * N * C;

  explicit EmbeddedModel(Device device) : program(build(device)) {}

  /// What step `number` is fed; valid until the next call.
  std::vector<Feed> feeds(int number) {
    x_values_ = RampWriter::values(number, inputs);
    return {{x, x_values_}, feed_y(number)};
  }
  /// All but the input that is bound.
  Feed feed_y(int number) {
    y_values_ = RampWriter::values(number / 4, N * 2);
    return {y, y_values_};
  }
  void run(int number) { program.run(feeds(number)); }
  std::vector<std::uint32_t> bits() const { return bits_of({&gru, &head}); }

  nn::GRU gru = seeded();
  nn::Linear head{H, 2};
  Graph graph;
  Tensor x, y, points, loss;    // [T, N, C], [N, 2], [N, 2], []
  std::vector<Tensor> outputs;  ///< all, the gradients' norm too
  Program program;

 private:
  static nn::GRU seeded() {
    manual_seed(5);
    return {C, H};
  }
  Program build(Device device) {
    x = graph.input("x", {T, N, C});
    y = graph.input("y", {N, 2});
    const Tensor states = gru(x);  // [T, N, H]
    points = reshape(tanh(head(slice(states, 0, T - 1, T))), {N, 2});
    loss = mean((points - y) * (points - y));
    Targets targets = minimize(loss, Adam{.lr = 1e-2f}, {.clip_norm = 1.0f});
    targets.outputs.push_back(points);
    outputs = targets.outputs;
    return device.compile(graph, targets, {.submission_seconds = 2e-4});
  }

  std::vector<float> x_values_, y_values_;
};

/// Weights after so many steps on a device of Volute's own, not interrupted.
inline std::vector<std::uint32_t> uninterrupted(int steps) {
  EmbeddedModel model{Device()};
  for (int i = 0; i < steps; ++i) model.run(i);
  return model.bits();
}

/// An application behind the shim, and what to expect of it when all is gone.
struct Host {
  explicit Host(Masks masks = {}, ApplicationOptions options = {})
      : shim(std::move(masks)),
        application(std::in_place, VulkanShim::entry(Side::application), VulkanShim::entry(Side::engine), options) {}

  /// After the last of Volute's objects: nothing of it is left, and it has neither waited for the device's other work
  /// nor destroyed what was lent.
  void expect_clean() {
    EXPECT_EQ(shim.live(Side::engine), Counts{});
    EXPECT_EQ(shim.calls(Side::engine, "vkDeviceWaitIdle"), 0);
    EXPECT_EQ(shim.calls(Side::engine, "vkQueueWaitIdle"), 0);
    EXPECT_EQ(shim.calls(Side::engine, "vkDestroyDevice"), 0);
    EXPECT_EQ(shim.calls(Side::engine, "vkDestroyInstance"), 0);
    EXPECT_EQ(shim.faults(), std::vector<std::string>{});
    EXPECT_EQ(application->messages(), 0);
  }
  /// After the last of the application's objects but its device and instance.
  void close() {
    application->destroy_device();
    EXPECT_EQ(application->messages(), 0);
    application.reset();
    EXPECT_EQ(shim.live(Side::application), Counts{});
    EXPECT_EQ(shim.faults(), std::vector<std::string>{});
  }

  VulkanShim shim;
  std::optional<VulkanApplication> application;
};

}  // namespace volute::test
