// One frame after the other.
#include "samples/live_sketch/app.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>

namespace live_sketch {

namespace interop = volute::interop;

namespace {

constexpr std::size_t shown_frames = 240;
constexpr Colour white = {0.93f, 0.95f, 1.0f, 1};

/// x, y, alpha, age: what programs write and the renderer reads.
using Vertex = std::array<float, 4>;

VkDeviceSize slot_bytes(const ModelOptions& o) {
  return static_cast<VkDeviceSize>(o.prefixes) * Canvas::max_points * sizeof(Vertex);
}

View view_of(VkExtent2D extent) {
  const float width = static_cast<float>(extent.width) - panel_width, height = static_cast<float>(extent.height);
  const float scale = std::min(width, height) / 2;
  return {{width / 2, height / 2}, {scale, scale}};
}

}  // namespace

App::App(const Options& options, Context& context, Target& target, Window* window)
    : options_(options),
      context_(context),
      target_(target),
      window_(window),
      gui_(context, target, window),
      renderer_(context, target),
      frames_(context),
      canvas_(static_cast<int>(options.model.prefixes), options.model.seed),
      stroke_vertices_(context, slot_bytes(options.model) * frames_in_flight, VK_BUFFER_USAGE_VERTEX_BUFFER_BIT),
      shot_(context),
      controller_(context, frames_, canvas_, options.model, options.save, options.load) {
  controls_.budget_ms = static_cast<float>(options.budget_ms);
}

App::~App() { context_.fn.vkDeviceWaitIdle(context_.device); }

Report App::run() {
  last_frame_ = Clock::now();
  const Counts before = counts();
  for (std::uint64_t drawn = 0; options_.frames == 0 || drawn < options_.frames;) {
    if (window_) window_->poll();
    if (window_ && window_->closing()) break;
    if (frame()) ++drawn;
  }
  report_.counts = counts() - before;
  report_.steps = controller_.learner().steps();
  report_.continuations = controller_.learner().continuations();
  report_.loss_reads = static_cast<std::int64_t>(controller_.learner().losses().size());
  const Report report = report_;
  if (options_.save_at_end) controller_.learner().save(options_.save);
  if (!options_.shot.empty()) write_shot();
  frames_.drain();
  return report;
}

bool App::frame(bool shot) {
  frames_.make_room();
  const std::optional<TargetImage> image = target_.acquire(frames_.slot());
  if (!image) return false;
  view_ = view_of(image->extent);
  show(image->extent);
  record(frames_.begin(), *image, shot);
  std::vector<interop::SemaphorePoint> waits;
  if (const auto& drawable = controller_.learner().drawable()) waits = drawable->ready;
  frames_.submit(*image, waits);
  target_.present(*image);
  controller_.apply(controls_);
  const Clock::time_point start = Clock::now();
  controller_.learner().advance(static_cast<double>(controls_.budget_ms) * 1e-3, canvas_);
  const Clock::time_point end = Clock::now();
  report_.advance_ms.push_back(std::chrono::duration<float, std::milli>(end - start).count());
  note_time(Clock::now());
  return true;
}

void App::note_time(Clock::time_point now) {
  frame_seconds_ = std::chrono::duration<double>(now - last_frame_).count();
  last_frame_ = now;
  const double ms = frame_seconds_ * 1e3;
  smooth_frame_ms_ = smooth_frame_ms_ == 0 ? ms : smooth_frame_ms_ + 0.1 * (ms - smooth_frame_ms_);
  report_.frame_ms.push_back(static_cast<float>(ms));
  frame_times_.push_back(static_cast<float>(ms));
  if (frame_times_.size() > shown_frames) frame_times_.pop_front();
  const std::int64_t steps = controller_.learner().steps();
  if (!step_times_.empty() && steps < step_times_.back().second) step_times_.clear();  // the model is new
  step_times_.emplace_back(now, steps);
  if (step_times_.size() > shown_frames) step_times_.pop_front();
}

void App::show(VkExtent2D extent) {
  gui_.begin(extent, frame_seconds_);
  show_panels(controls_, readings());
  follow_pointer();
  show_marks(canvas_.strokes(), view_);
}

Readings App::readings() const {
  const Learner& learner = controller_.learner();
  Readings r;
  r.device = context_.name;
  r.message = controller_.message();
  r.without = context_.volute().info().without;
  r.losses = &learner.losses();
  r.steps = learner.steps();
  r.weights = learner.weights();
  r.cell = learner.options().cell;
  r.drawn = controller_.drawn();
  r.fraction = learner.fraction();
  r.step_ms = learner.step_seconds() * 1e3;
  r.continuation_ms = learner.continuation_seconds() * 1e3;
  if (step_times_.size() > 1) {
    const auto& [first, steps] = step_times_.front();
    const double seconds = std::chrono::duration<double>(step_times_.back().first - first).count();
    r.steps_per_second = static_cast<double>(step_times_.back().second - steps) / std::max(seconds, 1e-6);
  }
  r.frame_ms = smooth_frame_ms_;
  r.frame_times = &frame_times_;
  r.can_load = std::filesystem::exists(options_.save);
  return r;
}

void App::follow_pointer() {
  const Pointer at = pointer();
  const Point point = {(at.x - view_.centre[0]) / view_.scale[0], (at.y - view_.centre[1]) / view_.scale[1]};
  if (const auto ended = canvas_.pen(at.down, point)) controller_.learn(*ended);
}

void App::record(VkCommandBuffer commands, const TargetImage& image, bool shot) {
  const auto& drawable = controller_.learner().drawable();
  constexpr VkPipelineStageFlags stage = VK_PIPELINE_STAGE_VERTEX_INPUT_BIT;
  constexpr VkAccessFlags access = VK_ACCESS_VERTEX_ATTRIBUTE_READ_BIT;
  // One family, or one that shares the buffer: barriers, no change of owner.
  if (drawable)
    interop::record_acquire(context_.volute(), commands, drawable->vertices, VK_QUEUE_FAMILY_IGNORED, stage, access);
  renderer_.begin(commands, image, view_);
  draw_continuations();
  draw_strokes();
  gui_.draw(commands);
  renderer_.end();
  if (drawable)
    interop::record_release(context_.volute(), commands, drawable->vertices, VK_QUEUE_FAMILY_IGNORED, stage, access);
  if (shot) shot_.record(commands, target_, image);
}

void App::draw_continuations() {
  const auto& drawable = controller_.learner().drawable();
  if (!drawable) return;
  const ModelOptions& o = controller_.learner().options();
  const auto samples = static_cast<std::uint32_t>(o.samples), points = static_cast<std::uint32_t>(o.points);
  for (std::uint32_t k = 0; k < drawable->ids.size(); ++k) {
    const auto& strokes = canvas_.strokes();
    const bool there = std::any_of(strokes.begin(), strokes.end(),
                                   [&](const Canvas::Entry& entry) { return entry.id == drawable->ids[k]; });
    if (!there) continue;
    Colour young = colour_of(drawable->ids[k]), old = young;
    for (std::uint32_t s = samples; s-- > 0;) {
      const bool likeliest = s == 0;
      young[3] = likeliest ? 1.0f : 0.45f;
      old[3] = likeliest ? 0.35f : 0.08f;
      const Look look{likeliest ? 2.2f : 0.9f, likeliest ? 9.0f : 0.0f, young, old};
      renderer_.draw({drawable->vertices.buffer, drawable->vertices.offset, (k * samples + s) * points, points}, look);
    }
  }
}

void App::draw_strokes() {
  auto* vertices = static_cast<Vertex*>(stroke_vertices_.mapped()) +
                   frames_.slot() * slot_bytes(options_.model) / sizeof(Vertex);
  const VkDeviceSize offset = frames_.slot() * slot_bytes(options_.model);
  std::uint32_t first = 0;
  for (const Canvas::Entry& entry : canvas_.strokes()) {
    for (std::size_t i = 0; i < entry.points.size(); ++i)
      vertices[first + i] = {entry.points[i].x, entry.points[i].y, 1, 0};
    const auto count = static_cast<std::uint32_t>(entry.points.size());
    renderer_.draw({stroke_vertices_.handle(), offset, first, count}, {2.2f, 0, white, white});
    first += count;
  }
}

void App::write_shot() {
  while (!frame(true)) {
    if (!window_) continue;
    window_->poll();
    if (window_->closing()) return;
  }
  frames_.drain();
  shot_.write(options_.shot);
}

}  // namespace live_sketch
