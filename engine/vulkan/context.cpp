// One device with one queue, whose submissions are numbered in queue order; what hangs off it is known by name.
#include "engine/vulkan/context.hpp"

#include "engine/vulkan/completion.hpp"
#include "engine/vulkan/resource.hpp"

namespace volute::vk {

Context::~Context() {
  if (!device || detached_) return;
  try {
    if (completion_) completion_->wait(completion_->submitted());
  } catch (const Error&) {
    // A lost device has nothing left to wait for.
  }
  completion_.reset();
  if (owned_) fn.vkDestroyDevice(device, nullptr);
}

std::uint32_t Context::memory_type(std::uint32_t allowed_bits, VkMemoryPropertyFlags required,
                                   VkMemoryPropertyFlags preferred) const {
  for (VkMemoryPropertyFlags wanted : {required | preferred, required})
    for (std::uint32_t i = 0; i < memory.memoryTypeCount; ++i)
      if ((allowed_bits >> i & 1u) && (memory.memoryTypes[i].propertyFlags & wanted) == wanted) return i;
  throw Unsupported(info.name + " has no memory type with the properties " + std::to_string(required));
}

namespace {

/// Calls an application's callbacks around a submission.
class Held {
 public:
  Held(const std::function<void()>& lock, const std::function<void()>& unlock) : unlock_(unlock) {
    if (lock) lock();
  }
  ~Held() {
    if (unlock_) unlock_();
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  const std::function<void()>& unlock_;
};

}  // namespace

std::uint64_t Context::submit(std::span<const Batch> batches, const interop::Sync& sync) {
  std::lock_guard lock(submit_mutex_);
  require_attached();
  const Batch none;
  if (batches.empty() && !(sync.wait.empty() && sync.signal.empty())) batches = {&none, 1};
  if (!batches.empty()) {
    const Held held(lock_, unlock_);
    check(completion_->submit(batches, sync), "vkQueueSubmit");
  }
  return completion_->submitted();
}

void Context::wait(std::uint64_t submission) {
  require_attached();
  completion_->wait(submission);
}

std::uint64_t Context::completed() {
  require_attached();
  return completion_->completed();
}

VkSemaphore Context::timeline() const { return completion_ ? completion_->timeline() : VK_NULL_HANDLE; }

void Context::require_attached() const {
  if (detached_) throw DeviceLost("the device was given up with interop::detach");
}

void Context::detach() {
  if (detached_) return;
  try {
    wait(completion_->submitted());
  } catch (const DeviceLost&) {
    // Nothing left to wait for; objects of a lost device are destroyed like others.
  }
  {
    std::lock_guard lock(resources_mutex_);
    for (auto last = resources_.rbegin(); last != resources_.rend(); ++last) {
      (*last)->destroy();
      (*last)->destroyed_ = true;
    }
    resources_.clear();
  }
  completion_.reset();
  if (owned_) fn.vkDestroyDevice(device, nullptr);
  detached_ = true;
}

Resource::Resource(std::shared_ptr<Context> context) : context_(std::move(context)) {
  context_->require_attached();
  std::lock_guard lock(context_->resources_mutex_);
  context_->resources_.push_back(this);
}

Resource::~Resource() {
  std::lock_guard lock(context_->resources_mutex_);
  if (!destroyed_) context_->resources_.remove(this);
}

void Resource::destroy_once() noexcept {
  if (!destroyed_) destroy();
}

}  // namespace volute::vk
