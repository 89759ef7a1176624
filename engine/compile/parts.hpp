// The parts of a recorded step: command buffers that go to the device in order, a few in each submission, by what they
// have been measured to cost.
// Invariant: a step's parts are submitted in order, each once; the first copies inputs, the last copies outputs.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "engine/compile/stamps.hpp"

namespace volute {

/// Seconds of a part: an estimate until it is measured, then smoothed. One slow run (a disturbed host, a device that
/// does something else) moves it by a quarter at most; a fast one counts half, as a part is never faster than it is.
class Cost {
 public:
  explicit Cost(double estimate = 0) : seconds_(estimate) {}
  void measured(double seconds);
  double seconds() const { return seconds_; }

 private:
  double seconds_ = 0;
  bool measured_ = false;
};

class Parts {
 public:
  /// `most_seconds`: bound of one submission, as far as parts allow. Without timestamps costs stay estimates.
  Parts(std::shared_ptr<vk::Context> context, std::size_t count, double most_seconds);

  // Recording. ------------------------------------------------------------------------------------------------

  /// The list's last command buffer ends, and is part `index` in place of what that was. `to_host`: as
  /// CommandList::end.
  void end(vk::CommandList& list, std::size_t index, double estimate, bool to_host);

  /// The host waits for that part: nothing behind it goes with it.
  void end_submission_at(std::size_t part) { ends_[part] = true; }

  // Running. --------------------------------------------------------------------------------------------------

  /// No part from this one on is submitted until another is named.
  void stop_before(std::size_t part) { gate_ = part; }

  struct Sent {
    double seconds = 0;
    int submissions = 0;
  };
  /// Submits the parts that fit `seconds`, less what is still under way; if nothing is, at least one. None is that is
  /// under way itself, from the step before. The first submission waits for the semaphores, the last signals them.
  Sent submit(double seconds, const interop::Sync& sync);
  /// Everything that is left of the step; blocks while parts of it are under way from the step before.
  Sent submit_rest(const interop::Sync& sync);
  /// Waits for the copy of inputs, for the last step that is submitted whole, or for all that is submitted.
  void wait_for_inputs() { wait(inputs_); }
  void wait_for_step() { wait(step_); }
  void wait_for_all() { wait(last_); }
  /// Waits for a part of the step in progress that has been submitted, or tells whether it is done.
  void wait_for_part(std::size_t part) { wait(value_of_[part]); }
  bool part_is_done(std::size_t part) const { return context_->completed() >= value_of_[part]; }
  /// Takes note of what has finished; does not block.
  void poll();

  std::size_t size() const { return commands_.size(); }
  /// Of the step in progress, by cost; 1 at its end.
  double fraction() const { return fraction_; }
  bool at_start() const { return next_ == 0; }
  /// Whether all parts are submitted that may be.
  bool at_gate() const { return next_ == gate_; }
  /// Number of the last submission; 0: none yet.
  std::uint64_t last_submission() const { return last_; }
  bool has_finished_a_step() const { return step_ != 0; }
  /// Submitted whole so far, and whether the last of them has been seen to finish.
  std::uint64_t steps() const { return steps_; }
  bool step_is_done() const { return step_ && (pending_.empty() || pending_.front().value > step_); }
  double seconds(std::size_t index) const { return costs_[index].seconds(); }
  double seconds() const { return seconds_before(size()); }
  /// Of the parts before that one.
  double seconds_before(std::size_t index) const;
  /// Which submission of its step each part was in the last time, from 0.
  std::span<const int> submission_of() const { return submission_of_; }
  /// How many submissions a run of the whole step would make, and how many the step last submitted to took so far.
  int submissions() const;
  int submissions_of_step() const { return submissions_; }

 private:
  /// Parts of one submission that has not been seen to finish.
  struct Pending {
    std::uint64_t value = 0;
    double seconds = 0;
    bool timed = false;
    std::size_t first = 0, last = 0;  ///< parts first to last - 1
  };

  void wait(std::uint64_t value);
  void finished(std::uint64_t value);
  void time(const Pending& pending);
  double under_way() const;
  std::size_t fitting(double seconds) const;
  std::size_t end_of_submission(std::size_t first, std::size_t end) const;
  bool is_timed(double seconds) const;
  void batch(std::size_t end, bool timed);
  void note(std::uint64_t last_value, std::size_t end, bool timed, Sent& sent);

  std::shared_ptr<vk::Context> context_;
  std::optional<Stamps> stamps_;  ///< of a queue that has timestamps
  double most_seconds_;
  std::vector<VkCommandBuffer> commands_;
  std::vector<Cost> costs_;
  std::vector<int> submission_of_;
  std::vector<std::uint64_t> value_of_;  ///< the number of each part's last submission
  std::vector<bool> ends_;               ///< its submission
  std::size_t gate_ = 0;                 ///< the first part that must not be submitted yet
  std::size_t next_ = 0;        ///< part to be submitted next
  int submissions_ = 0;         ///< of the step in progress
  double fraction_ = 0;
  std::uint64_t inputs_ = 0, step_ = 0, last_ = 0;  ///< numbers of submissions; 0: none yet
  std::vector<Pending> pending_;                    ///< oldest first
  std::vector<Pending> untimed_;                    ///< finished, their timestamps not read
  std::uint64_t steps_ = 0;                         ///< submitted whole
  std::vector<VkCommandBuffer> sequence_;           ///< parts with stamps between them
  std::vector<vk::Batch> batches_;                  ///< kept for their memory, like ...
  std::vector<double> times_;                       ///< ... these
};

}  // namespace volute
