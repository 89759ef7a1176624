// Creation of VkInstances, with the validation layer where the environment asks for it.
#include "engine/vulkan/instance.hpp"

#include <mutex>
#include <string>

#include "engine/environment.hpp"
#include "engine/vulkan/context.hpp"
#include "engine/vulkan/on_failure.hpp"

namespace volute::vk {
namespace {

/// Recursive, since a failed creation destroys the instance while it holds the lock.
std::recursive_mutex& instance_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

}  // namespace

std::shared_ptr<const Instance> Instance::shared() {
  static std::weak_ptr<const Instance> living;
  std::lock_guard lock(instance_mutex());
  if (auto instance = living.lock()) return instance;
  auto instance = create({});
  living = instance;
  return instance;
}

std::shared_ptr<const Instance> Instance::create(const std::vector<const char*>& extensions,
                                                 PFN_vkGetInstanceProcAddr get) {
  std::lock_guard lock(instance_mutex());
  std::shared_ptr<Instance> instance(new Instance);
  instance->make(extensions, get ? get : open_loader());
  return instance;
}

std::shared_ptr<const Instance> Instance::lent(VkInstance handle, PFN_vkGetInstanceProcAddr get) {
  std::shared_ptr<Instance> instance(new Instance);
  instance->fn = load_instance(get ? get : open_loader(), handle);
  return instance;
}

void Instance::make(std::vector<const char*> extensions, PFN_vkGetInstanceProcAddr get) {
  const GlobalFunctions global = load_global(get);
  std::uint32_t version = 0;
  check(global.vkEnumerateInstanceVersion(&version), "vkEnumerateInstanceVersion");
  if (version < VK_API_VERSION_1_2)
    throw Unsupported("the Vulkan loader is older than 1.2; install a newer libvulkan1");
  VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.pEngineName = "Volute";
  application.apiVersion = VK_API_VERSION_1_2;
  VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  info.pApplicationInfo = &application;

  const char* layers[] = {validation_layer};
  const std::vector<VkValidationFeatureEnableEXT> enabled = validation_features();
  VkDebugUtilsMessengerCreateInfoEXT messenger = validation_messenger();
  VkValidationFeaturesEXT features{VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT};
  if (environment().validation) {
    require_validation_layer(global);
    features.enabledValidationFeatureCount = static_cast<std::uint32_t>(enabled.size());
    features.pEnabledValidationFeatures = enabled.data();
    features.pNext = &messenger;
    info.pNext = &features;
    info.enabledLayerCount = 1;
    info.ppEnabledLayerNames = layers;
    extensions.insert(extensions.end(),
                      {VK_EXT_DEBUG_UTILS_EXTENSION_NAME, VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME});
  }
  info.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  VkInstance handle = VK_NULL_HANDLE;
  const VkResult result = global.vkCreateInstance(&info, nullptr, &handle);
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
    throw Unsupported("no Vulkan driver is installed (Debian and Ubuntu: mesa-vulkan-drivers, or the GPU vendor's)");
  if (result == VK_ERROR_EXTENSION_NOT_PRESENT) {
    std::string names;
    for (const char* name : extensions) names += std::string(names.empty() ? "" : ", ") + name;
    throw Unsupported("the Vulkan loader and its drivers lack one of the instance extensions " + names);
  }
  check(result, "vkCreateInstance");
  OnFailure cleanup([&] {
    if (const auto destroy = reinterpret_cast<PFN_vkDestroyInstance>(get(handle, "vkDestroyInstance")))
      destroy(handle, nullptr);
  });
  fn = load_instance(get, handle);
  owned_ = true;
  cleanup.dismiss();
  if (!environment().validation) return;
  const auto create = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
      get(handle, "vkCreateDebugUtilsMessengerEXT"));
  check_made(create(handle, &messenger, nullptr, &messenger_), "vkCreateDebugUtilsMessengerEXT", messenger_);
}

Instance::~Instance() {
  if (!owned_) return;
  std::lock_guard lock(instance_mutex());
  if (messenger_) {
    const auto destroy = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
        fn.get(fn.instance, "vkDestroyDebugUtilsMessengerEXT"));
    destroy(fn.instance, messenger_, nullptr);
  }
  fn.vkDestroyInstance(fn.instance, nullptr);
}

std::vector<VkPhysicalDevice> Instance::devices() const {
  std::uint32_t count = 0;
  check(fn.vkEnumeratePhysicalDevices(fn.instance, &count, nullptr), "vkEnumeratePhysicalDevices");
  std::vector<VkPhysicalDevice> found(count);
  check(fn.vkEnumeratePhysicalDevices(fn.instance, &count, found.data()), "vkEnumeratePhysicalDevices");
  found.resize(count);
  return found;
}

}  // namespace volute::vk
