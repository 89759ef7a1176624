// A curve with three grid lines.
#include "samples/live_sketch/plot.hpp"

#include <imgui.h>

#include <algorithm>
#include <cstdio>

namespace live_sketch {
namespace {

constexpr float label_width = 38;
constexpr ImU32 grid = IM_COL32(255, 255, 255, 22), label = IM_COL32(136, 147, 168, 255);

struct Area {
  ImVec2 from, to;
  float low, high;

  float y(float value) const {
    const float t = (std::clamp(value, low, high) - low) / (high - low);
    return to.y - t * (to.y - from.y);
  }
};

void draw_grid(ImDrawList& list, const Area& area) {
  for (int i = 0; i <= 2; ++i) {
    const float value = area.low + (area.high - area.low) * static_cast<float>(i) / 2;
    const float y = area.y(value);
    char text[16];
    std::snprintf(text, sizeof text, area.high - area.low >= 10 ? "%.0f" : "%.1f", static_cast<double>(value));
    const ImVec2 size = ImGui::CalcTextSize(text);
    list.AddLine({area.from.x, y}, {area.to.x, y}, grid);
    list.AddText({area.from.x - size.x - 6, y - size.y / 2}, label, text);
  }
}

void draw_mark(ImDrawList& list, const Area& area, const Plot& plot) {
  if (plot.mark <= plot.low || plot.mark >= plot.high) return;
  const float y = area.y(plot.mark);
  for (float x = area.from.x; x < area.to.x; x += 10) list.AddLine({x, y}, {std::min(x + 5, area.to.x), y}, label);
}

/// At most one point a pixel: the mean of the values that fall on it.
std::vector<float> columns_of(const std::vector<float>& values, std::size_t most) {
  if (values.size() <= most) return values;
  std::vector<float> columns(most);
  for (std::size_t i = 0; i < most; ++i) {
    const std::size_t from = i * values.size() / most, to = (i + 1) * values.size() / most;
    float sum = 0;
    for (std::size_t j = from; j < to; ++j) sum += values[j];
    columns[i] = sum / static_cast<float>(to - from);
  }
  return columns;
}

void draw_curve(ImDrawList& list, const Area& area, const std::vector<float>& values, ImU32 colour, float width) {
  if (values.size() < 2) return;
  std::vector<ImVec2> points;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float t = static_cast<float>(i) / static_cast<float>(values.size() - 1);
    points.emplace_back(area.from.x + t * (area.to.x - area.from.x), area.y(values[i]));
  }
  list.AddPolyline(points.data(), static_cast<int>(points.size()), colour, 0, width);
}

std::vector<float> averaged(const std::vector<float>& values) {
  std::vector<float> smooth;
  float mean = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float weight = std::max(0.08f, 1.0f / static_cast<float>(i + 1));
    mean += weight * (values[i] - mean);
    smooth.push_back(mean);
  }
  return smooth;
}

}  // namespace

void show_plot(const std::vector<float>& values, const Plot& plot) {
  const float width = ImGui::GetContentRegionAvail().x;
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const Area area{{at.x + label_width, at.y + 8}, {at.x + width, at.y + plot.height - 8}, plot.low, plot.high};
  ImDrawList& list = *ImGui::GetWindowDrawList();
  draw_grid(list, area);
  draw_mark(list, area, plot);
  const auto columns = columns_of(values, static_cast<std::size_t>(area.to.x - area.from.x));
  const ImU32 faint = (plot.colour & ~IM_COL32_A_MASK) | IM_COL32(0, 0, 0, 70);
  draw_curve(list, area, columns, plot.smooth ? faint : plot.colour, plot.smooth ? 1.0f : 1.5f);
  if (plot.smooth) draw_curve(list, area, averaged(columns), plot.colour, 2.0f);
  ImGui::Dummy({width, plot.height});
}

}  // namespace live_sketch
