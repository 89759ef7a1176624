// Where a Context comes from: Volute's own choice of device, one made with what an application asks for, or one lent.
#include <algorithm>

#include "engine/environment.hpp"
#include "engine/vulkan/completion.hpp"
#include "engine/vulkan/device_choice.hpp"

namespace volute::vk {
namespace {

/// What an application asks of a device besides Volute's own needs, as a reason against it; empty if it has all.
std::string shortcoming(const InstanceFunctions& fn, VkPhysicalDevice physical, const interop::Creation& creation) {
  for (const char* name : creation.device_extensions)
    if (!has_extension(fn, physical, name)) return std::string("no extension ") + name;
  if (!application_family(fn, physical, creation)) return "no queue family as the application needs it";
  return "";
}

std::vector<std::uint32_t> distinct(std::vector<std::uint32_t> families) {
  std::sort(families.begin(), families.end());
  families.erase(std::unique(families.begin(), families.end()), families.end());
  return families;
}

}  // namespace

std::shared_ptr<Context> Context::create(const std::string& selector) {
  interop::Creation creation;
  creation.selector = selector;
  return create(creation);
}

std::shared_ptr<Context> Context::create(const interop::Creation& creation) {
  const bool plain = creation.instance_extensions.empty() && !creation.get_instance_proc_addr;
  const auto instance =
      plain ? Instance::shared() : Instance::create(creation.instance_extensions, creation.get_instance_proc_addr);
  const InstanceFunctions& fn = instance->fn;
  const std::vector<VkPhysicalDevice> physicals = instance->devices();
  std::vector<DeviceInfo> infos;
  for (std::size_t i = 0; i < physicals.size(); ++i) {
    infos.push_back(describe(fn, physicals[i], static_cast<int>(i)));
    if (infos.back().rejected.empty()) infos.back().rejected = shortcoming(fn, physicals[i], creation);
  }
  for (;;) {  // a device may turn out to lack features of the application's, which only its driver can tell
    const int chosen = choose_device(infos, creation.selector.empty() ? environment().device : creation.selector);
    std::shared_ptr<Context> context(new Context);  // destroys what it has, should a later step throw
    context->instance = instance;
    context->physical = physicals[chosen];
    context->describe_physical(infos[chosen]);
    context->abilities = offered_by(fn, context->physical);
    if (!context->create_device(creation)) {
      infos[chosen].rejected = "lacks a feature the application asks for";
      continue;
    }
    context->finish_setup();
    return context;
  }
}

std::shared_ptr<Context> Context::adopt(const interop::Adoption& lent) {
  if (!lent.instance || !lent.physical || !lent.device || !lent.queue)
    throw Unsupported("adopt: instance, physical, device and queue must all be given");
  if (static_cast<bool>(lent.lock) != static_cast<bool>(lent.unlock))
    throw Unsupported("adopt: lock and unlock must be given together");
  if (static_cast<bool>(lent.allocator.allocate) != static_cast<bool>(lent.allocator.free))
    throw Unsupported("adopt: the allocator's allocate and free must be given together");
  if (lent.api_version < VK_API_VERSION_1_2)
    throw Unsupported("adopt: the instance was created for a Vulkan below 1.2; set VkApplicationInfo::apiVersion to "
                      "VK_API_VERSION_1_2 or above");
  std::shared_ptr<Context> context(new Context);
  context->instance = Instance::lent(lent.instance, lent.get_instance_proc_addr);
  const InstanceFunctions& fn = context->instance->fn;
  DeviceInfo described = describe(fn, lent.physical, 0);
  if (!described.rejected.empty()) throw Unsupported("adopt: " + described.name + ": " + described.rejected);
  if (!family_computes(fn, lent.physical, lent.queue_family))
    throw Unsupported("adopt: queue family " + std::to_string(lent.queue_family) + " of " + described.name +
                      " does not compute; choose one with VK_QUEUE_COMPUTE_BIT");
  context->fn = load_device(fn, lent.device);
  context->physical = lent.physical;
  context->device = lent.device;
  context->queue_family = context->app_queue_family = lent.queue_family;
  context->queue = context->app_queue = lent.queue;
  context->lock_ = lent.lock;
  context->unlock_ = lent.unlock;
  context->allocator = lent.allocator;
  std::vector<std::uint32_t> families = lent.sharing_families;
  families.push_back(lent.queue_family);
  context->buffer_families = distinct(families);
  context->describe_physical(std::move(described));
  context->abilities = enabled_of(offered_by(fn, lent.physical), lent.created_with);
  context->finish_setup();
  return context;
}

void Context::describe_physical(DeviceInfo described) {
  info = std::move(described);
  is_cpu = info.type == "cpu";
  instance->fn.vkGetPhysicalDeviceProperties(physical, &properties);
  instance->fn.vkGetPhysicalDeviceMemoryProperties(physical, &memory);
  const VkPhysicalDeviceLimits& limits = properties.limits;
  offset_alignment_ = static_cast<std::uint32_t>(
      std::max<VkDeviceSize>({64, limits.minStorageBufferOffsetAlignment, limits.minTexelBufferOffsetAlignment,
                              limits.optimalBufferCopyOffsetAlignment}));
  compute_units = count_compute_units(instance->fn, physical, properties);
}

bool Context::create_device(const interop::Creation& creation) {
  const QueueChoice choice = choose_queues(instance->fn, physical, creation);
  const float priorities[] = {1.0f, 1.0f};
  std::vector<VkDeviceQueueCreateInfo> queues(choice.family == choice.app_family ? 1 : 2,
                                              {VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO});
  queues.front().queueFamilyIndex = choice.app_family;
  queues.front().queueCount = queues.size() == 1 ? choice.index + 1 : 1;
  queues.back().queueFamilyIndex = choice.family;
  if (queues.size() == 2) queues.back().queueCount = 1;
  for (auto& each : queues) each.pQueuePriorities = priorities;

  FeatureChain features(creation.features);
  for (const FeatureBit& bit : bits_of(abilities)) features.add(bit);
  std::vector<const char*> extensions = creation.device_extensions;
  for (const char* name : extensions_of(abilities)) {
    const auto is_it = [&](const char* other) { return std::string(other) == name; };
    if (std::none_of(extensions.begin(), extensions.end(), is_it)) extensions.push_back(name);
  }
  VkDeviceCreateInfo device_info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, features.head()};
  device_info.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  device_info.ppEnabledExtensionNames = extensions.data();
  device_info.queueCreateInfoCount = static_cast<std::uint32_t>(queues.size());
  device_info.pQueueCreateInfos = queues.data();
  const VkResult result = instance->fn.vkCreateDevice(physical, &device_info, nullptr, &device);
  if (result == VK_ERROR_FEATURE_NOT_PRESENT) {
    device = VK_NULL_HANDLE;
    features.undo();
    return false;
  }
  check_made(result, "vkCreateDevice", device);
  owned_ = true;
  fn.vkDestroyDevice =
      reinterpret_cast<PFN_vkDestroyDevice>(instance->fn.vkGetDeviceProcAddr(device, "vkDestroyDevice"));
  fn = load_device(instance->fn, device);
  queue_family = choice.family;
  app_queue_family = choice.app_family;
  fn.vkGetDeviceQueue(device, queue_family, choice.index, &queue);
  fn.vkGetDeviceQueue(device, app_queue_family, 0, &app_queue);
  buffer_families = distinct({queue_family, app_queue_family});
  return true;
}

void Context::finish_setup() {
  timestamp_bits = timestamp_bits_of(instance->fn, physical, queue_family);
  completion_ = Completion::create(*this);
  info.without = lacking(describe_abilities(abilities, timestamp_bits > 0, info.subgroup_shuffle));
}

}  // namespace volute::vk
