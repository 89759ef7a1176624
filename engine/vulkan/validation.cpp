// The Khronos validation layer's messages: counted, printed, the last one kept.
// Tests fail on any growth of the count, so only messages about our use of Vulkan are taken, not the loader's.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <vector>

#include "engine/environment.hpp"
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

/// Best practices that are no errors, and why they do not hold here.
struct Hint {
  const char* id;
  const char* reason;
};
constexpr Hint hints[] = {
    {"UNASSIGNED-BestPractices-vkCreateInstance-specialuse-extension-debugging",
     "the layer's own extensions, which the environment asked for"},
    {"UNASSIGNED-BestPractices-vkCmdDispatch-group-count-zero",
     "a compiled program dispatches each kernel once without workgroups, for drivers that compile only then"},
    {"UNASSIGNED-BestPractices-vkAllocateMemory-small-allocation",
     "a program makes one allocation a kind of memory; that of a small program is small"},
    {"UNASSIGNED-BestPractices-vkBindMemory-small-dedicated-allocation", "the same, from the buffer's side"},
    {"UNASSIGNED-BestPractices-pipeline-stage-flags",
     "around what an application records, whose stages are not known: ALL_COMMANDS is meant"},
};

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                          VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void*) {
  if (is_hint(data->pMessageIdName)) return VK_FALSE;
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

bool is_hint(const char* message_id) {
  return message_id && std::any_of(std::begin(hints), std::end(hints),
                                   [&](const Hint& hint) { return std::strcmp(hint.id, message_id) == 0; });
}

std::vector<VkValidationFeatureEnableEXT> validation_features() {
  std::vector<VkValidationFeatureEnableEXT> enabled = {VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
  if (environment().best_practices) enabled.push_back(VK_VALIDATION_FEATURE_ENABLE_BEST_PRACTICES_EXT);
  if (environment().gpu_assisted) enabled.push_back(VK_VALIDATION_FEATURE_ENABLE_GPU_ASSISTED_EXT);
  return enabled;
}

VkDebugUtilsMessengerCreateInfoEXT validation_messenger() {
  messages();  // made before the instance, so destroyed after it: messages come until the very end
  VkDebugUtilsMessengerCreateInfoEXT info{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
  info.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  info.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
  if (environment().best_practices) info.messageType |= VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT;
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
