// How the host learns that submissions have finished: a timeline semaphore, or fences where the device has none.
// Invariant: submissions finish in the order of their numbers, 1 the first.
#pragma once

#include <atomic>
#include <memory>

#include "engine/vulkan/context.hpp"

namespace volute::vk {

class Completion {
 public:
  /// With timeline semaphores if they are enabled.
  static std::unique_ptr<Completion> create(Context& context);
  virtual ~Completion() = default;

  /// Submits batches, the next numbers; returns the first failure. The caller holds the queue.
  virtual VkResult submit(std::span<const Batch> batches, const interop::Sync& sync) = 0;
  /// Whether it has finished, after waiting for it at most so long.
  virtual bool wait(std::uint64_t submission, std::uint64_t nanoseconds) = 0;
  virtual std::uint64_t completed() = 0;
  virtual VkSemaphore timeline() const { return VK_NULL_HANDLE; }
  std::uint64_t submitted() const { return submitted_; }

 protected:
  std::atomic<std::uint64_t> submitted_ = 0;  ///< changed by who holds the queue
};

}  // namespace volute::vk
