// Book-keeping of a VulkanShim. Handles are keyed with their type: two types may share a value.
#include "tests/support/vulkan_registry.hpp"

namespace volute::test {
namespace {

const char* name_of(Side side) { return side == Side::engine ? "the engine" : "the application"; }

}  // namespace

Transfers& Transfers::operator+=(const Transfers& other) {
  to_host += other.to_host;
  from_host += other.from_host;
  on_device += other.on_device;
  bytes_to_host += other.bytes_to_host;
  bytes_from_host += other.bytes_from_host;
  return *this;
}

void Registry::called(Side side, const std::string& name) {
  std::lock_guard lock(mutex_);
  ++calls_[side][name];
}

void Registry::created(Side side, const std::string& type, std::uint64_t handle, std::uint64_t pool) {
  std::lock_guard lock(mutex_);
  if (!objects_.insert({{type, handle}, {side, pool}}).second) faults_.push_back(type + " made twice");
}

void Registry::destroyed(Side side, const std::string& type, std::uint64_t handle) {
  if (!handle) return;
  std::lock_guard lock(mutex_);
  const auto found = objects_.find({type, handle});
  if (found == objects_.end()) {
    faults_.push_back(std::string(name_of(side)) + " destroys an unknown " + type);
    return;
  }
  if (found->second.side != side)
    faults_.push_back(std::string(name_of(side)) + " destroys a " + type + " not its own");
  objects_.erase(found);
  forget(type, handle);
  erase_children(handle);
}

void Registry::forget(const std::string& type, std::uint64_t handle) {
  if (type == "Buffer") memory_of_.erase(handle_of<VkBuffer>(handle));
  else if (type == "DeviceMemory") mapped_.erase(handle_of<VkDeviceMemory>(handle));
  else if (type == "CommandPool") families_.erase(handle);
  else if (type == "CommandBuffer") recorded_.erase(handle_of<VkCommandBuffer>(handle));
}

void Registry::pool_emptied(std::uint64_t pool) {
  std::lock_guard lock(mutex_);
  erase_children(pool);
}

void Registry::erase_children(std::uint64_t pool) {
  std::erase_if(objects_, [&](const auto& entry) {
    if (entry.second.pool != pool) return false;
    forget(entry.first.first, entry.first.second);
    return true;
  });
}

void Registry::bound(VkBuffer buffer, VkDeviceMemory memory) {
  std::lock_guard lock(mutex_);
  memory_of_[buffer] = memory;
}

void Registry::mapped(VkDeviceMemory memory, bool is_mapped) {
  std::lock_guard lock(mutex_);
  if (is_mapped) mapped_[memory] = true;
  else mapped_.erase(memory);
}

bool Registry::is_mapped(VkBuffer buffer) const {
  const auto memory = memory_of_.find(buffer);
  const auto found = memory == memory_of_.end() ? mapped_.end() : mapped_.find(memory->second);
  return found != mapped_.end() && found->second;
}

void Registry::pool_family(VkCommandPool pool, std::uint32_t family) {
  std::lock_guard lock(mutex_);
  families_[bits_of(pool)] = family;
}

void Registry::begun(VkCommandBuffer commands) {
  std::lock_guard lock(mutex_);
  recorded_[commands] = {};
}

void Registry::copied(VkCommandBuffer commands, VkBuffer source, VkBuffer target, std::uint64_t bytes) {
  std::lock_guard lock(mutex_);
  Transfers& transfers = recorded_[commands].transfers;
  if (is_mapped(target)) {
    ++transfers.to_host;
    transfers.bytes_to_host += bytes;
  } else if (is_mapped(source)) {
    ++transfers.from_host;
    transfers.bytes_from_host += bytes;
  } else {
    ++transfers.on_device;
  }
}

void Registry::updated(VkCommandBuffer commands, std::uint64_t bytes) {
  std::lock_guard lock(mutex_);
  ++recorded_[commands].transfers.from_host;
  recorded_[commands].transfers.bytes_from_host += bytes;
}

void Registry::moved(VkCommandBuffer commands, const VkBufferMemoryBarrier& barrier) {
  if (barrier.srcQueueFamilyIndex == barrier.dstQueueFamilyIndex) return;
  std::lock_guard lock(mutex_);
  const auto object = objects_.find({"CommandBuffer", bits_of(commands)});
  const std::uint32_t family = object == objects_.end() ? VK_QUEUE_FAMILY_IGNORED : families_[object->second.pool];
  if (family != barrier.srcQueueFamilyIndex && family != barrier.dstQueueFamilyIndex)
    faults_.push_back("an ownership transfer recorded for a family that is no part of it");
  recorded_[commands].halves.push_back({barrier.buffer, barrier.srcQueueFamilyIndex, barrier.dstQueueFamilyIndex,
                                        family == barrier.dstQueueFamilyIndex});
}

void Registry::included(VkCommandBuffer commands, VkCommandBuffer secondary) {
  std::lock_guard lock(mutex_);
  const Recorded inner = recorded_[secondary];
  Recorded& outer = recorded_[commands];
  outer.transfers += inner.transfers;
  outer.halves.insert(outer.halves.end(), inner.halves.begin(), inner.halves.end());
}

void Registry::submitted(Side side, VkCommandBuffer commands) {
  std::lock_guard lock(mutex_);
  const Recorded& recorded = recorded_[commands];
  executed_[side] += recorded.transfers;
  ownership_.insert(ownership_.end(), recorded.halves.begin(), recorded.halves.end());
}

Counts Registry::live(Side side) const {
  std::lock_guard lock(mutex_);
  Counts counts;
  for (const auto& [key, object] : objects_)
    if (object.side == side) ++counts[key.first];
  return counts;
}

Counts Registry::calls(Side side) const {
  std::lock_guard lock(mutex_);
  const auto found = calls_.find(side);
  return found == calls_.end() ? Counts{} : found->second;
}

Transfers Registry::transfers(Side side) const {
  std::lock_guard lock(mutex_);
  const auto found = executed_.find(side);
  return found == executed_.end() ? Transfers{} : found->second;
}

std::vector<std::string> Registry::faults() const {
  std::lock_guard lock(mutex_);
  return faults_;
}

std::vector<OwnershipHalf> Registry::ownership() const {
  std::lock_guard lock(mutex_);
  return ownership_;
}

void Registry::forget_counts() {
  std::lock_guard lock(mutex_);
  calls_.clear();
  executed_.clear();
  ownership_.clear();
}

}  // namespace volute::test
