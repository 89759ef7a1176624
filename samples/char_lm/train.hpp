// The training loop.
// Invariant: the host never waits for the device between two looks at the loss, so it prepares the next
// batch while the device works.
#pragma once

#include <chrono>
#include <optional>
#include <volute/volute.hpp>

#include "samples/char_lm/corpus.hpp"
#include "samples/char_lm/model.hpp"
#include "samples/char_lm/progress.hpp"
#include "samples/char_lm/validate.hpp"
#include "samples/ranks.hpp"

namespace char_lm {

/// Makes Ctrl-C a request to stop after the current step. A second one ends the process.
void catch_interrupt();
bool interrupted();

class Trainer {
 public:
  /// `description` is saved with checkpoints. Of several ranks each has its part of every batch, and all of them see the
  /// same losses and stop at the same step.
  Trainer(volute::Device& device, const Model& model, const Corpus& corpus, const Options& options,
          volute::io::Metadata description, const samples::Ranks& ranks);
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;
  /// Puts back what the checkpoint has. Throws BadFile, after numbers no run can have with a part loaded.
  void resume();
  /// Trains until the steps, the time or the user's patience are used up.
  /// Throws volute::NotFinite at a step with infinity or NaN if it is to stop there.
  void run(Progress& progress);
  /// Steps made, those before resume() included.
  std::int64_t done() const { return done_; }
  /// Whether the checkpoint has them all, if one was asked for.
  bool saved() const { return !autosave_ || saved_; }
  /// Seconds run() has taken, and what its last report would say but for the validation loss.
  const Report& last() const { return report_; }
  /// Nats per character over the first pieces of the validation text, or all, and how many characters that are.
  double validate(std::int64_t pieces = -1);
  std::int64_t targets() const { return validation_ ? validation_->targets() : 0; }

 private:
  void step(std::int64_t i);
  void look(std::int64_t done);
  void save_if_due(bool stopping);
  double seconds() const;
  double seconds_left(std::int64_t done) const;
  void report(std::int64_t done, Progress& progress);
  void begin_report(std::int64_t done);
  volute::Program compile(volute::Device& device, const Model& model);

  bool asked_to_stop() const;

  const Options& options_;
  samples::Ranks ranks_;
  volute::data::Shard shard_;
  volute::data::Streams streams_;
  volute::Graph g_;
  volute::Tensor x_, y_, loss_;
  volute::Tensor norm_;  // none without clipping
  std::string states_;   // what the names of the carried ones begin with
  volute::Program program_;
  std::optional<Validation> validation_;  // of the first rank
  volute::io::Checkpoint checkpoint_;
  std::optional<volute::io::Autosave> autosave_;
  bool saved_ = false;
  std::chrono::steady_clock::time_point start_;
  std::int64_t done_ = 0;
  double seconds_ = 0;         // of training, at the last save
  double before_ = 0;          // of training, before run()
  double loss_sum_ = 0;        // since the last report, over looks
  std::int64_t looks_ = 0;     // since the last report
  std::int64_t reported_ = 0;  // steps at the last report
  double reported_at_ = 0;     // seconds when it was done
  Report report_;
};

}  // namespace char_lm
