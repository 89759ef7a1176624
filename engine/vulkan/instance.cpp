// Creation of the process's VkInstance, with the validation layer where the environment asks for it.
#include "engine/vulkan/instance.hpp"

#include "engine/environment.hpp"

namespace volute::vk {
namespace {

/// Recursive, since a failed creation destroys the instance while it holds the lock.
std::recursive_mutex& instance_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

void load_loader() {
  static const VkResult loaded = volkInitialize();
  if (loaded != VK_SUCCESS)
    throw Unsupported(
        "no Vulkan loader: libvulkan.so.1 cannot be opened (Debian and Ubuntu: install libvulkan1 and a driver, "
        "for instance mesa-vulkan-drivers, which includes the software device lavapipe)");
  if (volkGetInstanceVersion() < VK_API_VERSION_1_2)
    throw Unsupported("the Vulkan loader is older than 1.2; install a newer libvulkan1");
}

}  // namespace

std::shared_ptr<const Instance> Instance::shared() {
  static std::weak_ptr<const Instance> living;
  std::lock_guard lock(instance_mutex());
  if (auto instance = living.lock()) return instance;
  std::shared_ptr<Instance> instance(new Instance);
  instance->create();
  living = instance;
  return instance;
}

void Instance::create() {
  load_loader();
  VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.pEngineName = "Volute";
  application.apiVersion = VK_API_VERSION_1_2;
  VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  info.pApplicationInfo = &application;

  const char* layers[] = {validation_layer};
  const char* extensions[] = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME, VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME};
  const VkValidationFeatureEnableEXT enabled[] = {VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
  VkDebugUtilsMessengerCreateInfoEXT messenger = validation_messenger();
  VkValidationFeaturesEXT features{VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT};
  if (environment().validation) {
    require_validation_layer();
    features.enabledValidationFeatureCount = 1;
    features.pEnabledValidationFeatures = enabled;
    features.pNext = &messenger;
    info.pNext = &features;
    info.enabledLayerCount = 1;
    info.ppEnabledLayerNames = layers;
    info.enabledExtensionCount = 2;
    info.ppEnabledExtensionNames = extensions;
  }
  const VkResult result = vkCreateInstance(&info, nullptr, &instance_);
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
    throw Unsupported("no Vulkan driver is installed (Debian and Ubuntu: mesa-vulkan-drivers, or the GPU vendor's)");
  check(result, "vkCreateInstance");
  volkLoadInstanceOnly(instance_);
  if (environment().validation)
    check(vkCreateDebugUtilsMessengerEXT(instance_, &messenger, nullptr, &messenger_),
          "vkCreateDebugUtilsMessengerEXT");
}

Instance::~Instance() {
  std::lock_guard lock(instance_mutex());
  if (messenger_) vkDestroyDebugUtilsMessengerEXT(instance_, messenger_, nullptr);
  if (instance_) vkDestroyInstance(instance_, nullptr);
}

std::vector<VkPhysicalDevice> Instance::devices() const {
  std::uint32_t count = 0;
  check(vkEnumeratePhysicalDevices(instance_, &count, nullptr), "vkEnumeratePhysicalDevices");
  std::vector<VkPhysicalDevice> found(count);
  check(vkEnumeratePhysicalDevices(instance_, &count, found.data()), "vkEnumeratePhysicalDevices");
  found.resize(count);
  return found;
}

}  // namespace volute::vk
