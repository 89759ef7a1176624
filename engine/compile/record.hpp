// A dispatch brought to a command list: its pipeline and descriptor set, then its push words at a step.
#pragma once

#include <functional>

#include "engine/kernels/dispatch.hpp"
#include "engine/vulkan/commands.hpp"

namespace volute {

struct PreparedDispatch {
  const vk::Pipeline* pipeline = nullptr;
  VkDescriptorSet set = VK_NULL_HANDLE;
};

/// Makes the pipeline and the set; `range` says where a storage lies. Throws Unsupported beyond a device's limits.
PreparedDispatch prepare(const Dispatch& dispatch, vk::PipelineCache& pipelines, vk::Descriptors& descriptors,
                         const std::function<vk::BufferRange(const Storage*)>& range);
void record(vk::CommandList& list, const PreparedDispatch& prepared, const Dispatch& dispatch, std::int64_t t);

}  // namespace volute
