// Feature structures by type: found in an application's chain, or put in front of it.
#include <cstddef>

#include "engine/vulkan/features.hpp"

namespace volute::vk {

VkBool32* FeatureChain::at(const FeatureBit& bit) const {
  for (auto* link = static_cast<VkBaseOutStructure*>(head_); link; link = link->pNext) {
    std::size_t offset = 0;
    if (link->sType == bit.type) offset = bit.offset;
    else if (link->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES) offset = bit.core_offset;
    if (offset) return reinterpret_cast<VkBool32*>(reinterpret_cast<std::byte*>(link) + offset);
  }
  return nullptr;
}

void FeatureChain::add(const FeatureBit& bit) {
  if (!at(bit)) {
    auto& storage = made_.emplace_back((bit.bytes + sizeof(std::max_align_t) - 1) / sizeof(std::max_align_t));
    auto* made = reinterpret_cast<VkBaseOutStructure*>(storage.data());
    made->sType = bit.type;
    made->pNext = static_cast<VkBaseOutStructure*>(head_);
    head_ = made;
  }
  VkBool32& value = *at(bit);
  if (!value) switched_on_.push_back(&value);
  value = VK_TRUE;
}

void FeatureChain::undo() {
  for (VkBool32* value : switched_on_) *value = VK_FALSE;
  switched_on_.clear();
}

}  // namespace volute::vk
