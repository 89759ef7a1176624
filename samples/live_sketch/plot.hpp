// Curves for the panels.
// Invariant: draws with Dear ImGui at its cursor and moves it on.
#pragma once

#include <vector>

namespace live_sketch {

struct Plot {
  float height = 120;
  float low = 0, high = 1;       ///< of the vertical axis
  float mark = -1e9f;            ///< value of a dashed line; outside of low to high: none
  unsigned colour = 0xffffffff;  ///< as Dear ImGui's IM_COL32
  bool smooth = false;           ///< the curve averaged, with the values faint behind it
};

/// Values from left to right over the whole width, with labels at the axis.
void show_plot(const std::vector<float>& values, const Plot& plot);

}  // namespace live_sketch
