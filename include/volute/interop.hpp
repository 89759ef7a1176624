// Volute inside an application that uses Vulkan itself: devices lent or shared, tensors as buffers, semaphores, steps
// in the application's own command buffers. The only public header with Vulkan types.
// Invariant: what was lent (instance, device, queue, buffers, semaphores, command buffers) is used and left as found.
#pragma once

#include <vulkan/vulkan_core.h>

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include <volute/device.hpp>

namespace volute::interop {

// What to enable. ---------------------------------------------------------------------------------------------

/// An optional ability of a device. None is required: Volute needs Vulkan 1.2 and a queue that computes, no more.
struct Ability {
  std::string name;     ///< "timeline semaphores"
  std::string needs;    ///< the feature or extension: "timelineSemaphore"
  std::string without;  ///< what is lost without it
  bool present = false;  ///< of Wishes: the device offers it; of a Device: it is enabled
};

/// What an application that creates its own VkDevice should enable for Volute.
///   interop::Wishes wishes(instance, physical);
///   if (!wishes.rejected().empty()) ...
///   device_info.pNext = wishes.add_features(&my_features);
///   for (const char* name : wishes.extensions()) my_extensions.push_back(name);
class VOLUTE_API Wishes {
 public:
  /// `get`: the loader's entry point; null: Volute opens the loader itself, as in Adoption.
  Wishes(VkInstance instance, VkPhysicalDevice physical, PFN_vkGetInstanceProcAddr get = nullptr);
  ~Wishes();
  Wishes(const Wishes&) = delete;
  Wishes& operator=(const Wishes&) = delete;

  /// Why Volute cannot use this device at all; empty if it can.
  const std::string& rejected() const;
  /// All optional abilities, with what the device offers.
  const std::vector<Ability>& abilities() const;
  /// Device extensions to enable: those the device has and Volute has a use for.
  const std::vector<const char*>& extensions() const;
  /// Adds the features to a chain for VkDeviceCreateInfo::pNext and returns its new head. A structure the chain has
  /// already (VkPhysicalDeviceVulkan12Features, or the feature's own) gets its bits set; the others are put in front
  /// and live as long as this object.
  void* add_features(void* chain);

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

// Memory. -----------------------------------------------------------------------------------------------------

/// Memory for one buffer, a part of an allocation of the application's.
struct Memory {
  VkDeviceMemory memory = VK_NULL_HANDLE;  ///< of the application's
  VkDeviceSize offset = 0;                 ///< in bytes
  void* mapped = nullptr;                  ///< address of the part, needed if the request asked for host-visible memory
  void* user = nullptr;                    ///< handed back to Allocator::free
};
/// What a buffer of Volute's needs.
struct MemoryRequest {
  VkMemoryRequirements requirements{};  ///< of the buffer
  VkMemoryPropertyFlags required = 0;   ///< properties the memory must have
  VkMemoryPropertyFlags preferred = 0;  ///< and should have
  VkBuffer buffer = VK_NULL_HANDLE;     ///< for a dedicated allocation; `allocate` must not bind it
};

/// Where Volute's buffers get their memory (VMA: vmaAllocateMemoryForBuffer and vmaFreeMemory). Both or neither.
struct Allocator {
  std::function<VkResult(const MemoryRequest& request, Memory& memory)> allocate;  ///< may fail
  std::function<void(const Memory& memory)> free;  ///< called once for each allocation
};

// Devices. ----------------------------------------------------------------------------------------------------

/// A device the application has created. All handles stay the application's; the VkDevice must outlive everything
/// made from the Device, or be given up with detach() first.
struct Adoption {
  VkInstance instance = VK_NULL_HANDLE;        ///< must have been created for api_version
  VkPhysicalDevice physical = VK_NULL_HANDLE;  ///< of the instance
  VkDevice device = VK_NULL_HANDLE;            ///< of the physical device
  std::uint32_t queue_family = 0;              ///< computes
  VkQueue queue = VK_NULL_HANDLE;              ///< what Volute submits to: the one rendering uses, or another
  /// Of the VkApplicationInfo the instance was created with; at least 1.2.
  std::uint32_t api_version = VK_API_VERSION_1_2;
  /// What the device was created with, read during adopt() only: tells which optional abilities are enabled. Null:
  /// none is taken to be.
  const VkDeviceCreateInfo* created_with = nullptr;
  /// The entry point of the loader the application uses (its volk's, SDL's, a capture tool's). Null: Volute opens
  /// the system's loader.
  PFN_vkGetInstanceProcAddr get_instance_proc_addr = nullptr;
  /// Called around every vkQueueSubmit, for a queue that other threads submit to as well. Both or neither. Whoever
  /// calls Volute (run, advance, compile, a parameter's values) must not hold the lock, unless it is recursive.
  std::function<void()> lock;
  std::function<void()> unlock;  ///< after the submission
  Allocator allocator;           ///< empty: Volute allocates from the device
  /// Queue families, besides queue_family, that read or write Volute's buffers (Slice) without an ownership
  /// transfer; such buffers are then VK_SHARING_MODE_CONCURRENT.
  std::vector<std::uint32_t> sharing_families;
};

/// Throws Unsupported, naming what is missing, if the device cannot be used.
VOLUTE_API Device adopt(const Adoption& adoption);

/// A device Volute creates for both, with what the application needs of it.
struct Creation {
  std::string selector;  ///< as Device's
  /// As Adoption's.
  PFN_vkGetInstanceProcAddr get_instance_proc_addr = nullptr;
  std::vector<const char*> instance_extensions;     ///< all required
  std::vector<const char*> device_extensions;       ///< all required
  void* features = nullptr;                         ///< chain of feature structures, all required; may be added to
  VkQueueFlags queue_flags = VK_QUEUE_COMPUTE_BIT;  ///< of the application's queue
  /// Whether the application's queue may be of this family (it can present to the surface); null: any.
  std::function<bool(VkInstance, VkPhysicalDevice, std::uint32_t family)> accepts_family;
  /// Volute gets a queue of its own, if the device has another that computes, of a family without graphics if there
  /// is one: training then runs beside rendering. Buffers are shared between both families.
  bool async_compute = false;
};

/// Throws Unsupported listing every device and why it was rejected.
VOLUTE_API Device create(const Creation& creation);

/// A device's Vulkan objects, Volute's or lent. `queue` is what Volute submits to; `app_queue` is the application's,
/// the same unless Creation::async_compute gave Volute its own.
struct Handles {
  PFN_vkGetInstanceProcAddr get_instance_proc_addr = nullptr;  ///< what Volute calls Vulkan by
  VkInstance instance = VK_NULL_HANDLE;                        ///< Volute's or the application's
  VkPhysicalDevice physical = VK_NULL_HANDLE;                  ///< of the instance
  VkDevice device = VK_NULL_HANDLE;                            ///< of the physical device
  std::uint32_t queue_family = 0;                              ///< of queue
  std::uint32_t app_queue_family = 0;                          ///< of app_queue
  VkQueue queue = VK_NULL_HANDLE;                              ///< Volute submits to it
  VkQueue app_queue = VK_NULL_HANDLE;                          ///< the application's
};
VOLUTE_API Handles handles(const Device& device);  ///< the handles of a device

/// Optional abilities with what is enabled. DeviceInfo::without has those that are not, in words.
VOLUTE_API std::vector<Ability> abilities(const Device& device);

/// Holds what Volute holds while it submits: for an application's own submissions to a queue both use.
VOLUTE_API std::unique_lock<std::mutex> lock_queue(const Device& device);

/// Waits for Volute's own work and destroys all Vulkan objects Volute has made on the device, those of its programs
/// included; lent ones stay. After it, Programs and parameters of the device can only be destroyed; any other call
/// on them throws DeviceLost. For applications that destroy their VkDevice before their Programs. Parameters'
/// values are fetched to the host first, so that io::save still works and another Device can take them. Throws
/// DeviceLost, after all is destroyed, if they could not be fetched (Device::lost says what they have then), and
/// Timeout, with nothing destroyed, if Volute's work does not finish.
VOLUTE_API void detach(Device& device);

// Tensors as buffers. -----------------------------------------------------------------------------------------

/// Bytes of a buffer that hold a tensor: rows of the last axis, each padded to whole texels (row_pitch), row-major.
struct Slice {
  VkBuffer buffer = VK_NULL_HANDLE;  ///< with the usages below
  VkDeviceSize offset = 0;           ///< in bytes
  VkDeviceSize bytes = 0;            ///< slice_bytes of the shape
};

/// Bytes from one row of the last axis to the next: the last extent rounded up to a multiple of 4, times 4. A scalar's
/// is 16. Padding lanes hold zeros.
VOLUTE_API VkDeviceSize row_pitch(const Shape& shape);
/// Bytes a Slice of this shape needs.
VOLUTE_API VkDeviceSize slice_bytes(const Shape& shape);

/// On Volute's own queue the order of submission is enough: a step begins with a barrier after all that came before it
/// and ends with one before all that comes after. Other queues need semaphores (Sync, completion).
///
/// Where an input, output or state of the program lies in Volute's own memory. Usage: storage, uniform, texel, vertex,
/// index, indirect, transfer. An output is valid from the end of a step to the start of the next; an input's slice is
/// overwritten by fed values at the start of each step unless it is bound to itself (bind). Throws InvalidGraph.
VOLUTE_API Slice slice(Program& program, Tensor tensor);
VOLUTE_API Slice slice(Program& program, const std::string& state);  ///< of a state, by name
/// Where a parameter lies once a program of this device uses it.
VOLUTE_API Slice slice(const Device& device, const Parameter& parameter);

/// From the next step on, an input's values come from the application's buffer, or an output's go to it: copied on
/// the device, first and last in the step (so the buffer is the application's again as soon as the copy is done, even
/// if the step takes many frames). Needs usage TRANSFER_SRC of an input's buffer, TRANSFER_DST of an output's. A bound
/// output no longer goes to the host: read() throws (`minimize` with clipping adds the norm to the outputs: bind it,
/// too, if nothing shall go there). Bound to its own slice(), a tensor is not copied at all: the
/// application writes an input there and reads an output there. Padding lanes of an input's rows must hold zeros.
/// `family`: queue family that owns the buffer between steps, if not Volute's: ownership is acquired before an
/// input's copy and released after an output's; the application does the other half (record_release,
/// record_acquire). Waits for the last run; throws InvalidGraph for tensors that are neither inputs nor outputs,
/// slices too small, offsets or sizes not multiples of 4.
VOLUTE_API void bind(Program& program, Tensor tensor, const Slice& slice,
                     std::uint32_t family = VK_QUEUE_FAMILY_IGNORED);
/// Back to the host.
VOLUTE_API void unbind(Program& program, Tensor tensor);

/// The application's half of an ownership transfer, into its command buffer: gives what its stages wrote or read to
/// Volute, or takes from Volute what its stages will read. Without a change of family it is a plain memory barrier.
VOLUTE_API void record_release(const Device& device, VkCommandBuffer commands, const Slice& slice,
                               std::uint32_t family, VkPipelineStageFlags stages, VkAccessFlags accesses);
/// The other way round: what Volute has written, for `stages` to read.
VOLUTE_API void record_acquire(const Device& device, VkCommandBuffer commands, const Slice& slice,
                               std::uint32_t family, VkPipelineStageFlags stages, VkAccessFlags accesses);

// Synchronisation. --------------------------------------------------------------------------------------------

/// A semaphore, and of a timeline semaphore the value; `stages` are those that wait.
struct SemaphorePoint {
  VkSemaphore semaphore = VK_NULL_HANDLE;  ///< binary or timeline
  std::uint64_t value = 0;  ///< ignored for binary semaphores
  VkPipelineStageFlags stages = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;  ///< ignored where it is signalled
};

/// The first work a call submits waits, the last signals. A call that submits nothing else (advance while the device
/// is busy) submits an empty batch, so that binary semaphores pair up.
struct Sync {
  std::vector<SemaphorePoint> wait;    ///< before the first work
  std::vector<SemaphorePoint> signal;  ///< after the last
};

/// Program::run and Program::advance with semaphores.
VOLUTE_API void run(Program& program, const std::vector<Feed>& feeds, const Sync& sync);
VOLUTE_API Progress advance(Program& program, std::chrono::duration<double> budget, const Sync& sync);  ///< a part

/// The point of Volute's own timeline at which all work the program has submitted is done: to be waited for by the
/// application's submissions. Throws Unsupported on a device without timeline semaphores.
VOLUTE_API SemaphorePoint completion(const Program& program);

/// Records a whole step into a command buffer of the application's in the recording state, outside of a render pass,
/// for a queue of Volute's family. Begins with a barrier after everything before, ends with one before everything
/// after. The command buffer may be submitted again and again, one execution at a time and none beside a run of the
/// program. Fed values are read when it executes: feed() sets them, and every input that is not bound must have been
/// fed by then. Buffers are those bound when it is recorded. Once it has executed, read() returns its outputs. Volute
/// does not see when it executes: Program::steps and keep do not count it, and of runs that are not finite those with
/// NonFinite::skip and stop change nothing, but none is reported.
VOLUTE_API void record(Program& program, VkCommandBuffer commands);
/// Writes inputs for the next execution of a recorded step; no execution may be pending. Throws as Program::run does.
VOLUTE_API void feed(Program& program, const std::vector<Feed>& feeds);

}  // namespace volute::interop
