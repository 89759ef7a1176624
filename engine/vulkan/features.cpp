// Detection of cooperative matrices: headers, shader compiler, extension, feature and extents must all be there.
// Headers older than the extension compile to "none", as does a glslang that does not know it.
#include "engine/vulkan/features.hpp"

#include <algorithm>
#include <cstring>

#include "engine/vulkan/glsl.hpp"

namespace volute::vk {
namespace {

bool has_extension(VkPhysicalDevice physical, const char* name) {
  std::uint32_t count = 0;
  check(vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, nullptr),
        "vkEnumerateDeviceExtensionProperties");
  std::vector<VkExtensionProperties> found(count);
  check(vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, found.data()),
        "vkEnumerateDeviceExtensionProperties");
  return std::any_of(found.begin(), found.end(),
                     [&](const VkExtensionProperties& e) { return std::strcmp(e.extensionName, name) == 0; });
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

bool has_features(VkPhysicalDevice physical) {
  VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrix{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR};
  VkPhysicalDeviceVulkanMemoryModelFeatures memory{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES,
                                                   &matrix};
  VkPhysicalDeviceShaderFloat16Int8Features float16{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES,
                                                    &memory};
  VkPhysicalDeviceFeatures2 all{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &float16};
  vkGetPhysicalDeviceFeatures2(physical, &all);
  return matrix.cooperativeMatrix && memory.vulkanMemoryModel && float16.shaderFloat16;
}

bool has_bfloat16([[maybe_unused]] VkPhysicalDevice physical) {
#ifdef VK_KHR_shader_bfloat16
  if (!has_extension(physical, VK_KHR_SHADER_BFLOAT16_EXTENSION_NAME)) return false;
  VkPhysicalDeviceShaderBfloat16FeaturesKHR bfloat16{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_BFLOAT16_FEATURES_KHR};
  VkPhysicalDeviceFeatures2 all{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &bfloat16};
  vkGetPhysicalDeviceFeatures2(physical, &all);
  return bfloat16.shaderBFloat16Type && bfloat16.shaderBFloat16CooperativeMatrix;
#else
  return false;
#endif
}

std::vector<VkCooperativeMatrixPropertiesKHR> offered(VkPhysicalDevice physical, VkInstance instance) {
  // Asked for by name: volk's own table may be older than the headers.
  const auto list = reinterpret_cast<PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR>(
      vkGetInstanceProcAddr(instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR"));
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

CooperativeMatrix find_cooperative([[maybe_unused]] VkPhysicalDevice physical, [[maybe_unused]] VkInstance instance) {
  CooperativeMatrix found;
#ifdef VK_KHR_cooperative_matrix
  if (!has_extension(physical, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME) || !has_features(physical)) return found;
  const auto all = offered(physical, instance);
  if (compiles("GL_EXT_shader_explicit_arithmetic_types_float16", "float16_t"))
    found.f16 = extents_of(all, VK_COMPONENT_TYPE_FLOAT16_KHR);
#ifdef VK_KHR_shader_bfloat16
  if (has_bfloat16(physical) && compiles("GL_EXT_bfloat16", "bfloat16_t"))
    found.bf16 = extents_of(all, VK_COMPONENT_TYPE_BFLOAT16_KHR);
#endif
#endif
  return found;
}

std::uint32_t count_compute_units(VkPhysicalDevice physical, const VkPhysicalDeviceProperties& properties) {
  VkPhysicalDeviceShaderSMBuiltinsPropertiesNV nvidia{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV};
  VkPhysicalDeviceShaderCoreProperties2AMD amd{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_CORE_PROPERTIES_2_AMD};
  VkPhysicalDeviceProperties2 all{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
  if (has_extension(physical, VK_NV_SHADER_SM_BUILTINS_EXTENSION_NAME)) all.pNext = &nvidia;
  else if (has_extension(physical, VK_AMD_SHADER_CORE_PROPERTIES_2_EXTENSION_NAME)) all.pNext = &amd;
  if (all.pNext) vkGetPhysicalDeviceProperties2(physical, &all);
  if (const std::uint32_t told = std::max(nvidia.shaderSMCount, amd.activeComputeUnitCount)) return told;
  return properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU ? 64 : 16;
}

OptionalFeatures::OptionalFeatures(const CooperativeMatrix& cooperative) : cooperative_(cooperative) {
#ifdef VK_KHR_cooperative_matrix
  if (cooperative) extensions_.push_back(VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME);
#endif
#ifdef VK_KHR_shader_bfloat16
  if (cooperative.bf16) extensions_.push_back(VK_KHR_SHADER_BFLOAT16_EXTENSION_NAME);
#endif
}

void* OptionalFeatures::chain(void* next) {
  [[maybe_unused]] const auto link = [&next](auto& feature) {
    feature.pNext = next;
    next = &feature;
  };
#ifdef VK_KHR_cooperative_matrix
  if (cooperative_) {
    float16_.shaderFloat16 = VK_TRUE;
    memory_model_.vulkanMemoryModel = VK_TRUE;
    matrix_.cooperativeMatrix = VK_TRUE;
    link(float16_);
    link(memory_model_);
    link(matrix_);
  }
#endif
#ifdef VK_KHR_shader_bfloat16
  if (cooperative_.bf16) {
    bfloat16_.shaderBFloat16Type = VK_TRUE;
    bfloat16_.shaderBFloat16CooperativeMatrix = VK_TRUE;
    link(bfloat16_);
  }
#endif
  return next;
}

}  // namespace volute::vk
