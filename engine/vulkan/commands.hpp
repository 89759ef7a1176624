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

/// A pool with the primary command buffers of one program.
class CommandList : public Resource {
 public:
  explicit CommandList(std::shared_ptr<Context> context);
  ~CommandList() { release_once(); }

  /// Starts the next command buffer (it may be submitted again while not pending). Begins with a barrier
  /// that makes all earlier work of the queue visible.
  void begin();
  /// `to_host`: what was written is visible to the host once the submission has finished.
  void end(bool to_host = true);
  void dispatch(const Pipeline& pipeline, VkDescriptorSet set, const void* push, std::uint32_t groups_x,
                std::uint32_t groups_y, std::uint32_t groups_z);
  /// Those workgroups of a dispatch. Where they do not begin at 0, the pipeline must be one for boxes.
  void dispatch(const Pipeline& pipeline, VkDescriptorSet set, const void* push, const Groups& groups);
  void copy(BufferRange source, BufferRange target);
  /// Orders everything before against everything after: compute and transfer, writes and reads.
  void barrier();
  const std::vector<VkCommandBuffer>& buffers() const { return buffers_; }

 private:
  void release() noexcept override;

  VkCommandPool pool_ = VK_NULL_HANDLE;
  std::vector<VkCommandBuffer> buffers_;
  VkPipeline bound_ = VK_NULL_HANDLE;
  VkDescriptorSet bound_set_ = VK_NULL_HANDLE;
};

}  // namespace volute::vk
