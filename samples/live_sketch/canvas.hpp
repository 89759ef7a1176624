// Strokes on the canvas: generated ones to start with, then those the user draws, the latest few.
// Invariant: at most `capacity` strokes of at most max_points points; each keeps its id, and so its colour.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "samples/live_sketch/strokes.hpp"

namespace live_sketch {

class Canvas {
 public:
  static constexpr std::size_t max_points = 2048;

  struct Entry {
    std::uint32_t id = 0;
    Stroke points;
  };

  Canvas(int capacity, std::uint64_t seed);

  /// Where the pen is, and whether it touches the canvas; once a frame. Returns the stroke that has just ended.
  std::optional<Stroke> pen(bool down, Point at);
  /// An empty canvas.
  void clear();
  /// Generated strokes again, others each time.
  void examples();

  const std::vector<Entry>& strokes() const { return strokes_; }
  bool drawing() const { return drawing_; }
  /// Another number after each change.
  std::uint64_t version() const { return version_; }

 private:
  void start(Stroke points);

  std::size_t capacity_;
  std::uint64_t seed_;
  std::vector<Entry> strokes_;
  std::uint32_t next_id_ = 0;
  std::uint64_t version_ = 1;
  bool drawing_ = false;
};

}  // namespace live_sketch
