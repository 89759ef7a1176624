// What the calls that pass a VulkanShim have made and done: live objects, calls by name, copies and ownership
// transfers that were executed. Invariant: an object is here from its creation to its destruction, or to its pool's.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <vulkan/vulkan_core.h>

namespace volute::test {

/// Whose calls: each side has entry points of its own.
enum class Side { application, engine };

using Counts = std::map<std::string, long>;

/// Copies of submitted command buffers, by whether the memory at either end is mapped: on a device that has one kind
/// of memory only, nothing else tells what the host may touch.
struct Transfers {
  long to_host = 0, from_host = 0, on_device = 0;
  std::uint64_t bytes_to_host = 0, bytes_from_host = 0;
  Transfers& operator+=(const Transfers& other);
};

/// One half of a change of a buffer's owner.
struct OwnershipHalf {
  VkBuffer buffer = VK_NULL_HANDLE;
  std::uint32_t from = 0, to = 0;
  bool acquire = false;
};

template <class Handle>
std::uint64_t bits_of(Handle handle) {
  return reinterpret_cast<std::uint64_t>(handle);
}

template <class Handle>
Handle handle_of(std::uint64_t bits) {
  return reinterpret_cast<Handle>(bits);
}

class Registry {
 public:
  void called(Side side, const std::string& name);
  void created(Side side, const std::string& type, std::uint64_t handle, std::uint64_t pool = 0);
  /// Notes in faults() what was not made through the shim, or by the other side.
  void destroyed(Side side, const std::string& type, std::uint64_t handle);
  /// Its children as well.
  void pool_emptied(std::uint64_t pool);

  void bound(VkBuffer buffer, VkDeviceMemory memory);
  void mapped(VkDeviceMemory memory, bool is_mapped);
  void pool_family(VkCommandPool pool, std::uint32_t family);
  void begun(VkCommandBuffer commands);
  /// A null buffer is an image, or data in the command buffer itself, which the host wrote.
  void copied(VkCommandBuffer commands, VkBuffer source, VkBuffer target, std::uint64_t bytes);
  void updated(VkCommandBuffer commands, std::uint64_t bytes);
  void moved(VkCommandBuffer commands, const VkBufferMemoryBarrier& barrier);
  void included(VkCommandBuffer commands, VkCommandBuffer secondary);
  void submitted(Side side, VkCommandBuffer commands);

  Counts live(Side side) const;
  Counts calls(Side side) const;
  Transfers transfers(Side side) const;
  std::vector<std::string> faults() const;
  /// Releases and acquires in the order of submission.
  std::vector<OwnershipHalf> ownership() const;
  void forget_counts();

 private:
  struct Object {
    Side side = Side::application;
    std::uint64_t pool = 0;
  };
  struct Recorded {
    Transfers transfers;
    std::vector<OwnershipHalf> halves;
  };
  bool is_mapped(VkBuffer buffer) const;
  void erase_children(std::uint64_t pool);
  void forget(const std::string& type, std::uint64_t handle);

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::uint64_t>, Object> objects_;
  std::map<VkBuffer, VkDeviceMemory> memory_of_;
  std::map<VkDeviceMemory, bool> mapped_;
  std::map<std::uint64_t, std::uint32_t> families_;
  std::map<VkCommandBuffer, Recorded> recorded_;
  std::map<Side, Counts> calls_;
  std::map<Side, Transfers> executed_;
  std::vector<OwnershipHalf> ownership_;
  std::vector<std::string> faults_;
};

}  // namespace volute::test
