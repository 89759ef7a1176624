// The frame loop: events, panels, drawing, then learning until the frame's budget is used up.
// Invariant: continuations go from the network's output to the vertex stage; nothing of them passes through the host.
#pragma once

#include <chrono>
#include <deque>

#include "samples/live_sketch/controller.hpp"
#include "samples/live_sketch/counters.hpp"
#include "samples/live_sketch/gui.hpp"
#include "samples/live_sketch/options.hpp"
#include "samples/live_sketch/screenshot.hpp"

namespace live_sketch {

/// What the loop did.
struct Report {
  std::vector<float> frame_ms;    ///< of each frame
  std::vector<float> advance_ms;  ///< host time of what learning took of each frame
  std::int64_t steps = 0, continuations = 0, loss_reads = 0;
  Counts counts;  ///< within the loop
};

class App {
 public:
  /// `window`: null where there is none.
  App(const Options& options, Context& context, Target& target, Window* window);
  /// Waits for the device: after an exception frames may still be in flight.
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  /// Runs until the window is closed or the frames asked for are drawn; writes the picture asked for.
  Report run();

 private:
  using Clock = std::chrono::steady_clock;

  /// One frame; false: there was nothing to draw to.
  bool frame(bool shot = false);
  void show(VkExtent2D extent);
  void follow_pointer();
  void record(VkCommandBuffer commands, const TargetImage& image, bool shot);
  void draw_continuations();
  void draw_strokes();
  void write_shot();
  void note_time(Clock::time_point now);
  Readings readings() const;

  const Options options_;
  Context& context_;
  Target& target_;
  Window* window_;
  Gui gui_;
  Renderer renderer_;
  Frames frames_;
  Canvas canvas_;
  HostBuffer stroke_vertices_;
  Screenshot shot_;
  Controller controller_;
  Controls controls_;
  View view_;
  Clock::time_point last_frame_;
  double frame_seconds_ = 1.0 / 60, smooth_frame_ms_ = 0;
  std::deque<float> frame_times_;
  std::deque<std::pair<Clock::time_point, std::int64_t>> step_times_;
  Report report_;
};

}  // namespace live_sketch
