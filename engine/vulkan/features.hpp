// Optional abilities of a device: what a faster kernel, or a cheaper wait, may use where it is there. None is required.
// Invariant: what is used is offered by the device, and enabled on the VkDevice at hand.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include <volute/interop.hpp>

#include "engine/vulkan/cooperative.hpp"
#include "engine/vulkan/functions.hpp"

namespace volute::vk {

/// A feature's bit: in its own structure, and in VkPhysicalDeviceVulkan12Features where that has it.
struct FeatureBit {
  const char* name;
  const char* extension;  ///< null: core in Vulkan 1.2
  VkStructureType type;
  std::size_t bytes, offset;
  std::size_t core_offset;  ///< in VkPhysicalDeviceVulkan12Features; 0: not there
};

/// Abilities that must be enabled, by what they take.
struct Abilities {
  bool timeline = false;  ///< timeline semaphores
  CooperativeMatrix cooperative;
};

/// What a device offers.
Abilities offered_by(const InstanceFunctions& fn, VkPhysicalDevice physical);
/// What of it a device created so has enabled; null: nothing.
Abilities enabled_of(const Abilities& offered, const VkDeviceCreateInfo* created_with);
/// Bits and extensions that must be enabled for them.
std::vector<FeatureBit> bits_of(const Abilities& abilities);
std::vector<const char*> extensions_of(const Abilities& abilities);
/// All of them in words. `timestamps`, `shuffle`: abilities that need not be enabled.
std::vector<interop::Ability> describe_abilities(const Abilities& abilities, bool timestamps, bool shuffle);

bool has_extension(const InstanceFunctions& fn, VkPhysicalDevice physical, const char* name);

/// A chain of feature structures that bits are added to. Structures it makes live as long as it does.
class FeatureChain {
 public:
  explicit FeatureChain(void* head) : head_(head) {}
  FeatureChain(const FeatureChain&) = delete;
  FeatureChain& operator=(const FeatureChain&) = delete;
  /// Sets the bit in a structure of the chain, or in a new one in front of it.
  void add(const FeatureBit& bit);
  /// Bits that were off in the application's structures are off again.
  void undo();
  /// The bit's value; false if the chain has no structure for it.
  bool has(const FeatureBit& bit) const { return at(bit) && *at(bit); }
  void* head() const { return head_; }

 private:
  VkBool32* at(const FeatureBit& bit) const;
  void* head_;
  std::deque<std::vector<std::max_align_t>> made_;
  std::vector<VkBool32*> switched_on_;
};

/// Processors that run workgroups, where an extension of the vendor tells; else a guess by the type of the device.
std::uint32_t count_compute_units(const InstanceFunctions& fn, VkPhysicalDevice physical,
                                  const VkPhysicalDeviceProperties& properties);

}  // namespace volute::vk
