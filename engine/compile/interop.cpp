// Devices shared with an application, and programs between its frames: see interop.hpp.

#include <exception>
#include <optional>
#include <utility>

#include <volute/interop.hpp>

#include "engine/compile/program_data.hpp"
#include "engine/compile/record.hpp"
#include "engine/vulkan/on_failure.hpp"

namespace volute::interop {

Device adopt(const Adoption& adoption) { return Device(std::make_shared<Device::Data>(vk::Context::adopt(adoption))); }

Device create(const Creation& creation) {
  return Device(std::make_shared<Device::Data>(vk::Context::create(creation)));
}

Handles handles(const Device& device) {
  const vk::Context& context = *device.data()->context;
  Handles found;
  found.get_instance_proc_addr = context.instance->fn.get;
  found.instance = context.instance->handle();
  found.physical = context.physical;
  found.device = context.device;
  found.queue_family = context.queue_family;
  found.app_queue_family = context.app_queue_family;
  found.queue = context.queue;
  found.app_queue = context.app_queue;
  return found;
}

std::vector<Ability> abilities(const Device& device) {
  const vk::Context& context = *device.data()->context;
  return vk::describe_abilities(context.abilities, context.timestamp_bits > 0, context.info.subgroup_shuffle);
}

std::unique_lock<std::mutex> lock_queue(const Device& device) { return device.data()->context->lock_queue(); }

void detach(Device& device) {
  Device::Data& data = *device.data();
  std::vector<std::shared_ptr<ParameterData>> here;
  for (const auto& weak : data.parameters)
    if (auto parameter = weak.lock(); parameter && parameter->device_owner == &data) here.push_back(parameter);
  std::exception_ptr lost;
  try {
    for (const auto& parameter : here) {
      if (parameter->lost) continue;
      parameter->device->read(parameter->host);
      parameter->host_at = parameter->changes;
      parameter->changes_unseen = false;
    }
  } catch (const DeviceLost&) {
    lost = std::current_exception();
    for (const auto& parameter : here) parameter->leave_lost_device();
  }
  data.context->detach();
  for (const auto& parameter : here) {
    parameter->device.reset();
    parameter->device_owner = nullptr;
  }
  data.parameters.clear();
  if (lost) std::rethrow_exception(lost);
}

// Tensors as buffers. -----------------------------------------------------------------------------------------

VkDeviceSize row_pitch(const Shape& shape) {
  const std::int64_t width = shape.rank() ? shape[-1] : 1;
  return static_cast<VkDeviceSize>((width + 3) / 4 * 16);
}

VkDeviceSize slice_bytes(const Shape& shape) { return padded_bytes(shape); }

namespace {

/// The slot of an input or output; null for any other tensor.
Program::Data::HostSlot* slot_of(Program::Data& data, Tensor tensor) {
  for (auto* slots : {&data.inputs, &data.outputs})
    if (const auto found = slots->find(tensor.node()); found != slots->end()) return &found->second;
  return nullptr;
}

Program::Data::HostSlot& bindable(Program::Data& data, Tensor tensor, const char* call) {
  Program::Data::HostSlot* slot = slot_of(data, tensor);
  if (!slot) throw InvalidGraph(std::string(call) + ": the tensor is neither an input nor an output of this program");
  return *slot;
}

/// Gives the slot another place in the first or the last part, which is recorded again.
void place(Program::Data& data, Tensor tensor, std::optional<Program::Data::Bound> bound) {
  Program::Data::HostSlot& slot = *slot_of(data, tensor);
  wait_for_all(data);
  std::swap(slot.bound, bound);
  vk::OnFailure restore([&] { std::swap(slot.bound, bound); });
  if (data.inputs.contains(tensor.node())) record_inputs(data);
  else record_outputs(data);
  restore.dismiss();
}

}  // namespace

Slice slice(Program& program, Tensor tensor) {
  Program::Data& data = program.data();
  data.device->context->require_usable();
  if (const auto* slot = slot_of(data, tensor)) return slot->device.slice();
  const std::string name = tensor ? label(tensor) : "";
  if (data.states.contains(name)) return slice(program, name);
  throw InvalidGraph("slice: the tensor is neither an input, an output nor a state of this program");
}

Slice slice(Program& program, const std::string& state) {
  program.data().device->context->require_usable();
  const auto found = program.data().states.find(state);
  if (found == program.data().states.end()) throw InvalidGraph("slice: this program has no state \"" + state + "\"");
  return found->second.second->range().slice();
}

Slice slice(const Device& device, const Parameter& parameter) {
  const ParameterData& data = *parameter.data();
  if (!data.device || data.device_owner != device.data().get())
    throw InvalidGraph("slice: parameter \"" + data.name + "\" is not on this device; compile a program that uses it");
  return static_cast<const DeviceArray&>(*data.device).range().slice();
}

void bind(Program& program, Tensor tensor, const Slice& slice, std::uint32_t family) {
  Program::Data& data = program.data();
  Program::Data::HostSlot& slot = bindable(data, tensor, "bind");
  require_no_step(data, "bind");
  if (!slice.buffer) throw InvalidGraph("bind: \"" + slot.name + "\" is given no buffer");
  if (slice.bytes < slot.device.bytes)
    throw InvalidGraph("bind: \"" + slot.name + "\" " + slot.shape.str() + " needs " +
                       std::to_string(slot.device.bytes) + " bytes (interop::slice_bytes); the slice has " +
                       std::to_string(slice.bytes));
  if (slice.offset % 4 || slice.bytes % 4)
    throw InvalidGraph("bind: offset and size of the slice for \"" + slot.name + "\" must be multiples of 4");
  place(data, tensor, Program::Data::Bound{slice, family});
}

void unbind(Program& program, Tensor tensor) {
  Program::Data& data = program.data();
  const Program::Data::HostSlot& slot = bindable(data, tensor, "unbind");
  require_no_step(data, "unbind");
  if (slot.bound) place(data, tensor, std::nullopt);
}

void record_release(const Device& device, VkCommandBuffer commands, const Slice& slice, std::uint32_t family,
                    VkPipelineStageFlags stages, VkAccessFlags accesses) {
  const vk::Context& context = *device.data()->context;
  vk::record_barrier(context, commands, slice, {stages, accesses}, vk::all_accesses, family, context.queue_family,
                     true);
}

void record_acquire(const Device& device, VkCommandBuffer commands, const Slice& slice, std::uint32_t family,
                    VkPipelineStageFlags stages, VkAccessFlags accesses) {
  const vk::Context& context = *device.data()->context;
  vk::record_barrier(context, commands, slice, vk::all_accesses, {stages, accesses}, context.queue_family, family,
                     false);
}

// Synchronisation. --------------------------------------------------------------------------------------------

void run(Program& program, const std::vector<Feed>& feeds, const Sync& sync) {
  run_program(program.data(), feeds, sync);
}

Progress advance(Program& program, std::chrono::duration<double> budget, const Sync& sync) {
  return advance_program(program.data(), budget.count(), sync);
}

SemaphorePoint completion(const Program& program) {
  const Program::Data& data = const_cast<Program&>(program).data();
  data.device->context->require_usable();
  const VkSemaphore timeline = data.device->context->timeline();
  if (!timeline)
    throw Unsupported("completion: " + data.device->context->info.name +
                      " has no timeline semaphores (feature timelineSemaphore); use a binary one in Sync::signal");
  return {timeline, data.parts->last_submission()};
}

void record(Program& program, VkCommandBuffer commands) {
  Program::Data& data = program.data();
  require_no_step(data, "record");
  require_parameters(data);
  vk::CommandList list(data.device->context, commands);
  record_whole(data, list);
  for (ParameterData* parameter : data.trained) parameter->changes_unseen = true;
  data.recorded = true;
}

void feed(Program& program, const std::vector<Feed>& feeds) {
  Program::Data& data = program.data();
  require_no_step(data, "feed");
  check_feeds(data, feeds, "feed");
  prepare_staging(data);
  write_inputs(data, feeds);
}

}  // namespace volute::interop
