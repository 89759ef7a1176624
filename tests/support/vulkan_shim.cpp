// The wrappers: one per function and side, in one table. A call is counted, observed and passed on, or made to fail.
#include "tests/support/vulkan_shim.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <optional>
#include <stdexcept>

#include "engine/vulkan/functions.hpp"
#include "tests/support/vulkan_masks.hpp"
#include "tests/support/vulkan_observe.hpp"
#include "tests/support/vulkan_spoil.hpp"

// What applications call besides; a function may be in several lists.
#define VOLUTE_TEST_FUNCTIONS(F)                                                                                     \
  F(vkCreateImage) F(vkDestroyImage) F(vkCreateImageView) F(vkDestroyImageView) F(vkCreateSampler)                   \
  F(vkDestroySampler) F(vkCreateRenderPass) F(vkCreateRenderPass2) F(vkDestroyRenderPass) F(vkCreateFramebuffer)     \
  F(vkDestroyFramebuffer) F(vkCreateGraphicsPipelines) F(vkCreateEvent) F(vkDestroyEvent) F(vkUnmapMemory)           \
  F(vkFreeCommandBuffers) F(vkFreeDescriptorSets) F(vkResetDescriptorPool) F(vkResetCommandPool)                     \
  F(vkResetCommandBuffer) F(vkCmdCopyImageToBuffer) F(vkCmdCopyBufferToImage) F(vkCmdUpdateBuffer)                   \
  F(vkCmdExecuteCommands) F(vkCmdDispatchIndirect) F(vkCmdDraw) F(vkQueueWaitIdle) F(vkDeviceWaitIdle)               \
  F(vkCreateDebugUtilsMessengerEXT) F(vkDestroyDebugUtilsMessengerEXT) F(vkCreateSwapchainKHR)                       \
  F(vkDestroySwapchainKHR) F(vkDestroySurfaceKHR) F(vkFlushMappedMemoryRanges) F(vkInvalidateMappedMemoryRanges)     \
  F(vkUpdateDescriptorSetWithTemplate) F(vkSignalSemaphore)

namespace volute::test {
namespace {

VulkanShim* active = nullptr;
thread_local int depth = 0;

/// What happens on this thread is the driver's, or the shim's own.
struct Inside {
  Inside() { ++depth; }
  ~Inside() { --depth; }
};

PFN_vkDeviceWaitIdle wait_idle = nullptr;

VkDevice device_of(VkDevice device) { return device; }
VkDevice device_of(VkQueue queue) { return active->failures().device_of(queue); }
template <class Other>
VkDevice device_of(Other) {
  return VK_NULL_HANDLE;
}

/// A lost device does nothing any more; the real one must not either.
void settle(VkDevice device) { wait_idle(device); }

template <Name name, class Function, Side side>
struct Wrapper;

template <Name name, class Result, class... Arguments, Side side>
struct Wrapper<name, Result(VKAPI_PTR*)(Arguments...), side> {
  static inline Result(VKAPI_PTR* original)(Arguments...) = nullptr;

  static Result VKAPI_CALL call(Arguments... arguments) {
    const Inside inside;
    if (!active) return original(arguments...);
    const Call call{*active, side, name.text};
    active->registry().called(side, name.text);
    if constexpr (side == Side::engine && std::is_same_v<Result, VkResult>)
      if (const VkResult failure = strike(arguments...); failure != VK_SUCCESS) return failure;
    if constexpr (requires { passes(call, Named<name>{}, arguments...); }) passes(call, Named<name>{}, arguments...);
    if constexpr (std::is_void_v<Result>) {
      send(call, arguments...);
    } else {
      const Result result = send(call, arguments...);
      if constexpr (requires { made(call, Named<name>{}, arguments...); })
        if (result == Result{}) made(call, Named<name>{}, arguments...);
      return result;
    }
  }

 private:
  template <class First, class... Rest>
  static VkResult strike(First first, Rest... rest) {
    const VkDevice device = device_of(first);
    const VkResult failure = active->failures().strike(name.text, device);
    if (failure == VK_SUCCESS) return failure;
    if (failure == VK_ERROR_DEVICE_LOST && device) settle(device);
    if constexpr (requires { spoil(Named<name>{}, first, rest...); })
      if (failure < 0) spoil(Named<name>{}, first, rest...);
    return failure;
  }

  static Result send(const Call& call, Arguments... arguments) {
    if constexpr (requires { pass(call, Named<name>{}, original, arguments...); })
      return pass(call, Named<name>{}, original, arguments...);
    else
      return original(arguments...);
  }
};

/// Where a wrapper is, and where it keeps what it wraps.
struct Entry {
  PFN_vkVoidFunction wrapper = nullptr;
  PFN_vkVoidFunction* original = nullptr;
};

template <Name name, class Function, Side side>
Entry entry_of() {
  using Wrapped = Wrapper<name, Function, side>;
  return {reinterpret_cast<PFN_vkVoidFunction>(&Wrapped::call),
          reinterpret_cast<PFN_vkVoidFunction*>(&Wrapped::original)};
}

template <Side side>
const std::map<std::string, Entry>& table() {
#define VOLUTE_ENTRY(name) {#name, entry_of<#name, PFN_##name, side>()},
  static const std::map<std::string, Entry> entries = {
      VOLUTE_GLOBAL_FUNCTIONS(VOLUTE_ENTRY) VOLUTE_INSTANCE_FUNCTIONS(VOLUTE_ENTRY)
          VOLUTE_DEVICE_FUNCTIONS(VOLUTE_ENTRY) VOLUTE_TEST_FUNCTIONS(VOLUTE_ENTRY)};
#undef VOLUTE_ENTRY
  return entries;
}

PFN_vkGetInstanceProcAddr loader() {
  static const auto entry = [] {
    void* library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
    void* found = library ? dlsym(library, "vkGetInstanceProcAddr") : nullptr;
    if (!found) throw std::runtime_error("no Vulkan loader");
    return reinterpret_cast<PFN_vkGetInstanceProcAddr>(found);
  }();
  return entry;
}

/// The wrapper, given what the loader has; the loader's own dispatch by handle serves all instances and devices.
template <Side side>
PFN_vkVoidFunction wrap(const char* name, PFN_vkVoidFunction found) {
  const auto entry = table<side>().find(name);
  if (!found || entry == table<side>().end()) return found;
  *entry->second.original = found;
  return entry->second.wrapper;
}

PFN_vkGetDeviceProcAddr device_entry = nullptr;
VkInstance newest_instance = VK_NULL_HANDLE;

template <Side side>
PFN_vkVoidFunction VKAPI_CALL get_device(VkDevice device, const char* name) {
  const Inside inside;
  const PFN_vkVoidFunction found = device_entry(device, name);
  if (!found || !table<side>().contains(name)) return found;
  return wrap<side>(name, loader()(newest_instance, name));
}

template <Side side>
PFN_vkVoidFunction VKAPI_CALL get_instance(VkInstance instance, const char* name) {
  const Inside inside;
  if (std::strcmp(name, "vkGetInstanceProcAddr") == 0)
    return reinterpret_cast<PFN_vkVoidFunction>(&get_instance<side>);
  if (instance) newest_instance = instance;
  const PFN_vkVoidFunction found = loader()(instance, name);
  if (found && std::strcmp(name, "vkGetDeviceProcAddr") == 0) {
    device_entry = reinterpret_cast<PFN_vkGetDeviceProcAddr>(found);
    wait_idle = reinterpret_cast<PFN_vkDeviceWaitIdle>(loader()(instance, "vkDeviceWaitIdle"));
    return reinterpret_cast<PFN_vkVoidFunction>(&get_device<side>);
  }
  return wrap<side>(name, found);
}

}  // namespace

VulkanShim::VulkanShim(Masks masks) : masks_(std::move(masks)) {
  if (active) throw std::logic_error("one VulkanShim at a time");
  active = this;
}

VulkanShim::~VulkanShim() { active = nullptr; }

bool VulkanShim::inside_call() { return depth > 0; }

PFN_vkGetInstanceProcAddr VulkanShim::entry(Side side) {
  return side == Side::engine ? &get_instance<Side::engine> : &get_instance<Side::application>;
}

std::set<std::string> VulkanShim::wrapped() {
  std::set<std::string> names;
  for (const auto& [name, entry] : table<Side::engine>()) names.insert(name);
  return names;
}

long VulkanShim::calls(Side side, const std::string& name) const {
  if (!table<Side::engine>().contains(name)) throw std::logic_error(name + " is not counted");
  const Counts counts = registry_.calls(side);
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

std::vector<std::string> VulkanShim::ownership_faults() const {
  std::vector<std::string> faults;
  std::map<VkBuffer, std::optional<OwnershipHalf>> released;
  for (const OwnershipHalf& half : registry_.ownership()) {
    std::optional<OwnershipHalf>& pending = released[half.buffer];
    const bool matches = pending && pending->from == half.from && pending->to == half.to;
    if (half.acquire && !matches) faults.push_back("an acquire without its release");
    if (!half.acquire && pending) faults.push_back("a release not acquired");
    pending = half.acquire ? std::nullopt : std::optional(half);
  }
  return faults;
}

}  // namespace volute::test
