// Trains the model and continues strokes, a budget of device time a frame.
// Invariant: nothing waits for the device but start-up, reset, save and load. What is drawn lies still while the next
// continuations are computed: two programs of one graph take turns, each with its own buffer.
#pragma once

#include <array>
#include <chrono>
#include <memory>

#include "samples/live_sketch/canvas.hpp"
#include "samples/live_sketch/frames.hpp"
#include "samples/live_sketch/model.hpp"

namespace live_sketch {

/// Continuations that are complete on the device, as vertices.
struct Drawable {
  volute::interop::Slice vertices;  ///< [K S, P] of x, y, alpha, age
  std::vector<std::uint32_t> ids;   ///< of the strokes continued, at most K
  std::vector<volute::interop::SemaphorePoint> ready;  ///< to be waited for before they are read; already reached
};

class Learner {
 public:
  /// `load`: file to start from; empty: new weights.
  Learner(Context& context, const Frames& frames, TrainingSet& strokes, const ModelOptions& options,
          const std::string& load);

  /// Submits up to `budget` seconds of work: parts of a training step, and of continuations of what is on the canvas.
  void advance(double budget, const Canvas& canvas);
  /// What to draw now; nothing before the first continuation is done.
  const std::optional<Drawable>& drawable() const { return drawable_; }

  void training(bool on) { training_ = on; }
  void temperature(float value);
  /// New weights.
  void reset();
  void save(const std::string& path);
  void load(const std::string& path);

  const ModelOptions& options() const { return model_.options(); }
  std::int64_t weights() const { return model_.weights(); }
  std::int64_t steps() const { return steps_; }
  /// Device time of the last whole training step and the last whole continuation, in seconds.
  double step_seconds() const { return step_.last; }
  double continuation_seconds() const { return continuing_.last; }
  /// One loss for each of some steps, oldest first.
  const std::vector<float>& losses() const { return losses_; }
  double fraction() const { return fraction_; }
  std::int64_t continuations() const { return continuations_; }

 private:
  struct Turn {
    volute::Program* program = nullptr;
    volute::interop::Slice vertices;
    std::vector<std::uint32_t> ids;
    std::uint64_t frame = 0;  ///< frames submitted when the last part was
    bool computed = false;  ///< all submitted, not yet shown
  };
  struct Cost {
    double running = 0, last = 0;
    void add(const volute::Progress& progress);
  };

  bool begin_continuation(const Canvas& canvas);
  void show_if_done();
  /// Whether all the program has submitted is done, without waiting.
  bool done(const volute::Program& program, std::uint64_t frame) const;
  void read_loss();
  void finish();
  double advance_training(double budget);
  double advance_continuation(double budget);

  Context& context_;
  const Frames& frames_;
  Model model_;
  TrainingSet& strokes_;
  std::array<Turn, 2> turns_;
  std::size_t back_ = 0;  ///< the turn that computes, or will next
  std::optional<Drawable> drawable_;
  bool training_ = true, stepped_ = true, loss_due_ = false;
  std::uint64_t continued_version_ = 0, step_frame_ = 0;
  std::chrono::steady_clock::time_point continued_at_;
  std::int64_t steps_ = 0, continuations_ = 0;
  Cost step_, continuing_;
  std::vector<float> losses_;
  double fraction_ = 0;
  float temperature_ = 0.5f;
};

}  // namespace live_sketch
