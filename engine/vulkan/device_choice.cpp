// Device choice: discrete, then integrated, virtual, CPU; the first of the loader's order among equals.
// A failed choice names every device and its reason, because "no device found" helps nobody.
#include "engine/vulkan/device_choice.hpp"

#include <algorithm>
#include <cctype>

#include "engine/environment.hpp"
#include "engine/vulkan/instance.hpp"

namespace volute {
namespace vk {
namespace {

std::string version_text(std::uint32_t version) {
  return std::to_string(VK_API_VERSION_MAJOR(version)) + "." + std::to_string(VK_API_VERSION_MINOR(version)) + "." +
         std::to_string(VK_API_VERSION_PATCH(version));
}

const char* type_text(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return "discrete";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return "integrated";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return "virtual";
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return "cpu";
    default:
      return "other";
  }
}

int preference(const std::string& type) {
  const char* order[] = {"discrete", "integrated", "virtual", "cpu"};
  return static_cast<int>(std::find(std::begin(order), std::end(order), type) - std::begin(order));
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool is_index(const std::string& selector, std::size_t count) {
  const bool digits = std::all_of(selector.begin(), selector.end(), [](unsigned char c) { return std::isdigit(c); });
  return digits && !selector.empty() && selector.size() < 6 && std::stoul(selector) < count;
}

/// A number that is no device's index may still be part of a name: "4090".
bool matches(const DeviceInfo& device, const std::string& selector, std::size_t count) {
  if (is_index(selector, count)) return device.index == std::stoi(selector);
  return lower(device.name).find(lower(selector)) != std::string::npos;
}

bool has_compute(const InstanceFunctions& fn, VkPhysicalDevice physical) {
  const auto families = queue_families(fn, physical);
  return std::any_of(families.begin(), families.end(),
                     [](const auto& family) { return (family.queueFlags & VK_QUEUE_COMPUTE_BIT) != 0; });
}

bool has_storage_texels(const InstanceFunctions& fn, VkPhysicalDevice physical, VkFormat format) {
  VkFormatProperties properties{};
  fn.vkGetPhysicalDeviceFormatProperties(physical, format, &properties);
  return (properties.bufferFeatures & VK_FORMAT_FEATURE_STORAGE_TEXEL_BUFFER_BIT) != 0;
}

std::string rejection(const InstanceFunctions& fn, VkPhysicalDevice physical, std::uint32_t api_version) {
  if (api_version < VK_API_VERSION_1_2) return "Vulkan " + version_text(api_version) + ", 1.2 is needed";
  if (!has_compute(fn, physical)) return "no queue family that computes";
  if (!has_storage_texels(fn, physical, VK_FORMAT_R32G32B32A32_SFLOAT)) return "no rgba32f storage texel buffers";
  if (!has_storage_texels(fn, physical, VK_FORMAT_R32G32B32A32_UINT)) return "no rgba32ui storage texel buffers";
  return "";
}

std::uint64_t largest_device_heap(const InstanceFunctions& fn, VkPhysicalDevice physical) {
  VkPhysicalDeviceMemoryProperties memory{};
  fn.vkGetPhysicalDeviceMemoryProperties(physical, &memory);
  std::uint64_t largest = 0;
  for (std::uint32_t i = 0; i < memory.memoryHeapCount; ++i)
    if (memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
      largest = std::max<std::uint64_t>(largest, memory.memoryHeaps[i].size);
  return largest;
}

/// What only a device of Vulkan 1.2 can be asked.
void describe_1_2(const InstanceFunctions& fn, VkPhysicalDevice physical, DeviceInfo& info) {
  VkPhysicalDeviceVulkan12Properties core12{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES};
  VkPhysicalDeviceVulkan11Properties core11{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES, &core12};
  VkPhysicalDeviceProperties2 all{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &core11};
  fn.vkGetPhysicalDeviceProperties2(physical, &all);
  info.driver = std::string(core12.driverName) + " " + core12.driverInfo;
  info.max_allocation_bytes = core11.maxMemoryAllocationSize;
  info.subgroup_size = core11.subgroupSize;
  info.subgroup_shuffle = (core11.subgroupSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
                          (core11.subgroupSupportedOperations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT);
}

std::string listing(const std::vector<DeviceInfo>& devices) {
  std::string text;
  for (const DeviceInfo& device : devices)
    text += "\n  " + std::to_string(device.index) + ": " + device.name + " (" + device.type + ", Vulkan " + device.api +
            "): " + (device.rejected.empty() ? "usable" : device.rejected);
  return text;
}

}  // namespace

std::vector<VkQueueFamilyProperties> queue_families(const InstanceFunctions& fn, VkPhysicalDevice physical) {
  std::uint32_t count = 0;
  fn.vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  fn.vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families.data());
  return families;
}

bool family_computes(const InstanceFunctions& fn, VkPhysicalDevice physical, std::uint32_t family) {
  const auto families = queue_families(fn, physical);
  return family < families.size() && (families[family].queueFlags & VK_QUEUE_COMPUTE_BIT);
}

std::optional<std::uint32_t> application_family(const InstanceFunctions& fn, VkPhysicalDevice physical,
                                                const interop::Creation& creation) {
  const auto families = queue_families(fn, physical);
  // Volute submits to it as well unless it gets a queue of its own.
  const VkQueueFlags flags = creation.queue_flags | (creation.async_compute ? 0 : VK_QUEUE_COMPUTE_BIT);
  for (std::uint32_t i = 0; i < families.size(); ++i) {
    if ((families[i].queueFlags & flags) != flags) continue;
    if (!creation.accepts_family || creation.accepts_family(fn.instance, physical, i)) return i;
  }
  return std::nullopt;
}

QueueChoice choose_queues(const InstanceFunctions& fn, VkPhysicalDevice physical, const interop::Creation& creation) {
  const std::uint32_t app = application_family(fn, physical, creation).value();
  const auto families = queue_families(fn, physical);
  QueueChoice best{app, 0, app};
  int best_rank = 0;
  for (std::uint32_t i = 0; creation.async_compute && i < families.size(); ++i) {
    if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT)) continue;
    const bool own = i != app, graphics = families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT;
    const int rank = own && !graphics ? 3 : own ? 2 : families[i].queueCount > 1 ? 1 : 0;
    if (rank > best_rank) {
      best = {i, own ? 0u : 1u, app};
      best_rank = rank;
    }
  }
  return best;
}

std::vector<interop::Ability> wishes_of(const InstanceFunctions& fn, VkPhysicalDevice physical) {
  const auto families = queue_families(fn, physical);
  const bool timestamps = std::any_of(families.begin(), families.end(), [](const auto& family) {
    return (family.queueFlags & VK_QUEUE_COMPUTE_BIT) && family.timestampValidBits > 0;
  });
  return describe_abilities(offered_by(fn, physical), timestamps, describe(fn, physical, 0).subgroup_shuffle);
}

std::vector<std::string> lacking(const std::vector<interop::Ability>& abilities) {
  std::vector<std::string> texts;
  for (const auto& ability : abilities)
    if (!ability.present) texts.push_back(ability.name + ": " + ability.without);
  return texts;
}

std::uint32_t timestamp_bits_of(const InstanceFunctions& fn, VkPhysicalDevice physical, std::uint32_t family) {
  return queue_families(fn, physical).at(family).timestampValidBits;
}

DeviceInfo describe(const InstanceFunctions& fn, VkPhysicalDevice physical, int index) {
  VkPhysicalDeviceProperties properties{};
  fn.vkGetPhysicalDeviceProperties(physical, &properties);
  DeviceInfo info;
  info.index = index;
  info.name = properties.deviceName;
  info.type = type_text(properties.deviceType);
  info.api = version_text(properties.apiVersion);
  info.driver = version_text(properties.driverVersion);
  info.rejected = rejection(fn, physical, properties.apiVersion);
  info.memory_bytes = largest_device_heap(fn, physical);
  info.max_storage_range = properties.limits.maxStorageBufferRange;
  info.max_texel_elements = properties.limits.maxTexelBufferElements;
  info.max_shared_bytes = properties.limits.maxComputeSharedMemorySize;
  info.max_workgroup = properties.limits.maxComputeWorkGroupInvocations;
  if (properties.apiVersion >= VK_API_VERSION_1_2) describe_1_2(fn, physical, info);
  return info;
}

int choose_device(std::vector<DeviceInfo> devices, const std::string& selector) {
  if (devices.empty()) throw Unsupported("no Vulkan device: the loader found no driver with a device");
  int best = -1;
  for (int i = 0; i < static_cast<int>(devices.size()); ++i) {
    if (!devices[i].rejected.empty()) continue;
    if (!matches(devices[i], selector, devices.size())) {
      devices[i].rejected = "does not match '" + selector + "'";
      continue;
    }
    if (best < 0 || preference(devices[i].type) < preference(devices[best].type)) best = i;
  }
  if (best < 0) throw Unsupported("no usable Vulkan device:" + listing(devices));
  return best;
}

}  // namespace vk

std::vector<DeviceInfo> list_devices() {
  std::vector<DeviceInfo> list;
  try {
    const auto instance = vk::Instance::shared();
    for (VkPhysicalDevice physical : instance->devices()) {
      list.push_back(vk::describe(instance->fn, physical, static_cast<int>(list.size())));
      if (list.back().rejected.empty()) list.back().without = vk::lacking(vk::wishes_of(instance->fn, physical));
    }
  } catch (const Unsupported&) {
    if (environment().validation) throw;  // asked for and missing
    list.clear();                         // no loader or driver: no devices; Device says why
  }
  return list;
}

}  // namespace volute
