// Detection of optional abilities. For cooperative matrices headers, shader compiler, extension, feature and extents
// must all be there: headers older than the extension compile to "none", as does a glslang that does not know it.
#include "engine/vulkan/features.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "engine/vulkan/context.hpp"
#include "engine/vulkan/glsl.hpp"

namespace volute::vk {
namespace {

#define VOLUTE_BIT(Structure, type, member, extension, core) \
  FeatureBit{#member, extension, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_##type, sizeof(Structure), \
             offsetof(Structure, member), core}
#define VOLUTE_CORE_OFFSET(member) offsetof(VkPhysicalDeviceVulkan12Features, member)

const FeatureBit timeline_bit =
    VOLUTE_BIT(VkPhysicalDeviceTimelineSemaphoreFeatures, TIMELINE_SEMAPHORE_FEATURES,
               timelineSemaphore, nullptr, VOLUTE_CORE_OFFSET(timelineSemaphore));

#ifdef VK_KHR_cooperative_matrix

const FeatureBit matrix_bits[] = {
    VOLUTE_BIT(VkPhysicalDeviceShaderFloat16Int8Features, SHADER_FLOAT16_INT8_FEATURES,
               shaderFloat16, nullptr, VOLUTE_CORE_OFFSET(shaderFloat16)),
    VOLUTE_BIT(VkPhysicalDeviceVulkanMemoryModelFeatures, VULKAN_MEMORY_MODEL_FEATURES,
               vulkanMemoryModel, nullptr, VOLUTE_CORE_OFFSET(vulkanMemoryModel)),
    VOLUTE_BIT(VkPhysicalDeviceCooperativeMatrixFeaturesKHR, COOPERATIVE_MATRIX_FEATURES_KHR,
               cooperativeMatrix,
               VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME, 0)};

#endif
#ifdef VK_KHR_shader_bfloat16

const FeatureBit bfloat16_bits[] = {
    VOLUTE_BIT(VkPhysicalDeviceShaderBfloat16FeaturesKHR, SHADER_BFLOAT16_FEATURES_KHR,
               shaderBFloat16Type, VK_KHR_SHADER_BFLOAT16_EXTENSION_NAME, 0),
    VOLUTE_BIT(VkPhysicalDeviceShaderBfloat16FeaturesKHR, SHADER_BFLOAT16_FEATURES_KHR,
               shaderBFloat16CooperativeMatrix, VK_KHR_SHADER_BFLOAT16_EXTENSION_NAME, 0)};

#endif
#undef VOLUTE_CORE_OFFSET
#undef VOLUTE_BIT

/// Whether the device has all of them.
template <class Bits>
bool offers(const InstanceFunctions& fn, VkPhysicalDevice physical, const Bits& bits) {
  FeatureChain chain(nullptr);
  for (const FeatureBit& bit : bits) {
    if (bit.extension && !has_extension(fn, physical, bit.extension)) return false;
    chain.add(bit);
  }
  VkPhysicalDeviceFeatures2 all{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, chain.head()};
  fn.vkGetPhysicalDeviceFeatures2(physical, &all);
  return std::all_of(std::begin(bits), std::end(bits), [&](const FeatureBit& bit) { return chain.has(bit); });
}

#ifdef VK_KHR_cooperative_matrix

/// Whether glslang knows the type; release 13 did, under numbers that are not the final ones.
bool compiles(const char* extension, const char* type) {
  if (glslang_major_version() < 14) return false;
  const std::string source = std::string("#version 450\n#extension GL_KHR_memory_scope_semantics : require\n") +
                             "#extension GL_KHR_cooperative_matrix : require\n#extension " + extension +
                             " : require\nlayout(local_size_x = 32) in;\nvoid main() { coopmat<" + type +
                             ", gl_ScopeSubgroup, 16, 16, gl_MatrixUseA> a; }\n";
  try {
    return !compile_glsl(source).empty();
  } catch (const Error&) {
    return false;
  }
}

std::vector<VkCooperativeMatrixPropertiesKHR> products_of(const InstanceFunctions& fn,
                                                          VkPhysicalDevice physical) {
  const auto list = reinterpret_cast<PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR>(
      fn.get(fn.instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR"));
  if (!list) return {};
  std::uint32_t count = 0;
  check(list(physical, &count, nullptr), "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
  std::vector<VkCooperativeMatrixPropertiesKHR> all(count, {VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR});
  check(list(physical, &count, all.data()), "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
  return all;
}

/// The largest product the kernel's tiles are whole multiples of.
CooperativeExtents extents_of(const std::vector<VkCooperativeMatrixPropertiesKHR>& all, VkComponentTypeKHR operand) {
  CooperativeExtents best;
  const auto fits = [](std::uint32_t extent) { return extent == 8 || extent == 16; };
  for (const auto& p : all) {
    const bool types = p.AType == operand && p.BType == operand && p.CType == VK_COMPONENT_TYPE_FLOAT32_KHR &&
                       p.ResultType == VK_COMPONENT_TYPE_FLOAT32_KHR;
    if (!types || p.scope != VK_SCOPE_SUBGROUP_KHR || p.saturatingAccumulation) continue;
    if (!fits(p.MSize) || !fits(p.NSize) || !fits(p.KSize)) continue;
    if (p.MSize * p.NSize * p.KSize > best.m * best.n * best.k) best = {p.MSize, p.NSize, p.KSize};
  }
  return best;
}

#endif

}  // namespace

bool has_extension(const InstanceFunctions& fn, VkPhysicalDevice physical, const char* name) {
  std::uint32_t count = 0;
  check(fn.vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, nullptr),
        "vkEnumerateDeviceExtensionProperties");
  std::vector<VkExtensionProperties> found(count);
  check(fn.vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, found.data()),
        "vkEnumerateDeviceExtensionProperties");
  return std::any_of(found.begin(), found.end(),
                     [&](const VkExtensionProperties& e) { return std::strcmp(e.extensionName, name) == 0; });
}

Abilities offered_by(const InstanceFunctions& fn, VkPhysicalDevice physical) {
  Abilities found;
  found.timeline = offers(fn, physical, std::vector{timeline_bit});
#ifdef VK_KHR_cooperative_matrix
  if (!offers(fn, physical, matrix_bits)) return found;
  const auto all = products_of(fn, physical);
  if (compiles("GL_EXT_shader_explicit_arithmetic_types_float16", "float16_t"))
    found.cooperative.f16 = extents_of(all, VK_COMPONENT_TYPE_FLOAT16_KHR);
#ifdef VK_KHR_shader_bfloat16
  if (offers(fn, physical, bfloat16_bits) && compiles("GL_EXT_bfloat16", "bfloat16_t"))
    found.cooperative.bf16 = extents_of(all, VK_COMPONENT_TYPE_BFLOAT16_KHR);
#endif
#endif
  return found;
}

std::vector<FeatureBit> bits_of(const Abilities& abilities) {
  std::vector<FeatureBit> bits;
  if (abilities.timeline) bits.push_back(timeline_bit);
#ifdef VK_KHR_cooperative_matrix
  if (abilities.cooperative) bits.insert(bits.end(), std::begin(matrix_bits), std::end(matrix_bits));
#endif
#ifdef VK_KHR_shader_bfloat16
  if (abilities.cooperative.bf16) bits.insert(bits.end(), std::begin(bfloat16_bits), std::end(bfloat16_bits));
#endif
  return bits;
}

std::vector<const char*> extensions_of(const Abilities& abilities) {
  std::vector<const char*> names;
  for (const FeatureBit& bit : bits_of(abilities))
    if (bit.extension && (names.empty() || names.back() != std::string(bit.extension))) names.push_back(bit.extension);
  return names;
}

Abilities enabled_of(const Abilities& offered, const VkDeviceCreateInfo* created_with) {
  if (!created_with) return {};
  const FeatureChain chain(const_cast<void*>(created_with->pNext));
  const auto enabled = [&](const Abilities& some) {
    const auto bits = bits_of(some);
    return std::all_of(bits.begin(), bits.end(), [&](const FeatureBit& bit) {
      const char* const* names = created_with->ppEnabledExtensionNames;
      const auto is_it = [&](const char* name) { return bit.extension == std::string(name); };
      return chain.has(bit) &&
             (!bit.extension || std::any_of(names, names + created_with->enabledExtensionCount, is_it));
    });
  };
  Abilities found;
  found.timeline = offered.timeline && enabled({.timeline = true});
  const CooperativeMatrix f16{offered.cooperative.f16, {}};
  if (f16 && enabled({.cooperative = f16})) found.cooperative.f16 = offered.cooperative.f16;
  const CooperativeMatrix bf16{{}, offered.cooperative.bf16};
  if (bf16 && enabled({.cooperative = bf16})) found.cooperative.bf16 = offered.cooperative.bf16;
  return found;
}

std::vector<interop::Ability> describe_abilities(const Abilities& abilities, bool timestamps, bool shuffle) {
  const char* matrix = "VK_KHR_cooperative_matrix, shaderFloat16, vulkanMemoryModel";
  return {
      {"timeline semaphores", "timelineSemaphore",
       "waits go through a fence for each submission; an application cannot wait for interop::completion",
       abilities.timeline},
      {"f16 matrix units", matrix, "products in f16 take the ordinary arithmetic units",
       static_cast<bool>(abilities.cooperative.f16)},
      {"bf16 matrix units", std::string(matrix) + ", VK_KHR_shader_bfloat16",
       "products in bf16 take the ordinary arithmetic units", static_cast<bool>(abilities.cooperative.bf16)},
      {"timestamps", "a queue family with timestampValidBits above 0",
       "submissions are cut by estimated instead of measured times; no profile and no trace",
       timestamps},
      {"subgroup shuffles", "VK_SUBGROUP_FEATURE_SHUFFLE_BIT for compute shaders",
       "products exchange operands through memory", shuffle},
  };
}

std::uint32_t count_compute_units(const InstanceFunctions& fn, VkPhysicalDevice physical,
                                  const VkPhysicalDeviceProperties& properties) {
  VkPhysicalDeviceShaderSMBuiltinsPropertiesNV nvidia{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV};
  VkPhysicalDeviceShaderCoreProperties2AMD amd{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_CORE_PROPERTIES_2_AMD};
  VkPhysicalDeviceProperties2 all{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
  if (has_extension(fn, physical, VK_NV_SHADER_SM_BUILTINS_EXTENSION_NAME)) all.pNext = &nvidia;
  else if (has_extension(fn, physical, VK_AMD_SHADER_CORE_PROPERTIES_2_EXTENSION_NAME)) all.pNext = &amd;
  if (all.pNext) fn.vkGetPhysicalDeviceProperties2(physical, &all);
  if (const std::uint32_t told = std::max(nvidia.shaderSMCount, amd.activeComputeUnitCount)) return told;
  return properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU ? 64 : 16;
}

}  // namespace volute::vk
