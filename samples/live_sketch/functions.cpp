// Loads the application's Vulkan functions.
#include "samples/live_sketch/functions.hpp"

namespace live_sketch {

void Functions::load(PFN_vkGetInstanceProcAddr entry, VkInstance instance) {
  get = entry;
#define LIVE_SKETCH_LOAD(name) name = reinterpret_cast<PFN_##name>(get(instance, #name));
  LIVE_SKETCH_INSTANCE_FUNCTIONS(LIVE_SKETCH_LOAD)
  LIVE_SKETCH_OPTIONAL_FUNCTIONS(LIVE_SKETCH_LOAD)
#undef LIVE_SKETCH_LOAD
#define LIVE_SKETCH_NEEDED(name) \
  if (name == nullptr) throw std::runtime_error("the Vulkan loader has no " #name);
  LIVE_SKETCH_INSTANCE_FUNCTIONS(LIVE_SKETCH_NEEDED)
#undef LIVE_SKETCH_NEEDED
}

}  // namespace live_sketch
