// Submission with a timeline semaphore, or with a fence a batch. Each batch signals, not only the last: drivers merge
// neighbours that signal nothing into one job, and the cut into bounded submissions would be lost.
#include "engine/vulkan/completion.hpp"

#include <algorithm>

namespace volute::vk {
namespace {

/// The arrays one VkSubmitInfo points at.
struct Submission {
  std::vector<VkSemaphore> wait, signal;
  std::vector<std::uint64_t> wait_values, signal_values;
  std::vector<VkPipelineStageFlags> stages;
  VkTimelineSemaphoreSubmitInfo timeline{VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO};

  void waits_for(const std::vector<interop::SemaphorePoint>& points) {
    for (const auto& point : points) {
      wait.push_back(point.semaphore);
      wait_values.push_back(point.value);
      stages.push_back(point.stages);
    }
  }
  void signals(VkSemaphore semaphore, std::uint64_t value) {
    signal.push_back(semaphore);
    signal_values.push_back(value);
  }
  VkSubmitInfo info(Batch batch, bool timelines) {
    timeline.waitSemaphoreValueCount = static_cast<std::uint32_t>(wait_values.size());
    timeline.pWaitSemaphoreValues = wait_values.data();
    timeline.signalSemaphoreValueCount = static_cast<std::uint32_t>(signal_values.size());
    timeline.pSignalSemaphoreValues = signal_values.data();
    VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO, timelines ? &timeline : nullptr};
    info.waitSemaphoreCount = static_cast<std::uint32_t>(wait.size());
    info.pWaitSemaphores = wait.data();
    info.pWaitDstStageMask = stages.data();
    info.commandBufferCount = static_cast<std::uint32_t>(batch.size());
    info.pCommandBuffers = batch.data();
    info.signalSemaphoreCount = static_cast<std::uint32_t>(signal.size());
    info.pSignalSemaphores = signal.data();
    return info;
  }
};

class Timeline final : public Completion {
 public:
  explicit Timeline(Context& context) : context_(context) {
    VkSemaphoreTypeCreateInfo type{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO};
    type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
    VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, &type};
    check(context.fn.vkCreateSemaphore(context.device, &info, nullptr, &semaphore_), "vkCreateSemaphore");
  }
  ~Timeline() override { context_.fn.vkDestroySemaphore(context_.device, semaphore_, nullptr); }

  VkResult submit(std::span<const Batch> batches, const interop::Sync& sync) override {
    std::vector<Submission> submissions(batches.size());
    submissions.front().waits_for(sync.wait);
    for (std::size_t i = 0; i < batches.size(); ++i) submissions[i].signals(semaphore_, submitted_ + i + 1);
    for (const auto& point : sync.signal) submissions.back().signals(point.semaphore, point.value);
    std::vector<VkSubmitInfo> infos;
    for (std::size_t i = 0; i < batches.size(); ++i) infos.push_back(submissions[i].info(batches[i], true));
    const VkResult result = context_.fn.vkQueueSubmit(context_.queue, static_cast<std::uint32_t>(infos.size()),
                                                      infos.data(), VK_NULL_HANDLE);
    if (result == VK_SUCCESS) submitted_ += batches.size();
    return result;
  }

  bool wait(std::uint64_t submission, std::uint64_t nanoseconds) override {
    VkSemaphoreWaitInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO};
    info.semaphoreCount = 1;
    info.pSemaphores = &semaphore_;
    info.pValues = &submission;
    const VkResult result = context_.fn.vkWaitSemaphores(context_.device, &info, nanoseconds);
    context_.check(result, "vkWaitSemaphores");
    return result == VK_SUCCESS;
  }

  std::uint64_t completed() override {
    std::uint64_t value = 0;
    context_.check(context_.fn.vkGetSemaphoreCounterValue(context_.device, semaphore_, &value),
                   "vkGetSemaphoreCounterValue");
    return value;
  }

  VkSemaphore timeline() const override { return semaphore_; }

 private:
  Context& context_;
  VkSemaphore semaphore_ = VK_NULL_HANDLE;
};

/// A fence a batch. Fences go back to the idle ones only while nobody waits for one.
class Fences final : public Completion {
 public:
  explicit Fences(Context& context) : context_(context) {}
  ~Fences() override {
    for (const Pending& each : pending_) context_.fn.vkDestroyFence(context_.device, each.fence, nullptr);
    for (VkFence fence : idle_) context_.fn.vkDestroyFence(context_.device, fence, nullptr);
  }

  VkResult submit(std::span<const Batch> batches, const interop::Sync& sync) override {
    std::lock_guard lock(mutex_);
    std::vector<Submission> submissions(batches.size());
    submissions.front().waits_for(sync.wait);
    for (const auto& point : sync.signal) submissions.back().signals(point.semaphore, point.value);
    make_room(batches.size());  // from the first submission on nothing throws
    while (idle_.size() < batches.size()) idle_.push_back(new_fence());
    const std::size_t before = pending_.size();
    for (std::size_t i = 0; i < batches.size(); ++i) {
      const VkSubmitInfo info = submissions[i].info(batches[i], false);
      const VkResult result = context_.fn.vkQueueSubmit(context_.queue, 1, &info, idle_.back());
      if (result != VK_SUCCESS) return i == 0 ? result : lose(before);
      pending_.push_back({++submitted_, idle_.back()});
      idle_.pop_back();
    }
    return VK_SUCCESS;
  }

  bool wait(std::uint64_t submission, std::uint64_t nanoseconds) override {
    std::unique_lock lock(mutex_);
    const auto after = std::find_if(pending_.begin(), pending_.end(),
                                    [&](const Pending& each) { return each.number > submission; });
    if (after == pending_.begin()) return true;
    const Pending last = *std::prev(after);
    ++waiting_;
    lock.unlock();  // others may submit meanwhile
    const VkResult result = context_.fn.vkWaitForFences(context_.device, 1, &last.fence, VK_TRUE, nanoseconds);
    lock.lock();
    --waiting_;
    context_.check(result, "vkWaitForFences");
    if (result == VK_SUCCESS) retire(last.number);
    return result == VK_SUCCESS;
  }

  std::uint64_t completed() override {
    std::lock_guard lock(mutex_);
    std::uint64_t done = completed_;
    for (const Pending& each : pending_) {
      const VkResult status = context_.fn.vkGetFenceStatus(context_.device, each.fence);
      if (status == VK_NOT_READY) break;
      context_.check(status, "vkGetFenceStatus");
      done = each.number;
    }
    retire(done);
    return completed_;
  }

 private:
  struct Pending {
    std::uint64_t number;
    VkFence fence;
  };

  /// For so many more pending fences, and for all of them as idle ones.
  void make_room(std::size_t count) {
    pending_.reserve(pending_.size() + count);
    idle_.reserve(pending_.size() + std::max(idle_.size(), count));
  }

  VkFence new_fence() {
    VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkFence fence = VK_NULL_HANDLE;
    check(context_.fn.vkCreateFence(context_.device, &info, nullptr, &fence), "vkCreateFence");
    return fence;
  }

  /// A call that failed half-way has run a part of a step, which nothing can undo: the device counts as lost. The
  /// batches that run are waited for, since what they use is about to be destroyed.
  VkResult lose(std::size_t first) {
    constexpr std::uint64_t ten_seconds = 10'000'000'000;  // each runs for a tenth of one
    for (std::size_t i = first; i < pending_.size(); ++i)
      context_.fn.vkWaitForFences(context_.device, 1, &pending_[i].fence, VK_TRUE, ten_seconds);
    return VK_ERROR_DEVICE_LOST;
  }

  void retire(std::uint64_t number) {
    completed_ = std::max(completed_, number);
    while (waiting_ == 0 && !pending_.empty() && pending_.front().number <= completed_) {
      check(context_.fn.vkResetFences(context_.device, 1, &pending_.front().fence), "vkResetFences");
      idle_.push_back(pending_.front().fence);
      pending_.erase(pending_.begin());
    }
  }

  Context& context_;
  std::mutex mutex_;
  std::vector<Pending> pending_;  ///< oldest first
  std::vector<VkFence> idle_;
  std::uint64_t completed_ = 0;
  int waiting_ = 0;
};

}  // namespace

std::unique_ptr<Completion> Completion::create(Context& context) {
  if (context.abilities.timeline) return std::make_unique<Timeline>(context);
  return std::make_unique<Fences>(context);
}

}  // namespace volute::vk
