// The training loop of every task.
// Invariant: whatever the bits of a run depend on is in its checkpoint, its config or its data: a run that was
// interrupted ends as one that was not. The host waits for the device at looks and validations only.
#pragma once

#include <chrono>
#include <optional>
#include <volute/volute.hpp>

#include "tools/console/progress.hpp"
#include "tools/tasks/task.hpp"
#include "tools/train/folder.hpp"
#include "tools/train/record.hpp"

namespace volute::tool {

class Trainer {
 public:
  /// Of several ranks the first writes and judges; all see the same losses and scores, and stop at the same step.
  Trainer(Device& device, const Config& config, Task& task, RunFolder folder, std::shared_ptr<Communicator> ranks);

  /// Puts back what the checkpoint has. Throws Mistake.
  void resume();
  enum class End { finished, stopped_early, interrupted };
  /// Throws NotFinite at a step with infinity or NaN if it is to stop there.
  End run(Progress& progress);

  std::int64_t done() const { return done_; }
  std::int64_t steps() const { return steps_; }
  double seconds() const;
  /// Whether the last save went well.
  bool saved() const { return saved_; }
  const EarlyStopping* stopping() const { return stopping_ ? &*stopping_ : nullptr; }
  /// Puts the best parameters back, if early stopping kept some.
  void restore_best();

 private:
  Program compile(Device& device);
  bool is_first() const { return !ranks_ || ranks_->rank() == 0; }
  void evaluate();
  bool asked_to_stop() const;
  void look();
  void validate(Progress& progress);
  void look_at_the_last();
  std::string line(double loss) const;
  double rate_of(std::int64_t step) const;
  bool due(std::int64_t every) const { return done_ % every == 0 || done_ == steps_; }

  Device& device_;
  const Json& training_;
  Task& task_;
  RunFolder folder_;
  std::shared_ptr<Communicator> ranks_;
  std::int64_t steps_;
  Schedule schedule_;
  Graph graph_;
  Tensor loss_;
  Program program_;
  std::optional<Plateau> plateau_;
  std::optional<EarlyStopping> stopping_;
  io::Checkpoint checkpoint_;
  std::optional<io::Autosave> autosave_;
  std::optional<Record> record_;
  bool saved_ = true, resumed_ = false;
  std::chrono::steady_clock::time_point start_;
  // Of the checkpoint.
  std::int64_t done_ = 0, every_ = 0, looks_ = 0, length_ = 0;
  double seconds_ = 0, loss_sum_ = 0;
  // Of this process.
  std::int64_t begun_ = 0;
  double begun_seconds_ = 0, mean_ = 0, last_loss_ = 0;
  Scores scores_;
};

}  // namespace volute::tool
