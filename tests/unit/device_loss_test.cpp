// Devices that are lost at random submissions of a training: with snapshots kept, it goes on on another device and ends
// with the weights of one that was never interrupted; without, every call says that the device is lost.
#include <gtest/gtest.h>

#include <bit>
#include <optional>
#include <random>

#include <volute/interop.hpp>
#include <volute/volute.hpp>

#include "tests/support/bits.hpp"
#include "tests/support/vulkan_shim.hpp"

namespace volute::test {
namespace {

constexpr std::int64_t T = 4, N = 2, C = 3, steps = 12;

Device make_device() {
  interop::Creation creation;
  creation.get_instance_proc_addr = VulkanShim::entry(Side::engine);
  return interop::create(creation);
}

/// A recurrent network whose every step depends on those before: on weights, moments, carried states and the count of
/// steps that random numbers are keyed by.
struct Training {
  Training() {
    x = g.input("x", {T, N, C});
    const Tensor error = head(gru(x, g.carried())) - 0.25f;  // [T, N, 1]
    loss = mean(dropout(error * error, 0.2f));
    targets = minimize(loss, Adam{.lr = 1e-2f}, {.clip_norm = 0.5f});
  }
  static nn::GRU seeded() {
    manual_seed(3);
    return {C, 4};
  }
  Program compile(Device device) const { return device.compile(g, targets, {.submission_seconds = 2e-4}); }
  void step(Program& program) const {
    std::vector<float> values(T * N * C);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>((i * 7 + static_cast<std::size_t>(program.steps()) * 5) % 32) / 32.0f - 0.5f;
    program.run({{x, values}});
  }
  std::vector<std::uint32_t> bits() const { return bits_of({&gru, &head}); }

  nn::GRU gru = seeded();
  nn::Linear head{4, 1};
  Graph g;
  Tensor x, loss;
  Targets targets;
};

/// Trains to the end, however often devices are lost.
std::vector<std::uint32_t> train(std::int64_t every_steps, int& losses) {
  const Training training;
  std::optional<Program> program(training.compile(make_device()));
  program->keep(every_steps);
  for (;;) try {
      while (program->steps() < steps) training.step(*program);
      program->wait();
      return training.bits();
    } catch (const DeviceLost&) {
      ++losses;
      Program again = training.compile(make_device());
      again.restore(program->kept());
      again.keep(every_steps);
      program.emplace(std::move(again));
    }
}

long count_of(const VulkanShim& shim, const std::string& function) { return shim.calls(Side::engine, function); }

class DeviceLoss : public testing::Test {
 protected:
  ~DeviceLoss() override {
    EXPECT_EQ(shim_.live(Side::engine), Counts{});
    EXPECT_EQ(shim_.faults(), std::vector<std::string>{});
  }

  /// The function's calls by the time the program is compiled, and by the end.
  std::pair<long, long> calls(const std::string& function, std::int64_t every_steps) {
    shim_.forget_counts();
    {
      const Training training;
      training.compile(make_device()).keep(every_steps);
    }
    const long compiled = count_of(shim_, function);
    shim_.forget_counts();
    int losses = 0;
    reference_ = train(every_steps, losses);
    EXPECT_EQ(losses, 0);
    return {compiled, count_of(shim_, function)};
  }

  void lose_at_random(const std::string& function, std::int64_t every_steps, int times) {
    const auto [first, last] = calls(function, every_steps);
    ASSERT_GT(last, first + 4);
    std::mt19937 random(static_cast<unsigned>(every_steps));
    int lost = 0;
    for (int i = 0; i < times; ++i) {
      const long call = first + 1 + static_cast<long>(random() % static_cast<unsigned long>(last - first));
      shim_.failures().fail(function, call, VK_ERROR_DEVICE_LOST);
      EXPECT_EQ(train(every_steps, lost), reference_) << function << " " << call << " of " << last;
      shim_.failures().stop();
    }
    EXPECT_GE(lost, times * 3 / 4);
  }

  VulkanShim shim_;
  std::vector<std::uint32_t> reference_;
};

TEST_F(DeviceLoss, ASubmissionFailsWithEveryStepKept) { lose_at_random("vkQueueSubmit", 1, 6); }
TEST_F(DeviceLoss, ASubmissionFailsWithEveryFifthStepKept) { lose_at_random("vkQueueSubmit", 5, 6); }
TEST_F(DeviceLoss, AWaitFails) { lose_at_random("vkWaitSemaphores", 5, 6); }

/// A device that is lost after three steps.
struct Lost {
  Lost(VulkanShim& shim) {
    for (int i = 0; i < 3; ++i) training.step(program);
    program.wait();
    shim.failures().fail("vkQueueSubmit", 1, VK_ERROR_DEVICE_LOST);
    EXPECT_FALSE(device.lost());
    EXPECT_THROW(training.step(program), DeviceLost);
    shim.failures().stop();
  }

  const Training training;
  Device device = make_device();
  Program program = training.compile(device);
};

TEST_F(DeviceLoss, EveryCallSaysSo) {
  Lost lost(shim_);
  EXPECT_TRUE(lost.device.lost());
  EXPECT_THROW(lost.program.wait(), DeviceLost);
  EXPECT_THROW(lost.program.run(), DeviceLost);
  EXPECT_THROW(lost.program.begin(), DeviceLost);
  EXPECT_THROW(lost.program.advance(std::chrono::milliseconds(1)), DeviceLost);
  EXPECT_THROW(lost.program.read(lost.training.loss), DeviceLost);
  EXPECT_THROW(lost.program.snapshot(), DeviceLost);
  EXPECT_THROW(lost.program.reset(), DeviceLost);
  EXPECT_THROW(lost.program.set("lr", 0.1f), DeviceLost);
  EXPECT_THROW(lost.training.compile(lost.device), DeviceLost);
  EXPECT_THROW(lost.training.bits(), DeviceLost);
  EXPECT_THROW(io::save("/tmp/never.safetensors", {{"gru", lost.training.gru}}), DeviceLost);
  EXPECT_NO_THROW(lost.program.explain());
}

TEST_F(DeviceLoss, ParametersThatAreSetGoOn) {
  Lost lost(shim_);
  const Device another = make_device();
  EXPECT_THROW(
      {
        Program unset = lost.training.compile(another);
        lost.training.step(unset);
      },
      DeviceLost);
  for (const nn::Module* module : {static_cast<const nn::Module*>(&lost.training.gru),
                                   static_cast<const nn::Module*>(&lost.training.head)})
    for (Parameter parameter : module->parameters())
      parameter.set(std::vector<float>(static_cast<std::size_t>(parameter.shape().elements()), 0.125f));
  Program again = lost.training.compile(another);
  lost.training.step(again);
  again.wait();
  EXPECT_NO_THROW(lost.training.bits());
}

TEST_F(DeviceLoss, NothingStandsInForLostValues) {
  Lost lost(shim_);
  Device another = make_device();
  {
    Program again = lost.training.compile(another);
    EXPECT_THROW(again.keep(1), DeviceLost);
    EXPECT_THROW(again.snapshot(), DeviceLost);
    EXPECT_EQ(again.layout().parameters.size(), again.parameters().size());
  }
  interop::detach(another);
  EXPECT_THROW(lost.training.bits(), DeviceLost);
}

TEST_F(DeviceLoss, ValuesReadDuringAStepAreNotThoseAfterIt) {
  Training training;
  Device device = make_device();
  Program program = training.compile(device);
  training.step(program);
  program.begin();
  program.advance(std::chrono::microseconds(1));
  training.bits();
  program.finish();
  shim_.failures().fail("vkWaitSemaphores", 1, VK_ERROR_DEVICE_LOST);
  EXPECT_THROW(program.wait(), DeviceLost);
  shim_.failures().stop();
  EXPECT_THROW(training.bits(), DeviceLost);
}

TEST_F(DeviceLoss, WhatWasPutInPlaceIsKept) {
  Training training;
  Device device = make_device();
  Program program = training.compile(device);
  for (int i = 0; i < 3; ++i) training.step(program);
  Snapshot third = program.snapshot();
  program.keep(100);
  training.step(program);
  third.steps = 50;
  program.restore(third);
  training.step(program);
  EXPECT_EQ(program.kept().steps, 50);
  program.reset();
  training.step(program);
  EXPECT_EQ(program.kept().steps, 0);
  Parameter weight = program.parameters()[0];
  weight.set(std::vector<float>(static_cast<std::size_t>(weight.shape().elements()), 0.5f));
  training.step(program);
  EXPECT_EQ(program.kept().parameters[0].words[0], std::bit_cast<std::uint32_t>(0.5f));
  shim_.failures().fail("vkWaitSemaphores", 1, VK_ERROR_DEVICE_LOST);
  EXPECT_THROW(program.wait(), DeviceLost);
  shim_.failures().stop();
  EXPECT_EQ(weight.values()[0], 0.5f);
}

TEST_F(DeviceLoss, ParametersKeptHaveTheirValues) {
  Training training;
  Device device = make_device();
  Program program = training.compile(device);
  program.keep(2);
  for (int i = 0; i < 3; ++i) training.step(program);
  shim_.failures().fail("vkWaitSemaphores", 1, VK_ERROR_DEVICE_LOST);
  EXPECT_THROW(program.wait(), DeviceLost);
  shim_.failures().stop();
  EXPECT_EQ(program.kept().steps, 2);
  std::vector<std::uint32_t> kept;
  for (const HostArray& array : program.kept().parameters)
    kept.insert(kept.end(), array.words.begin(), array.words.end());
  std::vector<std::uint32_t> now;
  for (const Parameter& parameter : program.parameters())
    for (const float value : parameter.values()) now.push_back(std::bit_cast<std::uint32_t>(value));
  EXPECT_EQ(now, kept);
}

}  // namespace
}  // namespace volute::test
