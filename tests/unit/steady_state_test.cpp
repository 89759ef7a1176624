// A recorded training step is replayed: in steady state nothing is allocated, written to a descriptor or
// recorded. Counted at the Vulkan dispatch table, and shown again with a table that has nothing else in it.
#include <gtest/gtest.h>

#include <volute/data.hpp>
#include <volute/nn.hpp>
#include <volute/optim.hpp>

#include "engine/compile/program_data.hpp"
#include "tests/support/values.hpp"
#include "tests/unit/call_counter.hpp"

namespace volute {
namespace {

constexpr std::int64_t T = 16, N = 4, V = 29;

/// A character model as char_lm trains it, on a device of its own whose table may be changed.
class SteadyState : public testing::Test {
 protected:
  Program compile() {
    x_ = g_.input("x", {T, N}, DType::u32);  // [T, N]
    y_ = g_.input("y", {T, N}, DType::u32);
    loss_ = cross_entropy(head_(dropout(lstm_(embed_(x_), g_.carried()), 0.1f)), y_);
    return device_.compile(g_, minimize(loss_, Adam{}, {.clip_norm = 1.0f}));
  }

  void step(Program& program, int i) {
    const auto tokens = test::random_indices(T * N, static_cast<std::uint32_t>(i), V);
    program.run({{x_, tokens}, {y_, tokens}});
    EXPECT_GT(program.value(loss_), 0.0f);
  }

  vk::DeviceFunctions& table() { return device_.data()->context->fn; }

  Device device_;
  nn::Embedding embed_{V, 8};
  nn::LSTM lstm_{8, 12, {.layers = 2, .dropout = 0.2f}};
  nn::Linear head_{12, V};
  Graph g_;
  Tensor x_, y_, loss_;
};

TEST_F(SteadyState, OnlySubmitsAndWaits) {
  test::CallCounter building(device_.data()->context);
  Program program = compile();
  for (const char* call : {"vkAllocateMemory", "vkCreateBuffer", "vkCreateBufferView", "vkAllocateDescriptorSets",
                           "vkUpdateDescriptorSets", "vkBeginCommandBuffer", "vkEndCommandBuffer", "vkCmdDispatch",
                           "vkCmdPipelineBarrier", "vkCmdCopyBuffer", "vkCreateComputePipelines"})
    EXPECT_GT(building[call], 0) << call << ": the counter does not count";
  step(program, 0);
  const auto parts = static_cast<long>(program.data().parts->size());
  const long stamps = device_.data()->context->timestamp_bits ? 2 * parts : 0;
  EXPECT_EQ(building["vkQueueSubmit"], 1 + building["vkBeginCommandBuffer"] - parts - stamps)
      << "one submission of the step, and one for each upload while building";

  const test::Calls before = building.calls();
  for (int i = 1; i <= 100; ++i) {
    if (i == 50) {
      program.set("lr", 0.5e-3f);
      program.seed(7);
    }
    step(program, i);
  }
  test::Calls during;
  for (const auto& [name, count] : building.calls())
    if (const long more = count - (before.contains(name) ? before.at(name) : 0)) during[name] = more;
  EXPECT_EQ(during["vkQueueSubmit"], 100);
  EXPECT_EQ(during["vkWaitSemaphores"], 2 * 100 + 2) << "for the place of a step's inputs and for its loss; set and seed";
  during.erase("vkQueueSubmit");
  for (const char* call : {"vkWaitSemaphores", "vkGetQueryPoolResults"}) during.erase(call);
  EXPECT_TRUE(during.empty()) << during.size() << " other calls, the first: " << during.begin()->first;
}

// A call that the counter does not know would go uncounted; with this table it is a crash.
TEST_F(SteadyState, NeedsNothingElseOfTheTable) {
  Program program = compile();
  step(program, 0);
  const vk::DeviceFunctions whole = table();
  table() = {};
  table().vkQueueSubmit = whole.vkQueueSubmit;
  table().vkWaitSemaphores = whole.vkWaitSemaphores;
  table().vkGetSemaphoreCounterValue = whole.vkGetSemaphoreCounterValue;
  table().vkGetQueryPoolResults = whole.vkGetQueryPoolResults;
  for (int i = 1; i <= 20; ++i) step(program, i);
  for (int i = 1; i <= 20; ++i)
    while (!program.advance(std::chrono::microseconds(100 * i)).finished) continue;
  program.wait();
  table() = whole;
}

}  // namespace
}  // namespace volute
