// Pipelines keyed by everything that makes them: text, bindings, push constants.
// The driver's own cache goes to disk under the device's UUID, so a driver update starts a new file.
#include "engine/vulkan/pipeline.hpp"

#include <algorithm>
#include <cstdio>

#include "engine/vulkan/disk_cache.hpp"
#include "engine/vulkan/glsl.hpp"
#include "engine/vulkan/on_failure.hpp"

namespace volute::vk {
namespace {

std::string driver_cache_name(const VkPhysicalDeviceProperties& properties) {
  std::string name = "pipelines-";
  for (const std::uint8_t byte : properties.pipelineCacheUUID) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    name += digits;
  }
  return name + ".bin";
}

std::string key_of(const std::string& source, const std::vector<BindingKind>& bindings, std::uint32_t push_bytes,
                   const std::vector<std::uint32_t>& constants, bool in_boxes) {
  std::string key = std::to_string(push_bytes) + (in_boxes ? ";" : ":");
  for (const std::uint32_t constant : constants) key += std::to_string(constant) + ',';
  for (const BindingKind kind : bindings) key += static_cast<char>('a' + static_cast<int>(kind));
  return key + '\n' + source;
}

void check_limits(const Context& context, const std::vector<BindingKind>& bindings, std::uint32_t push_bytes) {
  const VkPhysicalDeviceLimits& limits = context.properties.limits;
  const auto storage = std::count(bindings.begin(), bindings.end(), BindingKind::storage);
  const auto texels = static_cast<std::ptrdiff_t>(bindings.size()) - storage;
  const auto over = [&](const char* limit, std::uint64_t most, std::uint64_t asked) {
    if (asked > most)
      throw Unsupported("a kernel with " + std::to_string(asked) + " bindings or bytes exceeds " + limit + " = " +
                        std::to_string(most) + " of " + context.info.name);
  };
  over("maxPerStageDescriptorStorageBuffers", limits.maxPerStageDescriptorStorageBuffers, storage);
  over("maxPerStageDescriptorStorageImages", limits.maxPerStageDescriptorStorageImages, texels);
  over("maxPerStageResources", limits.maxPerStageResources, bindings.size());
  over("maxPushConstantsSize", limits.maxPushConstantsSize, push_bytes);
}

VkDescriptorSetLayout make_set_layout(const Context& context, const std::vector<BindingKind>& bindings) {
  std::vector<VkDescriptorSetLayoutBinding> entries(bindings.size());
  for (std::size_t i = 0; i < bindings.size(); ++i) {
    entries[i].binding = static_cast<std::uint32_t>(i);
    entries[i].descriptorType = bindings[i] == BindingKind::storage ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER
                                                                    : VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER;
    entries[i].descriptorCount = 1;
    entries[i].stageFlags = VK_SHADER_STAGE_COMPUTE_BIT;
  }
  VkDescriptorSetLayoutCreateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
  info.bindingCount = static_cast<std::uint32_t>(entries.size());
  info.pBindings = entries.data();
  VkDescriptorSetLayout layout = VK_NULL_HANDLE;
  check(context.fn.vkCreateDescriptorSetLayout(context.device, &info, nullptr, &layout), "vkCreateDescriptorSetLayout");
  return layout;
}

VkPipelineLayout make_layout(const Context& context, VkDescriptorSetLayout set_layout, std::uint32_t push_bytes) {
  const VkPushConstantRange range{VK_SHADER_STAGE_COMPUTE_BIT, 0, push_bytes};
  VkPipelineLayoutCreateInfo info{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
  info.setLayoutCount = 1;
  info.pSetLayouts = &set_layout;
  info.pushConstantRangeCount = push_bytes > 0 ? 1 : 0;
  info.pPushConstantRanges = &range;
  VkPipelineLayout layout = VK_NULL_HANDLE;
  check(context.fn.vkCreatePipelineLayout(context.device, &info, nullptr, &layout), "vkCreatePipelineLayout");
  return layout;
}

VkPipeline make_pipeline(const Context& context, VkPipelineCache cache, VkPipelineLayout layout,
                         const std::vector<std::uint32_t>& words, const std::vector<std::uint32_t>& constants,
                         VkPipelineCreateFlags flags) {
  std::vector<VkSpecializationMapEntry> entries;
  for (std::uint32_t i = 0; i < constants.size(); ++i) entries.push_back({i, 4 * i, 4});
  VkShaderModuleCreateInfo module_info{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
  module_info.codeSize = words.size() * 4;
  module_info.pCode = words.data();
  VkShaderModule module = VK_NULL_HANDLE;  // nothing throws while it lives
  check(context.fn.vkCreateShaderModule(context.device, &module_info, nullptr, &module), "vkCreateShaderModule");
  const VkSpecializationInfo values{static_cast<std::uint32_t>(entries.size()), entries.data(), 4 * constants.size(),
                                    constants.data()};
  VkComputePipelineCreateInfo info{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
  info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = module;
  info.stage.pName = "main";
  if (!constants.empty()) info.stage.pSpecializationInfo = &values;
  info.layout = layout;
  info.flags = flags;
  VkPipeline pipeline = VK_NULL_HANDLE;
  const VkResult result = context.fn.vkCreateComputePipelines(context.device, cache, 1, &info, nullptr, &pipeline);
  context.fn.vkDestroyShaderModule(context.device, module, nullptr);
  check(result, "vkCreateComputePipelines");
  return pipeline;
}

void destroy_pipeline(const Context& context, const Pipeline& pipeline) {
  context.fn.vkDestroyPipeline(context.device, pipeline.handle, nullptr);
  context.fn.vkDestroyPipelineLayout(context.device, pipeline.layout, nullptr);
  context.fn.vkDestroyDescriptorSetLayout(context.device, pipeline.set_layout, nullptr);
}

}  // namespace

PipelineCache::PipelineCache(std::shared_ptr<Context> context) : Resource(std::move(context)) {
  OnFailure cleanup([this] { destroy_once(); });
  const auto saved = load_cached(driver_cache_name(context_->properties));
  VkPipelineCacheCreateInfo info{VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
  if (saved) {
    info.initialDataSize = saved->size();
    info.pInitialData = saved->data();
  }
  check_made(context_->fn.vkCreatePipelineCache(context_->device, &info, nullptr, &driver_cache_),
             "vkCreatePipelineCache", driver_cache_);
  cleanup.dismiss();
}

void PipelineCache::save() {
  const auto& fn = context_->fn;
  std::size_t size = 0;
  if (!driver_cache_ || fn.vkGetPipelineCacheData(context_->device, driver_cache_, &size, nullptr) != VK_SUCCESS) return;
  std::vector<std::byte> bytes(size);
  const VkResult result = fn.vkGetPipelineCacheData(context_->device, driver_cache_, &size, bytes.data());
  bytes.resize(size);
  const std::string name = driver_cache_name(context_->properties);
  if (result == VK_SUCCESS && !bytes.empty() && load_cached(name) != bytes) store_cached(name, bytes);
}

void PipelineCache::destroy() noexcept {
  try {
    save();
  } catch (const std::exception&) {
    // A cache that cannot be saved only costs time at the next start.
  }
  for (const auto& [key, pipeline] : pipelines_) destroy_pipeline(*context_, *pipeline);
  context_->fn.vkDestroyPipelineCache(context_->device, driver_cache_, nullptr);
}

const Pipeline& PipelineCache::get(const std::string& source, const std::vector<BindingKind>& bindings,
                                   std::uint32_t push_bytes, const std::vector<std::uint32_t>& constants,
                                   bool in_boxes) {
  context_->require_usable();
  std::string key = key_of(source, bindings, push_bytes, constants, in_boxes);
  std::lock_guard lock(mutex_);
  if (const auto found = pipelines_.find(key); found != pipelines_.end()) return *found->second;
  if (push_bytes % 4 != 0) throw Error("push constants must be a multiple of 4 bytes");
  check_limits(*context_, bindings, push_bytes);
  auto pipeline = std::make_unique<Pipeline>();
  OnFailure cleanup([&] { destroy_pipeline(*context_, *pipeline); });
  pipeline->bindings = bindings;
  pipeline->push_bytes = push_bytes;
  pipeline->set_layout = make_set_layout(*context_, bindings);
  pipeline->layout = make_layout(*context_, pipeline->set_layout, push_bytes);
  pipeline->handle = make_pipeline(*context_, driver_cache_, pipeline->layout, compile_glsl(source), constants,
                                   VkPipelineCreateFlags(in_boxes ? VK_PIPELINE_CREATE_DISPATCH_BASE_BIT : 0));
  const Pipeline& kept = *pipeline;
  pipelines_.emplace(std::move(key), nullptr).first->second = std::move(pipeline);
  cleanup.dismiss();
  return kept;
}

}  // namespace volute::vk
