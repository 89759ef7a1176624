// The Khronos validation layer's messages: counted, printed, the last one kept.
// Tests fail on any growth of the count, so only messages about our use of Vulkan are taken, not the loader's.
#include <atomic>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <vector>

#include "engine/vulkan/context.hpp"
#include "engine/vulkan/instance.hpp"

namespace volute::vk {
namespace {

struct Messages {
  std::atomic<int> count{0};
  std::mutex mutex;
  std::string last;
};

Messages& messages() {
  static Messages kept;
  return kept;
}

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                          VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void*) {
  const bool error = (severity & VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT) != 0;
  std::fprintf(stderr, "volute: validation %s: %s\n", error ? "error" : "warning", data->pMessage);
  std::lock_guard lock(messages().mutex);
  messages().last = data->pMessage;
  ++messages().count;
  return VK_FALSE;
}

}  // namespace

int validation_message_count() { return messages().count; }

std::string last_validation_message() {
  std::lock_guard lock(messages().mutex);
  return messages().last;
}

VkDebugUtilsMessengerCreateInfoEXT validation_messenger() {
  messages();  // made before the instance, so destroyed after it: messages come until the very end
  VkDebugUtilsMessengerCreateInfoEXT info{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
  info.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  info.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
  info.pfnUserCallback = on_message;
  return info;
}

void require_validation_layer(const GlobalFunctions& global) {
  std::uint32_t count = 0;
  check(global.vkEnumerateInstanceLayerProperties(&count, nullptr), "vkEnumerateInstanceLayerProperties");
  std::vector<VkLayerProperties> layers(count);
  check(global.vkEnumerateInstanceLayerProperties(&count, layers.data()), "vkEnumerateInstanceLayerProperties");
  for (const VkLayerProperties& layer : layers)
    if (std::strcmp(layer.layerName, validation_layer) == 0) return;
  throw Unsupported(std::string("VOLUTE_DEBUG asks for validation, but ") + validation_layer +
                    " is not installed (Debian and Ubuntu: vulkan-validationlayers; elsewhere: the Vulkan SDK)");
}

}  // namespace volute::vk
