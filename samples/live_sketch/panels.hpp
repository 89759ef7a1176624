// What the user sees beside the canvas and can set: curves, times, model, help.
// Invariant: shows and records wishes; changes nothing itself.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "samples/live_sketch/canvas.hpp"
#include "samples/live_sketch/model.hpp"
#include "samples/live_sketch/renderer.hpp"

namespace live_sketch {

inline constexpr float panel_width = 350;  ///< pixels at the right of the canvas
/// Of a window: room for a canvas beside the panel, which scrolls where it is higher.
inline constexpr int least_width = 640, least_height = 480;

/// Settings, and the buttons pressed in this frame.
struct Controls {
  float budget_ms = 8;
  std::optional<Cell> cell;  ///< chosen in this frame
  float temperature = 0.5f;
  bool training = true, generated = true;
  bool reset = false, save = false, load = false, clear = false, examples = false;
};

struct Readings {
  std::string device, message;
  std::vector<std::string> without;  ///< abilities Volute does not have here
  const std::vector<float>* losses = nullptr;
  std::int64_t steps = 0, weights = 0;
  Cell cell = Cell::gru;
  int drawn = 0;
  double fraction = 0;  ///< of the step in progress
  double step_ms = 0, continuation_ms = 0, steps_per_second = 0;
  double frame_ms = 0;
  const std::deque<float>* frame_times = nullptr;  ///< milliseconds
  bool can_load = false;
};

void show_panels(Controls& controls, const Readings& readings);

/// Marks on the canvas: where the model takes over, and a hint as long as nothing is there.
void show_marks(const std::vector<Canvas::Entry>& strokes, const View& view);

/// A colour for a stroke, the same as long as it is there.
Colour colour_of(std::uint32_t id);

/// Whether the pointer is on the canvas and pressed, and where, in pixels.
struct Pointer {
  bool down = false;
  float x = 0, y = 0;
};
Pointer pointer();

}  // namespace live_sketch
