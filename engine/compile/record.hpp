// Recording: dispatches with their pipelines and descriptor sets, and a whole step as the parts of a program.
// Invariant: a part begins with a barrier, so parts may be submitted together or apart.
#pragma once

#include <functional>

#include <volute/device.hpp>

#include "engine/compile/schedule.hpp"

namespace volute {

struct PreparedDispatch {
  const vk::Pipeline* pipeline = nullptr;
  VkDescriptorSet set = VK_NULL_HANDLE;
};

/// Makes the pipeline and the set; `range` says where a storage lies. Throws Unsupported beyond a device's limits.
PreparedDispatch prepare(const Command& command, vk::PipelineCache& pipelines, vk::Descriptors& descriptors,
                         const std::function<vk::BufferRange(const Storage*)>& range);
void record(vk::CommandList& list, const PreparedDispatch& prepared, const Command& command);

/// Records all parts of the program's step: the copy of inputs, what `commands` are cut into, the copy of outputs.
void record_step(Program::Data& data, double submission_seconds);

/// Records the whole step into a list of one command buffer, which goes to the device by other hands.
void record_whole(Program::Data& data, vk::CommandList& list);

/// Records the first or the last part again, into command buffers of its own: the copies between host buffers and
/// device, slot by slot. Not while they are under way.
void record_inputs(Program::Data& data);
void record_outputs(Program::Data& data);

}  // namespace volute
