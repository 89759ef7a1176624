// Which physical device to use: facts about each, the reason against each, and the best of the rest.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/vulkan/context.hpp"

namespace volute::vk {

/// Facts about a device; `rejected` says what Volute needs and the device lacks.
DeviceInfo describe(VkPhysicalDevice physical, int index);
/// First queue family that computes, or nothing.
std::optional<std::uint32_t> compute_family(VkPhysicalDevice physical);
/// Valid bits of a queue family's timestamps; 0: it has none.
std::uint32_t timestamp_bits_of(VkPhysicalDevice physical, std::uint32_t family);
/// Index into `devices` of the one to use: usable, matching `selector` (an index or part of a name, in any
/// case; empty matches all), and of the best type. Throws Unsupported listing every device with its reason.
int choose_device(std::vector<DeviceInfo> devices, const std::string& selector);

}  // namespace volute::vk
