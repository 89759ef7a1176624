// selfcheck: what a device does wrong has a verdict that names it, and what it does right has none. Wrong kernels and
// lost devices are made by replacing entries of the context's function table.
#include <gtest/gtest.h>

#include <volute/interop.hpp>
#include <volute/nn.hpp>
#include <volute/reference.hpp>

#include "engine/check/findings.hpp"
#include "engine/compile/device_data.hpp"
#include "tests/support/vulkan_application.hpp"
#include "tests/support/vulkan_shim.hpp"

namespace volute::test {
namespace {

using Outcome = Verdict::Outcome;

std::vector<std::string> parts_with(const std::vector<Verdict>& verdicts, Outcome outcome) {
  std::vector<std::string> names;
  for (const Verdict& v : verdicts)
    if (v.outcome == outcome) names.push_back(v.part);
  return names;
}

PFN_vkCreateComputePipelines create_pipelines = nullptr;

/// A driver that computes half the rows of one variant's tile: constants are threads, rows, texels of columns, ...
VkResult VKAPI_PTR create_with_wrong_rows(VkDevice device, VkPipelineCache cache, std::uint32_t count,
                                          const VkComputePipelineCreateInfo* infos,
                                          const VkAllocationCallbacks* callbacks, VkPipeline* pipelines) {
  VkComputePipelineCreateInfo info = *infos;
  const VkSpecializationInfo* given = info.stage.pSpecializationInfo;
  if (!given || given->dataSize < 24) return create_pipelines(device, cache, count, infos, callbacks, pipelines);
  std::vector<std::uint32_t> words(given->dataSize / 4);
  std::memcpy(words.data(), given->pData, given->dataSize);
  if (words[1] == 16 && words[2] == 16) words[1] = 8;
  VkSpecializationInfo changed = *given;
  changed.pData = words.data();
  info.stage.pSpecializationInfo = &changed;
  return create_pipelines(device, cache, 1, &info, callbacks, pipelines);
}

TEST(Selfcheck, NamesTheVariantThatIsWrong) {
  const Device device;
  vk::DeviceFunctions& fn = device.data()->context->fn;
  create_pipelines = std::exchange(fn.vkCreateComputePipelines, create_with_wrong_rows);
  const auto verdicts = selfcheck(device, {.only = "products: shared"});
  fn.vkCreateComputePipelines = create_pipelines;
  EXPECT_EQ(verdicts.size(), 8u);
  EXPECT_EQ(parts_with(verdicts, Outcome::failed), std::vector<std::string>{"products: shared 16x64"});
  for (const Verdict& v : verdicts) {
    EXPECT_GT(v.cases, 0) << v.part;
    EXPECT_EQ(v.outcome == Outcome::failed, !v.detail.empty()) << v.part << ": " << v.detail;
    EXPECT_EQ(v.outcome == Outcome::failed, !(v.worst <= 1)) << v.part << ": " << v.worst;
    if (v.outcome != Outcome::failed) continue;
    EXPECT_NE(v.detail.find("[17, 7] [7, 65], f32"), std::string::npos) << v.detail;
    EXPECT_NE(v.detail.find("more)"), std::string::npos) << v.detail;
  }
}

PFN_vkQueueSubmit submit = nullptr;
int submissions_left = 0;

VkResult VKAPI_PTR submit_until_lost(VkQueue queue, std::uint32_t count, const VkSubmitInfo* infos, VkFence fence) {
  return submissions_left-- > 0 ? submit(queue, count, infos, fence) : VK_ERROR_DEVICE_LOST;
}

TEST(Selfcheck, SkipsWhatFollowsTheLossOfTheDevice) {
  Device device;
  vk::DeviceFunctions& fn = device.data()->context->fn;
  submit = std::exchange(fn.vkQueueSubmit, submit_until_lost);
  submissions_left = 10;
  std::vector<std::string> reported;
  const auto verdicts =
      selfcheck(device, {.only = "memory", .report = [&](const Verdict& v) { reported.push_back(v.part); }});
  fn.vkQueueSubmit = submit;
  ASSERT_EQ(verdicts.size(), 3u);
  EXPECT_EQ(verdicts[0].outcome, Outcome::failed);
  EXPECT_NE(verdicts[0].detail.find("words: "), std::string::npos) << "no case is named: " << verdicts[0].detail;
  EXPECT_NE(verdicts[0].detail.find("vkQueueSubmit"), std::string::npos) << verdicts[0].detail;
  for (const int i : {1, 2}) {
    EXPECT_EQ(verdicts[i].outcome, Outcome::skipped);
    EXPECT_NE(verdicts[i].detail.find("stopped answering in \"memory: device\""), std::string::npos) << verdicts[i].detail;
  }
  EXPECT_EQ(reported, (std::vector<std::string>{verdicts[0].part, verdicts[1].part, verdicts[2].part}));
}

TEST(Selfcheck, RunsOnALentDeviceAndLeavesItClean) {
  VulkanShim shim;
  VulkanApplication application(VulkanShim::entry(Side::application), VulkanShim::entry(Side::engine));
  {
    const Device device = interop::adopt(application.adoption());
    const auto verdicts = selfcheck(device, {.only = "random"});
    ASSERT_EQ(verdicts.size(), 1u);
    EXPECT_EQ(verdicts[0].outcome, Outcome::passed) << verdicts[0].detail;
    EXPECT_EQ(verdicts[0].cases, 3);
  }
  EXPECT_TRUE(shim.live(Side::engine).empty());
  EXPECT_EQ(shim.faults(), std::vector<std::string>{});
  EXPECT_EQ(application.messages(), 0);
}

TEST(Selfcheck, SaysWhatADeviceLacks) {
  VulkanShim shim({.subgroup_shuffle = false});
  VulkanApplication application(VulkanShim::entry(Side::application), VulkanShim::entry(Side::engine));
  const Device device = interop::adopt(application.adoption());
  const auto verdicts = selfcheck(device, {.only = "texel 8x64"});
  ASSERT_FALSE(verdicts.empty());
  for (const Verdict& v : verdicts) {
    const bool shuffles = v.part.find("shuffles") != std::string::npos;
    EXPECT_EQ(v.outcome, shuffles ? Outcome::skipped : Outcome::passed) << v.part << ": " << v.detail;
    EXPECT_EQ(v.detail, shuffles ? "the device lacks subgroups of 8 that shuffle" : "");
  }
}

TEST(Selfcheck, LeavesTheGeneratorOfWeightsAlone) {
  const Device device;
  manual_seed(21);
  const auto expected = nn::Linear(5, 7).parameters()[0].values();
  manual_seed(21);
  EXPECT_EQ(selfcheck(device, {.only = "gradients: IndRNN"}).size(), 1u);
  EXPECT_EQ(nn::Linear(5, 7).parameters()[0].values(), expected);
  EXPECT_TRUE(selfcheck(device, {.only = "no such part"}).empty());
}

TEST(Findings, NameTheCaseAndKeepTheWorst) {
  check::Findings findings;
  {
    const auto outer = findings.begin("a row");
    const auto inner = findings.within("walked");
    findings.close("output", std::vector<float>{1.0f, 2.0f}, std::vector<double>{1.0, 2.0 + 5e-6}, 0, 1e-5);
    EXPECT_EQ(findings.failed(), 0);
    findings.close("gradient", std::vector<float>{1.0f, NAN}, std::vector<double>{1.0, 2.0}, 0, 1e-5);
  }
  EXPECT_EQ(findings.cases(), 1);
  EXPECT_EQ(findings.worst(), HUGE_VAL);
  EXPECT_EQ(findings.text(), "a row: walked: gradient: 1 of 2 values differ; worst at 1: got nan, expected 2 (inf times "
                             "the tolerance)\n");
  try {
    const auto scope = findings.begin("another");
    throw OutOfMemory("no room");
  } catch (const Error& error) {
    findings.thrown(error);
  }
  EXPECT_EQ(findings.texts().back(), "another: no room");
}

}  // namespace
}  // namespace volute::test
