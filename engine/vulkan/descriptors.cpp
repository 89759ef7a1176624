// Descriptor sets over ranges of buffers, shared between equal requests.
// Pools grow by chunks and are freed as a whole: sets live as long as their program.
#include <algorithm>

#include "engine/vulkan/pipeline.hpp"

namespace volute::vk {
namespace {

// A training program has a few hundred sets with about four bindings each.
constexpr std::uint32_t sets_per_pool = 256;
constexpr std::uint32_t descriptors_per_pool = 1536;

template <class T>
void append_raw(std::string& key, const T& value) {
  key.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string range_key(const BufferRange& range, BindingKind kind) {
  std::string key;
  append_raw(key, range.buffer->handle());
  append_raw(key, range.offset);
  append_raw(key, range.bytes);
  append_raw(key, kind);
  return key;
}

struct TexelFormat {
  VkFormat format;
  std::uint64_t bytes;  ///< of one texel
};

TexelFormat texel_format(BindingKind kind) {
  switch (kind) {
    case BindingKind::texel_u32: return {VK_FORMAT_R32G32B32A32_UINT, 16};
    case BindingKind::texel_u16: return {VK_FORMAT_R16G16B16A16_UINT, 8};
    case BindingKind::element_f32: return {VK_FORMAT_R32_SFLOAT, 4};
    case BindingKind::element_u32: return {VK_FORMAT_R32_UINT, 4};
    default: return {VK_FORMAT_R32G32B32A32_SFLOAT, 16};
  }
}

void check_range(const Context& context, const BufferRange& range, BindingKind kind) {
  const bool storage = kind == BindingKind::storage;
  const std::uint64_t most =
      storage ? context.info.max_storage_range : context.info.max_texel_elements * texel_format(kind).bytes;
  if (range.bytes > most)
    throw Unsupported("a tensor of " + std::to_string(range.bytes) + " bytes exceeds " +
                      (storage ? "maxStorageBufferRange" : "maxTexelBufferElements") + " of " +
                      context.info.name + ", " + std::to_string(most) + " bytes");
  if (!range.buffer || range.bytes == 0 || range.bytes % 16 != 0 || range.offset % context.offset_alignment() != 0)
    throw Error("descriptor range at " + std::to_string(range.offset) + " of " + std::to_string(range.bytes) +
                " bytes is empty or not aligned");
  const std::uint64_t whole = (range.buffer->bytes() + 15) & ~std::uint64_t{15};
  if (range.offset > whole || range.bytes > whole - range.offset) throw Error("descriptor range exceeds its buffer");
}

}  // namespace

void Descriptors::destroy() noexcept {
  const auto& fn = context_->fn;
  for (VkDescriptorPool pool : pools_) fn.vkDestroyDescriptorPool(context_->device, pool, nullptr);
  for (const auto& [key, view] : views_) fn.vkDestroyBufferView(context_->device, view, nullptr);
}

VkDescriptorSet Descriptors::get(const Pipeline& pipeline, const std::vector<BufferRange>& ranges) {
  const auto& fn = context_->fn;
  const std::size_t count = pipeline.bindings.size();
  if (ranges.size() != count)
    throw Error("a kernel with " + std::to_string(count) + " bindings was given " + std::to_string(ranges.size()));
  std::string key;
  for (std::size_t i = 0; i < count; ++i) {
    check_range(*context_, ranges[i], pipeline.bindings[i]);
    key += range_key(ranges[i], pipeline.bindings[i]);
  }
  if (const auto found = sets_.find(key); found != sets_.end()) return found->second;

  std::vector<VkDescriptorBufferInfo> buffers(count);
  std::vector<VkBufferView> views(count);
  std::vector<VkWriteDescriptorSet> writes(count, {VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET});
  const VkDescriptorSet set = allocate(pipeline);
  for (std::size_t i = 0; i < count; ++i) {
    writes[i].dstSet = set;
    writes[i].dstBinding = static_cast<std::uint32_t>(i);
    writes[i].descriptorCount = 1;
    if (pipeline.bindings[i] == BindingKind::storage) {
      buffers[i] = {ranges[i].buffer->handle(), ranges[i].offset, ranges[i].bytes};
      writes[i].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
      writes[i].pBufferInfo = &buffers[i];
    } else {
      views[i] = view(ranges[i], pipeline.bindings[i]);
      writes[i].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER;
      writes[i].pTexelBufferView = &views[i];
    }
  }
  fn.vkUpdateDescriptorSets(context_->device, static_cast<std::uint32_t>(count), writes.data(), 0, nullptr);
  sets_.emplace(std::move(key), set);
  return set;
}

VkDescriptorSet Descriptors::allocate(const Pipeline& pipeline) {
  const auto texels = static_cast<std::uint32_t>(
      std::count_if(pipeline.bindings.begin(), pipeline.bindings.end(),
                    [](BindingKind kind) { return kind != BindingKind::storage; }));
  const auto storages = static_cast<std::uint32_t>(pipeline.bindings.size()) - texels;
  if (!room_.sets || room_.storages < storages || room_.texels < texels) grow();
  VkDescriptorSetAllocateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
  info.descriptorPool = pools_.back();
  info.descriptorSetCount = 1;
  info.pSetLayouts = &pipeline.set_layout;
  VkDescriptorSet set = VK_NULL_HANDLE;
  VkResult result = context_->fn.vkAllocateDescriptorSets(context_->device, &info, &set);
  if (result == VK_ERROR_OUT_OF_POOL_MEMORY || result == VK_ERROR_FRAGMENTED_POOL) {
    grow();
    info.descriptorPool = pools_.back();
    result = context_->fn.vkAllocateDescriptorSets(context_->device, &info, &set);
  }
  check(result, "vkAllocateDescriptorSets");
  --room_.sets;
  room_.storages -= storages;
  room_.texels -= texels;
  return set;
}

VkBufferView Descriptors::view(const BufferRange& range, BindingKind kind) {
  VkBufferView& kept = views_[range_key(range, kind)];
  if (kept) return kept;
  VkBufferViewCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO};
  info.buffer = range.buffer->handle();
  info.format = texel_format(kind).format;
  info.offset = range.offset;
  info.range = range.bytes;
  check_made(context_->fn.vkCreateBufferView(context_->device, &info, nullptr, &kept), "vkCreateBufferView", kept);
  return kept;
}

void Descriptors::grow() {
  const VkDescriptorPoolSize sizes[] = {{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, descriptors_per_pool},
                                        {VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER, descriptors_per_pool}};
  VkDescriptorPoolCreateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
  info.maxSets = sets_per_pool;
  info.poolSizeCount = 2;
  info.pPoolSizes = sizes;
  VkDescriptorPool pool = VK_NULL_HANDLE;
  pools_.reserve(pools_.size() + 1);  // so that keeping the pool cannot throw
  check(context_->fn.vkCreateDescriptorPool(context_->device, &info, nullptr, &pool), "vkCreateDescriptorPool");
  pools_.push_back(pool);
  room_ = {sets_per_pool, descriptors_per_pool, descriptors_per_pool};
}

}  // namespace volute::vk
