// Set-up and submission as any Vulkan application has them; lavapipe's one kind of memory serves all buffers.
#include "tests/support/vulkan_application.hpp"

#include <cstdio>
#include <stdexcept>

#include "engine/vulkan/instance.hpp"

namespace volute::test {
namespace {

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
  if (vk::is_hint(data->pMessageIdName)) return VK_FALSE;
  std::fprintf(stderr, "application: validation: %s\n", data->pMessage);
  ++static_cast<VulkanApplication*>(user)->messages_;
  return VK_FALSE;
}

}  // namespace

void require(VkResult result, const char* call) {
  if (result != VK_SUCCESS) throw std::runtime_error(std::string(call) + " gave " + std::to_string(result));
}

VulkanApplication::VulkanApplication(PFN_vkGetInstanceProcAddr get, PFN_vkGetInstanceProcAddr get_for_engine,
                                     ApplicationOptions options)
    : options_(options), get_for_engine_(get_for_engine) {
  make_instance(get);
  std::uint32_t count = 1;
  const VkResult found = fn.vkEnumeratePhysicalDevices(instance, &count, &physical);
  if (found != VK_INCOMPLETE) require(found, "vkEnumeratePhysicalDevices");
  make_device();
}

VulkanApplication::~VulkanApplication() {
  destroy_device();
  fn.vkDestroyDebugUtilsMessengerEXT(instance, messenger_, nullptr);
  fn.vkDestroyInstance(instance, nullptr);
}

void VulkanApplication::make_instance(PFN_vkGetInstanceProcAddr get) {
  VkDebugUtilsMessengerCreateInfoEXT messenger{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
  messenger.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  messenger.messageType = vk::validation_messenger().messageType;
  messenger.pfnUserCallback = on_message;
  messenger.pUserData = this;
  const auto enabled = vk::validation_features();
  VkValidationFeaturesEXT features{VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT, &messenger,
                                   static_cast<std::uint32_t>(enabled.size()), enabled.data()};
  VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.apiVersion = VK_API_VERSION_1_2;
  const char* layers[] = {"VK_LAYER_KHRONOS_validation"};
  const char* extensions[] = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME, VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME};
  VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, &features};
  info.pApplicationInfo = &application;
  info.enabledLayerCount = 1;
  info.ppEnabledLayerNames = layers;
  info.enabledExtensionCount = 2;
  info.ppEnabledExtensionNames = extensions;
  const auto create = reinterpret_cast<PFN_vkCreateInstance>(get(VK_NULL_HANDLE, "vkCreateInstance"));
  require(create(&info, nullptr, &instance), "vkCreateInstance");
#define VOLUTE_TEST_LOAD(name) fn.name = reinterpret_cast<PFN_##name>(get(instance, #name));
  VOLUTE_TEST_INSTANCE_FUNCTIONS(VOLUTE_TEST_LOAD)
#undef VOLUTE_TEST_LOAD
  require(fn.vkCreateDebugUtilsMessengerEXT(instance, &messenger, nullptr, &messenger_),
          "vkCreateDebugUtilsMessengerEXT");
}

void VulkanApplication::make_device() {
  for (std::uint32_t family = 0; family < options_.families; ++family) {
    queue_infos_.push_back({VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO});
    queue_infos_.back().queueFamilyIndex = family;
    queue_infos_.back().queueCount = 1;
    queue_infos_.back().pQueuePriorities = &priority_;
  }
  device_info_.queueCreateInfoCount = options_.families;
  device_info_.pQueueCreateInfos = queue_infos_.data();
  if (options_.wishes) {
    wishes_.emplace(instance, physical, get_for_engine_);
    device_info_.pNext = wishes_->add_features(nullptr);
    device_info_.enabledExtensionCount = static_cast<std::uint32_t>(wishes_->extensions().size());
    device_info_.ppEnabledExtensionNames = wishes_->extensions().data();
  }
  require(fn.vkCreateDevice(physical, &device_info_, nullptr, &device), "vkCreateDevice");
#define VOLUTE_TEST_LOAD(name) fn.name = reinterpret_cast<PFN_##name>(fn.vkGetDeviceProcAddr(device, #name));
  VOLUTE_TEST_DEVICE_FUNCTIONS(VOLUTE_TEST_LOAD)
#undef VOLUTE_TEST_LOAD
  fn.vkGetDeviceQueue(device, 0, 0, &queue);
  if (options_.families > 1) fn.vkGetDeviceQueue(device, 1, 0, &second_queue);
}

void VulkanApplication::destroy_device() {
  if (!device) return;
  fn.vkDeviceWaitIdle(device);
  fn.vkDestroyDevice(device, nullptr);
  device = VK_NULL_HANDLE;
}

interop::Adoption VulkanApplication::adoption() const {
  interop::Adoption lent;
  lent.instance = instance;
  lent.physical = physical;
  lent.device = device;
  lent.queue = queue;
  lent.created_with = &device_info_;
  lent.get_instance_proc_addr = get_for_engine_;
  return lent;
}

std::uint32_t VulkanApplication::memory_type(std::uint32_t bits, VkMemoryPropertyFlags flags) const {
  VkPhysicalDeviceMemoryProperties memory{};
  fn.vkGetPhysicalDeviceMemoryProperties(physical, &memory);
  for (std::uint32_t i = 0; i < memory.memoryTypeCount; ++i)
    if ((bits >> i & 1u) && (memory.memoryTypes[i].propertyFlags & flags) == flags) return i;
  throw std::runtime_error("no such memory type");
}

ApplicationBuffer::ApplicationBuffer(VulkanApplication& application, VkDeviceSize size, VkBufferUsageFlags usage)
    : bytes(size), application_(application) {
  const ApplicationFunctions& fn = application_.fn;
  VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
  info.size = size;
  info.usage = usage;
  require(fn.vkCreateBuffer(application_.device, &info, nullptr, &buffer), "vkCreateBuffer");
  VkMemoryRequirements needs{};
  fn.vkGetBufferMemoryRequirements(application_.device, buffer, &needs);
  VkMemoryAllocateInfo allocation{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, nullptr, needs.size};
  allocation.memoryTypeIndex = application_.memory_type(
      needs.memoryTypeBits, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
  require(fn.vkAllocateMemory(application_.device, &allocation, nullptr, &memory_), "vkAllocateMemory");
  require(fn.vkBindBufferMemory(application_.device, buffer, memory_, 0), "vkBindBufferMemory");
  require(fn.vkMapMemory(application_.device, memory_, 0, VK_WHOLE_SIZE, 0, &mapped), "vkMapMemory");
}

ApplicationBuffer::~ApplicationBuffer() {
  application_.fn.vkDestroyBuffer(application_.device, buffer, nullptr);
  application_.fn.vkFreeMemory(application_.device, memory_, nullptr);
}

ApplicationCommands::ApplicationCommands(VulkanApplication& application, std::uint32_t family)
    : application_(application) {
  const ApplicationFunctions& fn = application_.fn;
  VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
  pool.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  pool.queueFamilyIndex = family;
  require(fn.vkCreateCommandPool(application_.device, &pool, nullptr, &pool_), "vkCreateCommandPool");
  const VkCommandBufferAllocateInfo allocation{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, pool_,
                                               VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1};
  require(fn.vkAllocateCommandBuffers(application_.device, &allocation, &commands_), "vkAllocateCommandBuffers");
  const VkFenceCreateInfo fence{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  require(fn.vkCreateFence(application_.device, &fence, nullptr, &fence_), "vkCreateFence");
}

ApplicationCommands::~ApplicationCommands() {
  application_.fn.vkDestroyFence(application_.device, fence_, nullptr);
  application_.fn.vkDestroyCommandPool(application_.device, pool_, nullptr);
}

VkCommandBuffer ApplicationCommands::begin() {
  const VkCommandBufferBeginInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  require(application_.fn.vkBeginCommandBuffer(commands_, &info), "vkBeginCommandBuffer");
  return commands_;
}

void ApplicationCommands::end() { require(application_.fn.vkEndCommandBuffer(commands_), "vkEndCommandBuffer"); }

void ApplicationCommands::submit(const interop::Sync& sync, VkQueue queue) {
  std::vector<VkSemaphore> waits, signals;
  std::vector<std::uint64_t> wait_values, signal_values;
  std::vector<VkPipelineStageFlags> stages;
  for (const interop::SemaphorePoint& point : sync.wait) {
    waits.push_back(point.semaphore);
    wait_values.push_back(point.value);
    stages.push_back(point.stages);
  }
  for (const interop::SemaphorePoint& point : sync.signal) {
    signals.push_back(point.semaphore);
    signal_values.push_back(point.value);
  }
  VkTimelineSemaphoreSubmitInfo values{VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO};
  values.waitSemaphoreValueCount = static_cast<std::uint32_t>(wait_values.size());
  values.pWaitSemaphoreValues = wait_values.data();
  values.signalSemaphoreValueCount = static_cast<std::uint32_t>(signal_values.size());
  values.pSignalSemaphoreValues = signal_values.data();
  VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO, &values};
  info.waitSemaphoreCount = static_cast<std::uint32_t>(waits.size());
  info.pWaitSemaphores = waits.data();
  info.pWaitDstStageMask = stages.data();
  info.commandBufferCount = 1;
  info.pCommandBuffers = &commands_;
  info.signalSemaphoreCount = static_cast<std::uint32_t>(signals.size());
  info.pSignalSemaphores = signals.data();
  require(application_.fn.vkQueueSubmit(queue ? queue : application_.queue, 1, &info, fence_), "vkQueueSubmit");
}

void ApplicationCommands::wait() {
  require(application_.fn.vkWaitForFences(application_.device, 1, &fence_, VK_TRUE, UINT64_MAX), "vkWaitForFences");
  require(application_.fn.vkResetFences(application_.device, 1, &fence_), "vkResetFences");
}

VkSemaphore make_semaphore(VulkanApplication& application, std::optional<std::uint64_t> initial) {
  VkSemaphoreTypeCreateInfo type{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO};
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  type.initialValue = initial.value_or(0);
  VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, initial ? &type : nullptr};
  VkSemaphore semaphore = VK_NULL_HANDLE;
  require(application.fn.vkCreateSemaphore(application.device, &info, nullptr, &semaphore), "vkCreateSemaphore");
  return semaphore;
}

}  // namespace volute::test
