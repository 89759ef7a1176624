// Vulkan set-up as any application does it, with Volute's wishes added where the device is created.
#include "samples/live_sketch/context.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>

namespace live_sketch {
namespace {

VKAPI_ATTR VkBool32 VKAPI_CALL report(VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
                                      const VkDebugUtilsMessengerCallbackDataEXT* data, void* count) {
  ++*static_cast<int*>(count);
  std::fprintf(stderr, "validation: %s\n", data->pMessage);
  return VK_FALSE;
}

VkDebugUtilsMessengerCreateInfoEXT messenger_info(int* count) {
  VkDebugUtilsMessengerCreateInfoEXT info{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
  info.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  info.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
  info.pfnUserCallback = report;
  info.pUserData = count;
  return info;
}

std::vector<VkQueueFamilyProperties> families_of(const Functions& fn, VkPhysicalDevice physical) {
  std::uint32_t count = 0;
  fn.vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  fn.vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families.data());
  return families;
}

int rank(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return 0;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return 1;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return 2;
    default:
      return 3;
  }
}

/// As Volute's own choice: an index alone if it is a number below the count, else part of the name in any case.
bool selects(const std::string& selector, std::size_t index, std::size_t count, const std::string& name) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(selector.data(), selector.data() + selector.size(), number);
  const bool whole = error == std::errc() && end == selector.data() + selector.size();
  if (whole && number < count) return number == index;
  const auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); };
  return selector.empty() ||
         std::search(name.begin(), name.end(), selector.begin(), selector.end(), same) != name.end();
}

}  // namespace

Context::Context(const ContextOptions& options, int& messages) : messages_(messages) {
  try {
    create_instance(options);
    if (options.make_surface) surface = options.make_surface(instance);
    choose_device(options.device);
    create_device(options);
  } catch (...) {
    destroy();
    throw;
  }
}

Context::~Context() { destroy(); }

void Context::destroy() {
  volute_.reset();
  if (device) fn.vkDestroyDevice(device, nullptr);
  if (surface) fn.vkDestroySurfaceKHR(instance, surface, nullptr);
  if (messenger_) fn.vkDestroyDebugUtilsMessengerEXT(instance, messenger_, nullptr);
  if (instance) fn.vkDestroyInstance(instance, nullptr);
}

void Context::create_instance(const ContextOptions& options) {
  VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.pApplicationName = "live_sketch";
  application.apiVersion = VK_API_VERSION_1_2;

  const std::array<VkValidationFeatureEnableEXT, 1> enabled = {
      VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
  VkValidationFeaturesEXT features{VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT};
  features.enabledValidationFeatureCount = static_cast<std::uint32_t>(enabled.size());
  features.pEnabledValidationFeatures = enabled.data();
  VkDebugUtilsMessengerCreateInfoEXT messenger = messenger_info(&messages_);
  messenger.pNext = &features;

  std::vector<const char*> extensions = options.instance_extensions, layers;
  VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  if (options.validation) {
    layers.push_back("VK_LAYER_KHRONOS_validation");
    extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
    info.pNext = &messenger;
  }
  info.pApplicationInfo = &application;
  info.enabledLayerCount = static_cast<std::uint32_t>(layers.size());
  info.ppEnabledLayerNames = layers.data();
  info.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  const auto create = reinterpret_cast<PFN_vkCreateInstance>(options.get(VK_NULL_HANDLE, "vkCreateInstance"));
  const VkResult created = create(&info, nullptr, &instance);
  if (created == VK_ERROR_LAYER_NOT_PRESENT)
    throw std::runtime_error("--validation: no VK_LAYER_KHRONOS_validation here (Debian: vulkan-validationlayers)");
  check(created, "vkCreateInstance");
  fn.load(options.get, instance);
  if (!options.validation) return;
  messenger.pNext = nullptr;
  check(fn.vkCreateDebugUtilsMessengerEXT(instance, &messenger, nullptr, &messenger_),
        "vkCreateDebugUtilsMessengerEXT");
}

std::optional<std::uint32_t> Context::rendering_family(VkPhysicalDevice candidate) const {
  constexpr VkQueueFlags needed = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
  const auto queue_families = families_of(fn, candidate);
  for (std::uint32_t i = 0; i < queue_families.size(); ++i) {
    if ((queue_families[i].queueFlags & needed) != needed) continue;
    VkBool32 presents = VK_TRUE;
    if (surface) fn.vkGetPhysicalDeviceSurfaceSupportKHR(candidate, i, surface, &presents);
    if (presents) return i;
  }
  return std::nullopt;
}

void Context::choose_device(const std::string& selector) {
  std::uint32_t count = 0;
  fn.vkEnumeratePhysicalDevices(instance, &count, nullptr);
  std::vector<VkPhysicalDevice> devices(count);
  fn.vkEnumeratePhysicalDevices(instance, &count, devices.data());
  std::string rejected;
  int best = 4;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    VkPhysicalDeviceProperties properties{};
    fn.vkGetPhysicalDeviceProperties(devices[i], &properties);
    const volute::interop::Wishes wishes(instance, devices[i], fn.get);
    std::string why = wishes.rejected();
    if (why.empty() && !rendering_family(devices[i])) why = "no queue that renders, computes and presents";
    if (why.empty() && !selects(selector, i, count, properties.deviceName)) why = "not asked for";
    if (!why.empty()) {
      rejected += std::string("; ") + properties.deviceName + ": " + why;
    } else if (rank(properties.deviceType) < best) {
      best = rank(properties.deviceType);
      physical = devices[i];
      name = properties.deviceName;
    }
  }
  if (!physical) throw std::runtime_error("no Vulkan device will do" + rejected);
  family = *rendering_family(physical);
}

void Context::create_device(const ContextOptions& options) {
  volute::interop::Wishes wishes(instance, physical, fn.get);
  for (const auto& ability : wishes.abilities())
    if (ability.needs == "timelineSemaphore") timeline = ability.present;

  // Training beside rendering, not between: a queue of its own, best of a family that only computes. Both meet at
  // timeline semaphores; without those they share one queue, whose order is enough.
  const auto queue_families = families_of(fn, physical);
  compute_family = family;
  for (std::uint32_t i = 0; timeline && i < queue_families.size(); ++i)
    if ((queue_families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) && !(queue_families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT))
      compute_family = i;
  const bool second = timeline && compute_family == family && queue_families[family].queueCount > 1;

  const std::array<float, 2> priorities = {1.0f, 0.5f};
  std::vector<VkDeviceQueueCreateInfo> queues(1, {VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO});
  queues[0].queueFamilyIndex = family;
  queues[0].queueCount = second ? 2 : 1;
  queues[0].pQueuePriorities = priorities.data();
  if (compute_family != family) {
    queues.push_back(queues[0]);
    queues[1].queueFamilyIndex = compute_family;
    queues[1].pQueuePriorities = &priorities[1];
  }
  std::vector<const char*> extensions = wishes.extensions();
  if (options.make_surface) extensions.push_back(VK_KHR_SWAPCHAIN_EXTENSION_NAME);

  VkDeviceCreateInfo info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
  info.pNext = wishes.add_features(nullptr);
  info.queueCreateInfoCount = static_cast<std::uint32_t>(queues.size());
  info.pQueueCreateInfos = queues.data();
  info.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  check(fn.vkCreateDevice(physical, &info, nullptr, &device), "vkCreateDevice");
  fn.vkGetDeviceQueue(device, family, 0, &queue);
  fn.vkGetDeviceQueue(device, compute_family, second ? 1 : 0, &compute_queue);
  adopt(info);
}

void Context::adopt(const VkDeviceCreateInfo& created_with) {
  volute::interop::Adoption adoption;
  adoption.instance = instance;
  adoption.physical = physical;
  adoption.device = device;
  adoption.queue_family = compute_family;
  adoption.queue = compute_queue;
  adoption.created_with = &created_with;
  adoption.get_instance_proc_addr = fn.get;
  if (compute_family != family) adoption.sharing_families = {family};
  volute_ = volute::interop::adopt(adoption);
}

std::uint32_t Context::memory_type(std::uint32_t allowed, VkMemoryPropertyFlags required) const {
  VkPhysicalDeviceMemoryProperties properties{};
  fn.vkGetPhysicalDeviceMemoryProperties(physical, &properties);
  for (std::uint32_t i = 0; i < properties.memoryTypeCount; ++i)
    if ((allowed & (1u << i)) != 0 && (properties.memoryTypes[i].propertyFlags & required) == required) return i;
  throw std::runtime_error(name + " has no memory of the kind needed");
}

}  // namespace live_sketch
