// What the controls do to canvas, training set and model.
// Invariant: there is always a model: the one before goes only once its successor is there, whatever a file holds.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "samples/live_sketch/learner.hpp"
#include "samples/live_sketch/panels.hpp"

namespace live_sketch {

class Controller {
 public:
  /// `file`: what Save writes and Load reads. `load`: file to start from; empty: new weights.
  Controller(Context& context, Frames& frames, Canvas& canvas, ModelOptions options, std::string file,
             const std::string& load);

  /// Once a frame. Mistakes in files become the message.
  void apply(const Controls& controls);
  /// A stroke the user has drawn, to learn from.
  void learn(const Stroke& drawn) { strokes_.add(drawn); }

  Learner& learner() { return *learner_; }
  const Learner& learner() const { return *learner_; }
  int drawn() const { return strokes_.drawn(); }
  /// What the last button did; empty after some seconds.
  std::string message() const;

 private:
  void press(const Controls& controls);
  void load();
  void rebuild(const ModelOptions& options, const std::string& load);
  void say(std::string message);

  Context& context_;
  Frames& frames_;
  Canvas& canvas_;
  const std::string file_;
  TrainingSet strokes_;
  std::unique_ptr<Learner> learner_;
  std::string message_;
  std::chrono::steady_clock::time_point said_at_;
};

}  // namespace live_sketch
