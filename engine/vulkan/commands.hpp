// Recording of command buffers that are replayed many times.
#pragma once

#include "engine/vulkan/buffer.hpp"
#include "engine/vulkan/pipeline.hpp"

namespace volute::vk {

/// A box of a dispatch's workgroups.
struct Groups {
  std::uint32_t first[3] = {0, 0, 0};
  std::uint32_t count[3] = {1, 1, 1};
};

/// Stages and accesses on one side of a barrier.
struct Scope {
  VkPipelineStageFlags stages = 0;
  VkAccessFlags accesses = 0;
};

/// Copies and kernels.
inline constexpr Scope device_writes{VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                                     VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT};
inline constexpr Scope device_accesses{device_writes.stages, device_writes.accesses | VK_ACCESS_SHADER_READ_BIT |
                                                                 VK_ACCESS_TRANSFER_READ_BIT};

/// Whatever a queue does.
inline constexpr Scope all_accesses{VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                                    VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT};

/// A barrier for these bytes. Between two queue families it is one half of a transfer of ownership: `before` counts on
/// the giving side, `after` on the taking one.
void record_barrier(const Context& context, VkCommandBuffer commands, const interop::Slice& slice, Scope before,
                    Scope after, std::uint32_t from_family = VK_QUEUE_FAMILY_IGNORED,
                    std::uint32_t to_family = VK_QUEUE_FAMILY_IGNORED, bool gives = true);

/// A pool with the primary command buffers of one program, or one command buffer of an application's.
class CommandList : public Resource {
 public:
  explicit CommandList(std::shared_ptr<Context> context);
  /// Records into a command buffer that the application has begun and will end.
  CommandList(std::shared_ptr<Context> context, VkCommandBuffer commands);
  ~CommandList() { destroy_once(); }

  /// Starts the next command buffer (it may be submitted again while not pending). Begins with a barrier
  /// that makes all earlier work of the queue visible.
  void begin();
  /// `for_host`: with to_host().
  void end(bool for_host = true);
  void dispatch(const Pipeline& pipeline, VkDescriptorSet set, const void* push, std::uint32_t groups_x,
                std::uint32_t groups_y, std::uint32_t groups_z);
  /// Those workgroups of a dispatch. Where they do not begin at 0, the pipeline must be one for boxes.
  void dispatch(const Pipeline& pipeline, VkDescriptorSet set, const void* push, const Groups& groups);
  void copy(const interop::Slice& source, const interop::Slice& target);
  void copy(const BufferRange& source, const BufferRange& target) { copy(source.slice(), target.slice()); }
  /// Orders everything before against everything after: compute and transfer, writes and reads.
  void barrier();
  /// The same for whatever an application does before or after.
  void barrier_around();
  /// What was written is visible to the host once the submission has finished.
  void to_host();
  /// Volute's half of a transfer of ownership, before or after copies. Nothing unless `family` is another one.
  void acquire(const interop::Slice& slice, std::uint32_t family);
  void release(const interop::Slice& slice, std::uint32_t family);
  const std::vector<VkCommandBuffer>& buffers() const { return buffers_; }

 private:
  void destroy() noexcept override;

  VkCommandPool pool_ = VK_NULL_HANDLE;
  std::vector<VkCommandBuffer> buffers_;
  VkPipeline bound_ = VK_NULL_HANDLE;
  VkDescriptorSet bound_set_ = VK_NULL_HANDLE;
};

}  // namespace volute::vk
