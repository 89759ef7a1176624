// What an application that creates its own VkDevice should enable: see interop.hpp.
#include "engine/vulkan/device_choice.hpp"
#include "engine/vulkan/features.hpp"
#include "engine/vulkan/instance.hpp"

namespace volute::interop {

struct Wishes::Data {
  std::string rejected;
  vk::Abilities offered;
  std::vector<Ability> abilities;
  std::vector<const char*> extensions;
  std::vector<std::unique_ptr<vk::FeatureChain>> chains;  ///< own the structures put into applications' chains
};

Wishes::Wishes(VkInstance instance, VkPhysicalDevice physical, PFN_vkGetInstanceProcAddr get)
    : data_(std::make_unique<Data>()) {
  if (!instance || !physical) throw Unsupported("Wishes: instance and physical must be given");
  const auto lent = vk::Instance::lent(instance, get);
  const DeviceInfo info = vk::describe(lent->fn, physical, 0);
  data_->rejected = info.rejected;
  if (!info.rejected.empty()) return;
  data_->offered = vk::offered_by(lent->fn, physical);
  data_->abilities = vk::wishes_of(lent->fn, physical);
  data_->extensions = vk::extensions_of(data_->offered);
}

Wishes::~Wishes() = default;

const std::string& Wishes::rejected() const { return data_->rejected; }
const std::vector<Ability>& Wishes::abilities() const { return data_->abilities; }
const std::vector<const char*>& Wishes::extensions() const { return data_->extensions; }

void* Wishes::add_features(void* chain) {
  auto& added = *data_->chains.emplace_back(std::make_unique<vk::FeatureChain>(chain));
  for (const vk::FeatureBit& bit : vk::bits_of(data_->offered)) added.add(bit);
  return added.head();
}

}  // namespace volute::interop
