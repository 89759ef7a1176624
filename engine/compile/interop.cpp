// Devices shared with an application: see interop.hpp.

#include <volute/interop.hpp>

#include "engine/compile/device_data.hpp"

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

}  // namespace volute::interop
