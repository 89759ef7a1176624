// Recording of command buffers that are replayed many times.
#pragma once

#include "engine/vulkan/buffer.hpp"
#include "engine/vulkan/pipeline.hpp"

namespace volute::vk {

/// A pool with the primary command buffers of one program.
class CommandList : public Resource {
 public:
  explicit CommandList(std::shared_ptr<Context> context);
  ~CommandList() { release_once(); }

  /// Starts the next command buffer (it may be submitted again while not pending). Begins with a barrier
  /// that makes all earlier work of the queue visible.
  void begin();
  void end();
  void dispatch(const Pipeline& pipeline, VkDescriptorSet set, const void* push, std::uint32_t groups_x,
                std::uint32_t groups_y, std::uint32_t groups_z);
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
