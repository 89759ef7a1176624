// Compute pipelines by shader text, and descriptor sets over buffer ranges.
// Invariant: pipelines live as long as their cache; the driver's pipeline cache is saved to disk.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/vulkan/buffer.hpp"

namespace volute::vk {

/// How a shader sees one binding (set 0, binding = index).
enum class BindingKind : std::uint8_t {
  storage,     ///< storage buffer
  texel_f32,   ///< storage texel buffer, rgba32f
  texel_u32,   ///< storage texel buffer, rgba32ui
  texel_u16,   ///< storage texel buffer, rgba16ui
  element_f32,  ///< storage texel buffer, r32f
  element_u32,  ///< storage texel buffer, r32ui
};

struct Pipeline {
  VkPipeline handle = VK_NULL_HANDLE;
  VkPipelineLayout layout = VK_NULL_HANDLE;
  VkDescriptorSetLayout set_layout = VK_NULL_HANDLE;
  std::vector<BindingKind> bindings;
  std::uint32_t push_bytes = 0;
};

/// All pipelines of one device. Thread-safe.
class PipelineCache : public Resource {
 public:
  explicit PipelineCache(std::shared_ptr<Context> context);
  ~PipelineCache() { destroy_once(); }  // saves the driver cache
  /// The pipeline for this GLSL text, created on first use. push_bytes <= 128, a multiple of 4. constants[i] is the
  /// value of the specialization constant with constant_id = i. `in_boxes`: it is dispatched a box at a time.
  const Pipeline& get(const std::string& source, const std::vector<BindingKind>& bindings, std::uint32_t push_bytes,
                      const std::vector<std::uint32_t>& constants = {}, bool in_boxes = false);

 private:
  void destroy() noexcept override;
  void save();

  VkPipelineCache driver_cache_ = VK_NULL_HANDLE;
  std::map<std::string, std::unique_ptr<Pipeline>> pipelines_;
  std::mutex mutex_;
};

/// Descriptor sets and buffer views of one program; all are written at compile and never again.
class Descriptors : public Resource {
 public:
  explicit Descriptors(std::shared_ptr<Context> context) : Resource(std::move(context)) {}
  ~Descriptors() { destroy_once(); }
  /// A set binding ranges[i] as pipeline.bindings[i]; equal requests share one set. Offsets must be multiples
  /// of Context::offset_alignment(), sizes multiples of 16. Throws Unsupported, naming the limit, if a range
  /// exceeds maxStorageBufferRange or maxTexelBufferElements.
  VkDescriptorSet get(const Pipeline& pipeline, const std::vector<BufferRange>& ranges);

 private:
  void destroy() noexcept override;
  VkBufferView view(const BufferRange& range, BindingKind kind);
  VkDescriptorSet allocate(const Pipeline& pipeline);
  void grow();

  struct Room {
    std::uint32_t sets = 0, storages = 0, texels = 0;
  };

  std::vector<VkDescriptorPool> pools_;
  Room room_;  ///< left in the last pool
  std::map<std::string, VkDescriptorSet> sets_;
  std::map<std::string, VkBufferView> views_;
};

}  // namespace volute::vk
