// Instance, device, queue and their function tables. Everything else of Vulkan hangs off one Context, which is
// destroyed last. Every device call goes through `fn`, so tests can count or fail calls.
// Invariant: of a lent device only what this Context made is destroyed.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include <volute/interop.hpp>

#include "engine/vulkan/features.hpp"
#include "engine/vulkan/instance.hpp"

namespace volute::vk {

/// Throws DeviceLost, OutOfMemory or Error naming the call unless the result is a success code.
void check(VkResult result, const char* call);
/// As check(), and a handle that could not be made is null: Vulkan leaves it undefined, and clean-up would destroy it.
template <class Handle>
void check_made(VkResult result, const char* call, Handle& made) {
  if (result < 0) made = VK_NULL_HANDLE;
  check(result, call);
}

/// Warnings and errors the validation layer has reported in this process.
int validation_message_count();
std::string last_validation_message();

/// What the host and the device both use where it is.
inline constexpr VkMemoryPropertyFlags shared_memory =
    VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |
    VK_MEMORY_PROPERTY_HOST_CACHED_BIT;

class Completion;
class Resource;

/// Command buffers of one submission, in order.
using Batch = std::span<const VkCommandBuffer>;

class Context {
 public:
  /// `selector`: index or part of a name; empty takes VOLUTE_DEVICE, else the best device.
  static std::shared_ptr<Context> create(const std::string& selector);
  /// See interop::create and interop::adopt.
  static std::shared_ptr<Context> create(const interop::Creation& creation);
  static std::shared_ptr<Context> adopt(const interop::Adoption& adoption);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// Memory type among `allowed_bits` with all of `required` and, if possible, `preferred`. Throws Unsupported.
  std::uint32_t memory_type(std::uint32_t allowed_bits, VkMemoryPropertyFlags required,
                            VkMemoryPropertyFlags preferred) const;
  /// Whether the host reads and writes the device's own memory as fast as any.
  bool shares_memory() const;
  /// Submits the batches in order and returns the number of the last: submissions are numbered from 1. The first
  /// waits for `sync`'s semaphores, the last signals them; an empty list with a sync is one empty batch. Thread-safe.
  std::uint64_t submit(std::span<const Batch> batches, const interop::Sync& sync = {});
  std::uint64_t submit_batch(Batch batch) { return submit({&batch, 1}); }
  /// Blocks until that submission has finished. Throws DeviceLost, and Timeout if meanwhile none finishes for as long
  /// as set_timeout says.
  void wait(std::uint64_t submission);
  /// The same. If waiting fails and the device does not answer, what the work `uses` is parked.
  void wait(std::uint64_t submission, std::shared_ptr<void> uses);
  /// Keeps it until the work that a call gave up waiting for is seen to be done.
  void park(std::shared_ptr<void> uses);
  /// False if a call gave up waiting, and the work is not done after a second more.
  bool answers() noexcept;
  /// The last submission that has finished; does not block. Throws DeviceLost.
  std::uint64_t completed();
  /// The semaphore that counts submissions; null without timeline semaphores.
  VkSemaphore timeline() const;
  /// What Volute holds while it submits.
  std::unique_lock<std::mutex> lock_queue() { return std::unique_lock(submit_mutex_); }
  /// Storage-buffer, texel-buffer and copy offsets all honour this (bytes, a power of two >= 64).
  std::uint32_t offset_alignment() const { return offset_alignment_; }

  /// Waits for own work and destroys every Resource; from then on nothing can be made or submitted. Throws Timeout, and
  /// destroys nothing, if the work does not finish.
  void detach();
  /// Throws DeviceLost after detach(), or once a call has found the device lost.
  void require_usable() const;
  /// As the function check(), and takes note of a lost device.
  void check(VkResult result, const char* call);
  bool lost() const { return lost_; }
  /// Seconds; 0: for ever.
  void set_timeout(double seconds) { timeout_ = seconds; }
  /// False while the device does not answer, and may still use what is to be destroyed: that is left alone then, and so
  /// is the device, to the end of the process.
  bool may_destroy() noexcept;

  DeviceInfo info;
  bool is_cpu = false;
  Abilities abilities;               ///< enabled on the device
  std::uint32_t compute_units = 16;  ///< processors that run workgroups, or a guess
  VkPhysicalDeviceProperties properties{};
  VkPhysicalDeviceMemoryProperties memory{};
  std::shared_ptr<const Instance> instance;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  std::uint32_t queue_family = 0, app_queue_family = 0;
  VkQueue queue = VK_NULL_HANDLE, app_queue = VK_NULL_HANDLE;
  std::vector<std::uint32_t> buffer_families;  ///< that share device buffers; one or none: they are exclusive
  interop::Allocator allocator;                ///< empty: vkAllocateMemory
  std::uint32_t timestamp_bits = 0;            ///< of the queue; 0: it has no timestamps
  DeviceFunctions fn{};

 private:
  friend class Resource;
  Context() = default;
  void describe_physical(DeviceInfo described);
  /// False if the device lacks a feature.
  bool create_device(const interop::Creation& creation);
  void finish_setup();
  void wait_in_slices(std::uint64_t submission);
  void wait_while_it_progresses(std::uint64_t submission);
  void note_progress(std::uint64_t done);

  bool owned_ = false;  ///< the VkDevice
  std::function<void()> lock_, unlock_;
  std::unique_ptr<Completion> completion_;
  std::uint32_t offset_alignment_ = 64;
  std::mutex submit_mutex_;
  std::mutex resources_mutex_;
  std::list<Resource*> resources_;
  std::atomic<bool> detached_ = false, lost_ = false;
  std::atomic<std::uint64_t> given_up_ = 0;  ///< the last submission when a call gave up waiting; 0: none, or it is done
  std::atomic<bool> abandoned_ = false;      ///< something was left alone, so the device must be, too
  std::mutex parked_mutex_;
  std::vector<std::shared_ptr<void>> parked_;  ///< until what was given up is done
  std::atomic<double> timeout_ = 120;
};

}  // namespace volute::vk
