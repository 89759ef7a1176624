// Undoes a half-finished construction: runs its action on scope exit unless dismissed.
// Constructors that make several Vulkan objects need it, since no destructor runs when they throw.
#pragma once

#include <utility>

namespace volute::vk {

template <class Action>
class OnFailure {
 public:
  explicit OnFailure(Action action) : action_(std::move(action)) {}
  ~OnFailure() {
    if (armed_) action_();
  }
  OnFailure(const OnFailure&) = delete;
  OnFailure& operator=(const OnFailure&) = delete;
  void dismiss() { armed_ = false; }

 private:
  Action action_;
  bool armed_ = true;
};

}  // namespace volute::vk
