// Which physical device to use: facts about each, the reason against each, and the best of the rest.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/vulkan/context.hpp"

namespace volute::vk {

/// Facts about a device; `rejected` says what Volute needs and the device lacks.
DeviceInfo describe(const InstanceFunctions& fn, VkPhysicalDevice physical, int index);
std::vector<VkQueueFamilyProperties> queue_families(const InstanceFunctions& fn, VkPhysicalDevice physical);
bool family_computes(const InstanceFunctions& fn, VkPhysicalDevice physical, std::uint32_t family);
/// Valid bits of a queue family's timestamps; 0: it has none.
std::uint32_t timestamp_bits_of(const InstanceFunctions& fn, VkPhysicalDevice physical, std::uint32_t family);
/// All optional abilities of a device, with what it offers: what Device would find enabled.
std::vector<interop::Ability> wishes_of(const InstanceFunctions& fn, VkPhysicalDevice physical);
/// "name: without" of those that are not present.
std::vector<std::string> lacking(const std::vector<interop::Ability>& abilities);
/// First queue family with the flags an application asks for that it accepts.
std::optional<std::uint32_t> application_family(const InstanceFunctions& fn, VkPhysicalDevice physical,
                                                const interop::Creation& creation);

/// Queues of a device to be created: Volute's (number `index` of its family) and the application's (number 0).
struct QueueChoice {
  std::uint32_t family = 0, index = 0, app_family = 0;
};
/// Both are one queue unless the application asks for two and the device has them.
QueueChoice choose_queues(const InstanceFunctions& fn, VkPhysicalDevice physical, const interop::Creation& creation);
/// Index into `devices` of the one to use: usable, matching `selector` (an index or part of a name, in any
/// case; empty matches all), and of the best type. Throws Unsupported listing every device with its reason.
int choose_device(std::vector<DeviceInfo> devices, const std::string& selector);

}  // namespace volute::vk
