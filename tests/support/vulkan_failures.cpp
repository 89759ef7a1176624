// The table of results, from the specification's "Return Codes" of each function, and the choice of the call that
// fails.
#include "tests/support/vulkan_failures.hpp"

#include <algorithm>

namespace volute::test {
namespace {

constexpr VkResult host = VK_ERROR_OUT_OF_HOST_MEMORY, memory = VK_ERROR_OUT_OF_DEVICE_MEMORY,
                   lost = VK_ERROR_DEVICE_LOST, unknown = VK_ERROR_UNKNOWN;

const std::map<std::string, std::vector<VkResult>>& table() {
  static const std::map<std::string, std::vector<VkResult>> results = {
      {"vkCreateInstance", {memory, host, VK_ERROR_INITIALIZATION_FAILED, VK_ERROR_LAYER_NOT_PRESENT,
                            VK_ERROR_EXTENSION_NOT_PRESENT, VK_ERROR_INCOMPATIBLE_DRIVER, unknown}},
      {"vkEnumerateInstanceVersion", {host, unknown}},
      {"vkEnumerateInstanceLayerProperties", {host, memory, unknown}},
      {"vkCreateDebugUtilsMessengerEXT", {host, unknown}},
      {"vkEnumeratePhysicalDevices", {host, memory, VK_ERROR_INITIALIZATION_FAILED, unknown}},
      {"vkEnumerateDeviceExtensionProperties", {host, memory, VK_ERROR_LAYER_NOT_PRESENT, unknown}},
      {"vkCreateDevice", {memory, host, VK_ERROR_INITIALIZATION_FAILED, VK_ERROR_EXTENSION_NOT_PRESENT,
                          VK_ERROR_FEATURE_NOT_PRESENT, VK_ERROR_TOO_MANY_OBJECTS, lost, unknown}},
      {"vkQueueSubmit", {memory, lost, host, unknown}},
      {"vkWaitSemaphores", {host, lost, VK_TIMEOUT, memory, unknown}},
      {"vkGetSemaphoreCounterValue", {host, lost, memory, unknown}},
      {"vkWaitForFences", {host, lost, VK_TIMEOUT, memory, unknown}},
      {"vkGetFenceStatus", {host, lost, VK_NOT_READY, memory, unknown}},
      {"vkResetFences", {memory, unknown}},
      {"vkAllocateMemory", {memory, VK_ERROR_TOO_MANY_OBJECTS, host, unknown}},
      {"vkMapMemory", {VK_ERROR_MEMORY_MAP_FAILED, host, memory, unknown}},
      {"vkAllocateDescriptorSets", {VK_ERROR_OUT_OF_POOL_MEMORY, memory, VK_ERROR_FRAGMENTED_POOL, host, unknown}},
      {"vkCreateDescriptorPool", {memory, VK_ERROR_FRAGMENTATION, host, unknown}},
      {"vkGetPipelineCacheData", {host, VK_INCOMPLETE, memory, unknown}},
      {"vkGetQueryPoolResults", {host, lost, VK_NOT_READY, memory, unknown}},
  };
  return results;
}

/// Makers and recorders that fail for want of memory only.
const std::set<std::string>& ordinary() {
  static const std::set<std::string> names = {
      "vkCreateSemaphore", "vkCreateFence", "vkCreateBuffer", "vkBindBufferMemory", "vkCreateBufferView",
      "vkCreateDescriptorSetLayout", "vkCreatePipelineLayout", "vkCreatePipelineCache", "vkCreateShaderModule",
      "vkCreateComputePipelines", "vkCreateQueryPool", "vkCreateCommandPool", "vkAllocateCommandBuffers",
      "vkBeginCommandBuffer", "vkEndCommandBuffer"};
  return names;
}

}  // namespace

const std::vector<VkResult>& failures_of(const std::string& function) {
  static const std::vector<VkResult> none, of_memory = {memory, host, unknown};
  if (ordinary().contains(function)) return of_memory;
  const auto found = table().find(function);
  return found == table().end() ? none : found->second;
}

void Failures::start() {
  counting_ = true;
  target_ = 0;
  function_.clear();
  sequence_.clear();
  calls_.clear();
  struck_.reset();
}

void Failures::count() {
  std::lock_guard lock(mutex_);
  start();
}

void Failures::fail(long point, std::size_t choice) {
  std::lock_guard lock(mutex_);
  start();
  target_ = point;
  choice_ = choice;
}

void Failures::fail(const std::string& function, long call, VkResult result) {
  std::lock_guard lock(mutex_);
  start();
  target_ = call;
  function_ = function;
  result_ = result;
}

void Failures::stop() {
  std::lock_guard lock(mutex_);
  counting_ = false;
}

long Failures::points() const {
  std::lock_guard lock(mutex_);
  return static_cast<long>(sequence_.size());
}

std::vector<std::string> Failures::sequence() const {
  std::lock_guard lock(mutex_);
  return sequence_;
}

std::optional<Failures::Failure> Failures::struck() const {
  std::lock_guard lock(mutex_);
  return struck_;
}

VkResult Failures::strike(const std::string& function, VkDevice device) {
  std::lock_guard lock(mutex_);
  const std::vector<VkResult>& results = failures_of(function);
  if (results.empty()) return VK_SUCCESS;
  if (counting_) sequence_.push_back(function);
  const bool can_lose = device && std::find(results.begin(), results.end(), lost) != results.end();
  if (can_lose && lost_.contains(device)) return lost;
  if (!counting_) return VK_SUCCESS;
  const VkResult result = choose(function);
  if (result == VK_SUCCESS) return result;
  struck_ = {function, result};
  if (result == lost && can_lose) lost_.insert(device);
  return result;
}

VkResult Failures::choose(const std::string& function) {
  const long calls = ++calls_[function];
  if (!target_ || struck_) return VK_SUCCESS;
  if (!function_.empty()) return function == function_ && calls == target_ ? result_ : VK_SUCCESS;
  if (static_cast<long>(sequence_.size()) != target_) return VK_SUCCESS;
  const std::vector<VkResult>& results = failures_of(function);
  return results[choice_ % results.size()];
}

void Failures::queue_of(VkDevice device, VkQueue queue) {
  std::lock_guard lock(mutex_);
  queues_[queue] = device;
}

VkDevice Failures::device_of(VkQueue queue) const {
  std::lock_guard lock(mutex_);
  const auto found = queues_.find(queue);
  return found == queues_.end() ? VK_NULL_HANDLE : found->second;
}

void Failures::destroyed(VkDevice device) {
  std::lock_guard lock(mutex_);
  lost_.erase(device);
  std::erase_if(queues_, [device](const auto& queue) { return queue.second == device; });
}

}  // namespace volute::test
