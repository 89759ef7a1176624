// Command buffers and fences of the frames in flight, and the timeline that says which frames are done.
// Invariant: frame n is recorded only once frame n - frames_in_flight is done; the host waits for nothing else.
#pragma once

#include <array>

#include <volute/interop.hpp>

#include "samples/live_sketch/target.hpp"

namespace live_sketch {

class Frames {
 public:
  explicit Frames(Context& context);
  ~Frames();
  Frames(const Frames&) = delete;
  Frames& operator=(const Frames&) = delete;

  /// Slot of the next frame.
  std::uint32_t slot() const { return static_cast<std::uint32_t>(number_ % frames_in_flight); }
  /// Waits for the frame the slot held; to be called before anything of the slot is used again.
  void make_room() { wait(slots_[slot()]); }
  /// Starts recording.
  VkCommandBuffer begin();
  /// Ends recording and submits; `waits` are semaphores besides the image's.
  void submit(const TargetImage& image, const std::vector<volute::interop::SemaphorePoint>& waits);
  /// How many frames have been submitted, and how many of them are known to be done; they are done in order.
  std::uint64_t submitted() const { return number_; }
  std::uint64_t done() const { return done_; }
  /// Reached when all frames submitted so far are done; nothing without timeline semaphores.
  std::vector<volute::interop::SemaphorePoint> point() const;
  /// Waits for all.
  void drain();

 private:
  struct Slot {
    VkCommandBuffer commands = VK_NULL_HANDLE;
    VkFence fence = VK_NULL_HANDLE;
    std::uint64_t frame = 0;  ///< 1 and up: the frame it holds, not known to be done
  };
  void wait(Slot& slot);

  Context& context_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  std::array<Slot, frames_in_flight> slots_;
  VkSemaphore timeline_ = VK_NULL_HANDLE;
  std::uint64_t number_ = 0, done_ = 0;
};

}  // namespace live_sketch
