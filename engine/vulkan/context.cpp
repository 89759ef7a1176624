// One device with one queue, whose submissions are numbered in queue order; what hangs off it is known by name.
#include "engine/vulkan/context.hpp"

#include <algorithm>
#include <cstdio>
#include <new>
#include <set>

#include "engine/vulkan/completion.hpp"
#include "engine/vulkan/resource.hpp"

namespace volute::vk {

namespace {

struct Kept {
  std::shared_ptr<const Instance> instance;
  Completion* completion = nullptr;
  Kept* next = nullptr;
};

/// Keeps what a device that still works needs, to the end of the process.
void abandon(Kept* kept) {
  static std::atomic<Kept*> all = nullptr;  // so that it can still be reached, as leak checkers ask
  kept->next = all.exchange(kept);
}

/// Contexts with parked work, which keeps them alive: listed where leak checkers find them.
template <class Action>
void parking(Action action) {
  static std::mutex mutex;
  static auto& all = *new std::set<Context*>;
  std::lock_guard lock(mutex);
  action(all);
}

}  // namespace

Context::~Context() {
  parking([this](std::set<Context*>& all) { all.erase(this); });
  if (!device || detached_) return;
  try {
    if (completion_ && !lost_ && !abandoned_) wait_in_slices(completion_->submitted());
  } catch (const std::exception&) {
    // A lost device has nothing left to wait for, one that is stuck is left alone.
  }
  if (abandoned_ || !may_destroy()) {
    Completion* completion = completion_.release();
    if (auto* kept = new (std::nothrow) Kept{instance, completion}) abandon(kept);
    return;
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

bool Context::shares_memory() const {
  if (allocator.allocate) return false;  // an application's, which may not have such memory
  const auto end = memory.memoryTypes + memory.memoryTypeCount;
  return std::any_of(memory.memoryTypes, end, [](const VkMemoryType& type) {
    return (type.propertyFlags & shared_memory) == shared_memory;
  });
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
  require_usable();
  const Batch none;
  if (batches.empty() && !(sync.wait.empty() && sync.signal.empty())) batches = {&none, 1};
  if (!batches.empty()) {
    const Held held(lock_, unlock_);
    check(completion_->submit(batches, sync), "vkQueueSubmit");
  }
  return completion_->submitted();
}

void Context::wait(std::uint64_t submission) {
  if (lost_) note_progress(given_up_);
  require_usable();
  wait_in_slices(submission);
  note_progress(submission);
}

void Context::wait(std::uint64_t submission, std::shared_ptr<void> uses) {
  try {
    wait(submission);
  } catch (const DeviceLost&) {
    throw;
  } catch (...) {
    if (!answers()) park(std::move(uses));
    throw;
  }
}

void Context::park(std::shared_ptr<void> uses) {
  {
    std::lock_guard lock(parked_mutex_);
    parked_.push_back(std::move(uses));
  }
  parking([this](std::set<Context*>& all) { all.insert(this); });
}

/// Frees what was parked once the work that was given up is done.
void Context::note_progress(std::uint64_t done) {
  if (!given_up_ || (done < given_up_ && completion_->completed() < given_up_)) return;
  given_up_ = 0;
  std::vector<std::shared_ptr<void>> free;
  std::lock_guard lock(parked_mutex_);
  free.swap(parked_);
}

void Context::wait_in_slices(std::uint64_t submission) {
  try {
    wait_while_it_progresses(submission);
  } catch (const DeviceLost&) {
    throw;
  } catch (...) {
    given_up_ = completion_->submitted();  // for all that is known, if the wait itself failed
    throw;
  }
}

/// Slices without progress are counted, not time: a process that was stopped has not waited.
void Context::wait_while_it_progresses(std::uint64_t submission) {
  const double most = timeout_, slice = most > 0 ? std::min(1.0, most / 4) : 1.0;  // s
  std::uint64_t done = UINT64_MAX;  // not known before the first slice is over
  for (double idle = 0; !completion_->wait(submission, static_cast<std::uint64_t>(slice * 1e9));) {
    const std::uint64_t now = completion_->completed();
    idle = now > done ? 0 : idle + slice;
    done = now;
    if (most <= 0 || idle < most) continue;
    char text[160];
    std::snprintf(text, sizeof text, " has finished no submission for %g s; it may still be working, or hang", most);
    throw Timeout(info.name + text);
  }
}

bool Context::answers() noexcept {
  constexpr std::uint64_t a_second = 1'000'000'000;  // for what is not stuck, only could not be waited for
  const std::uint64_t awaited = given_up_;
  if (!awaited || lost_) return true;
  try {
    return completion_->wait(awaited, abandoned_ ? 0 : a_second);
  } catch (const DeviceLost&) {
    return true;  // nothing runs any more
  } catch (const std::exception&) {
    return false;  // as if it were busy: it may be
  }
}

bool Context::may_destroy() noexcept {
  if (answers()) return true;
  if (abandoned_.exchange(true)) return false;
  try {
    warn(info.name + " is still busy with work that was given up: memory it may use is not freed");
  } catch (const std::exception&) {
    // No memory for a warning.
  }
  return false;
}

void Context::check(VkResult result, const char* call) {
  if (result == VK_ERROR_DEVICE_LOST) lost_ = true;
  vk::check(result, call);
}

std::uint64_t Context::completed() {
  require_usable();
  const std::uint64_t done = completion_->completed();
  note_progress(done);
  return done;
}

VkSemaphore Context::timeline() const { return completion_ ? completion_->timeline() : VK_NULL_HANDLE; }

void Context::require_usable() const {
  if (detached_) throw DeviceLost("the device was given up with interop::detach");
  if (lost_) throw DeviceLost(info.name + " was lost in an earlier call; make a new Device");
}

void Context::detach() {
  if (detached_) return;
  try {
    wait(completion_->submitted());
  } catch (const DeviceLost&) {
    // Nothing left to wait for; objects of a lost device are destroyed like others.
  }
  note_progress(given_up_);
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
  context_->require_usable();
  std::lock_guard lock(context_->resources_mutex_);
  context_->resources_.push_back(this);
}

Resource::~Resource() {
  std::lock_guard lock(context_->resources_mutex_);
  if (!destroyed_) context_->resources_.remove(this);
}

void Resource::destroy_once() noexcept {
  if (!destroyed_ && context_->may_destroy()) destroy();
}

}  // namespace volute::vk
