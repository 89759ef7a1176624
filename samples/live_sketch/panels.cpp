// The panel at the right, in sections from top to bottom.
#include "samples/live_sketch/panels.hpp"

#include <imgui.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "samples/live_sketch/plot.hpp"

namespace live_sketch {
namespace {

constexpr ImU32 blue = IM_COL32(110, 168, 255, 255), green = IM_COL32(120, 214, 164, 255);

constexpr float value_column = 165;

void section(const char* title) {
  ImGui::Dummy({0, 1});
  ImGui::TextDisabled("%s", title);
}

/// A line "name      value" with values under each other.
void row(const char* name, const char* format, double value) {
  ImGui::TextUnformatted(name);
  ImGui::SameLine(value_column);
  ImGui::Text(format, value);
}

/// The value is written beside the slider, where its handle does not hide it.
void slider(const char* text, float& value, float low, float high, ImGuiSliderFlags flags) {
  ImGui::AlignTextToFramePadding();
  ImGui::Text(text, static_cast<double>(value));
  ImGui::SameLine(value_column);
  ImGui::SetNextItemWidth(-1);
  ImGui::PushID(text);
  ImGui::SliderFloat("", &value, low, high, "", flags);
  ImGui::PopID();
}

void show_loss(const Readings& r) {
  section("LOSS  (nats a step; the lower, the surer)");
  Plot plot{.height = 108, .low = -4, .high = 2, .colour = blue, .smooth = true};
  if (!r.losses->empty()) {
    const auto [least, most] = std::minmax_element(r.losses->begin(), r.losses->end());
    plot.low = std::floor(std::min(*least, plot.high - 1));
    plot.high = std::clamp(std::ceil(*most), plot.low + 1, plot.low + 8);
  }
  show_plot(*r.losses, plot);
  ImGui::Text("step %lld", static_cast<long long>(r.steps));
  ImGui::SameLine(value_column);
  if (r.losses->empty())
    ImGui::TextUnformatted("loss ...");
  else
    ImGui::Text("loss %.2f", static_cast<double>(r.losses->back()));
}

void show_times(Controls& c, const Readings& r) {
  section("FRAME TIME  (ms; dashed: 60 a second)");
  const std::vector<float> times(r.frame_times->begin(), r.frame_times->end());
  const float longest = times.empty() ? 0 : *std::max_element(times.begin(), times.end());
  const float high = std::clamp(std::ceil(longest / 20) * 20, 40.0f, 400.0f);
  show_plot(times, {.height = 62, .low = 0, .high = high, .mark = 1000.0f / 60, .colour = green});
  row("frame", "%.1f ms", r.frame_ms);
  row("training step", "%.1f ms of device time", r.step_ms);
  row("continuations", "%.1f ms of device time", r.continuation_ms);
  row("training", "%.1f steps a second", r.steps_per_second);
  slider("budget  %.1f ms", c.budget_ms, 0.5f, 50, ImGuiSliderFlags_Logarithmic);
  ImGui::ProgressBar(static_cast<float>(r.fraction), {-1, 5}, "");
}

void show_model(Controls& c, const Readings& r) {
  section("MODEL");
  const float half = (ImGui::GetContentRegionAvail().x - ImGui::GetStyle().ItemSpacing.x) / 2;
  ImGui::SetNextItemWidth(half);
  c.cell.reset();
  if (ImGui::BeginCombo("##cell", name_of(r.cell))) {
    for (int i = 0; i < cells; ++i) {
      const auto cell = static_cast<Cell>(i);
      if (ImGui::Selectable(name_of(cell), cell == r.cell)) c.cell = cell;
    }
    ImGui::EndCombo();
  }
  ImGui::SameLine();
  ImGui::TextDisabled("%lld weights", static_cast<long long>(r.weights));
  slider("temperature  %.2f", c.temperature, 0, 1, 0);
  ImGui::Checkbox("train", &c.training);
  ImGui::SameLine(half + ImGui::GetStyle().ItemSpacing.x + ImGui::GetStyle().WindowPadding.x);
  ImGui::Checkbox("generated strokes", &c.generated);
  const float third = (ImGui::GetContentRegionAvail().x - 2 * ImGui::GetStyle().ItemSpacing.x) / 3;
  c.reset = ImGui::Button("Reset", {third, 0});
  ImGui::SameLine();
  c.save = ImGui::Button("Save", {third, 0});
  ImGui::SameLine();
  ImGui::BeginDisabled(!r.can_load);
  c.load = ImGui::Button("Load", {third, 0});
  ImGui::EndDisabled();
}

void show_canvas(Controls& c, const Readings& r) {
  section("CANVAS");
  const float half = (ImGui::GetContentRegionAvail().x - ImGui::GetStyle().ItemSpacing.x) / 2;
  c.clear = ImGui::Button("Clear", {half, 0});
  ImGui::SameLine();
  c.examples = ImGui::Button("New examples", {half, 0});
  ImGui::PushTextWrapPos(0);
  ImGui::TextDisabled(
      "Draw with the mouse: white is drawn, bright colour what the network finds most likely to follow, thin lines "
      "what else it imagines. It learns your strokes too (%d so far).",
      r.drawn);
  ImGui::PopTextWrapPos();
}

void show_footer(const Readings& r) {
  if (!r.message.empty())
    ImGui::TextWrapped("%s", r.message.c_str());
  else
    ImGui::TextDisabled("%s", r.device.c_str());
  if (r.without.empty() || !ImGui::IsItemHovered()) return;
  std::string text = "Volute does without:";
  for (const std::string& one : r.without) text += "\n" + one;
  ImGui::SetTooltip("%s", text.c_str());
}

}  // namespace

void show_panels(Controls& controls, const Readings& readings) {
  const ImVec2 size = ImGui::GetIO().DisplaySize;
  ImGui::SetNextWindowPos({size.x - panel_width, 0});
  ImGui::SetNextWindowSize({panel_width, size.y});
  ImGui::Begin("panel", nullptr,
               ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoCollapse |
                   ImGuiWindowFlags_NoMove);
  ImGui::TextUnformatted("Volute live_sketch");
  show_loss(readings);
  show_times(controls, readings);
  show_model(controls, readings);
  show_canvas(controls, readings);
  show_footer(readings);
  ImGui::End();
}

void show_marks(const std::vector<Canvas::Entry>& strokes, const View& view) {
  ImDrawList& list = *ImGui::GetBackgroundDrawList();
  for (const Canvas::Entry& entry : strokes) {
    if (entry.points.empty()) continue;
    const Point end = entry.points.back();
    const ImVec2 at = {view.centre[0] + end.x * view.scale[0], view.centre[1] + end.y * view.scale[1]};
    list.AddCircleFilled(at, 5, IM_COL32(255, 255, 255, 255), 20);
  }
  if (!strokes.empty()) return;
  const char* hint = "draw here";
  const ImVec2 extent = ImGui::CalcTextSize(hint);
  list.AddText({view.centre[0] - extent.x / 2, view.centre[1]}, IM_COL32(136, 147, 168, 255), hint);
}

Colour colour_of(std::uint32_t id) {
  static constexpr std::array<Colour, 8> colours = {{{0.38f, 0.66f, 1.00f, 1},
                                                     {1.00f, 0.62f, 0.30f, 1},
                                                     {0.44f, 0.87f, 0.62f, 1},
                                                     {0.97f, 0.46f, 0.60f, 1},
                                                     {0.73f, 0.58f, 1.00f, 1},
                                                     {0.95f, 0.84f, 0.40f, 1},
                                                     {0.33f, 0.87f, 0.89f, 1},
                                                     {0.95f, 0.52f, 0.93f, 1}}};
  return colours[id % colours.size()];
}

Pointer pointer() {
  const ImGuiIO& io = ImGui::GetIO();
  return {ImGui::IsMouseDown(ImGuiMouseButton_Left) && !io.WantCaptureMouse, io.MousePos.x, io.MousePos.y};
}

}  // namespace live_sketch
