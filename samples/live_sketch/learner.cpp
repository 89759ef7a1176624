// The schedule: a training step, then the continuations of what is on the canvas, each in parts that fit the frames.
#include "samples/live_sketch/learner.hpp"

#include <limits>

namespace live_sketch {

namespace interop = volute::interop;

namespace {

/// A loss is read every so many steps: often enough for a curve.
constexpr std::int64_t loss_interval = 4;

/// Between continuations that differ by what was learned only. Each draws new random numbers: faster, they flicker.
constexpr std::chrono::milliseconds rhythm(300);

}  // namespace

Learner::Learner(Context& context, const Frames& frames, TrainingSet& strokes, const ModelOptions& options,
                 const std::string& load)
    : context_(context), frames_(frames), model_(context.volute(), options), strokes_(strokes) {
  if (!load.empty()) model_.load(load);
  for (std::size_t i = 0; i < turns_.size(); ++i) {
    Turn& turn = turns_[i];
    turn.program = &model_.continuation(i);
    // Bound to where it is: the output stays on the device, and no copy of it is made there either.
    turn.vertices = interop::slice(*turn.program, model_.points());
    interop::bind(*turn.program, model_.points(), turn.vertices);
  }
}

void Learner::Cost::add(const volute::Progress& progress) {
  running += progress.seconds;
  if (!progress.finished) return;
  last = running;
  running = 0;
}

bool Learner::done(const volute::Program& program, std::uint64_t frame) const {
  if (!context_.timeline) return frame == 0 || frames_.done() > frame;  // one queue: a later frame is done after it
  const interop::SemaphorePoint point = interop::completion(program);
  if (!point.semaphore) return true;
  std::uint64_t reached = 0;
  check(context_.fn.vkGetSemaphoreCounterValue(context_.device, point.semaphore, &reached),
        "vkGetSemaphoreCounterValue");
  return reached >= point.value;
}

void Learner::advance(double budget, const Canvas& canvas) {
  show_if_done();
  while (budget > 0) {
    const bool between_steps = !model_.train().in_step();
    const bool continuing = turns_[back_].program->in_step() ||
                            ((between_steps || canvas.drawing()) && begin_continuation(canvas));
    const double used = continuing ? advance_continuation(budget) : advance_training(budget);
    if (used <= 0) return;
    budget -= used;
  }
}

/// After a step of training or a change on the canvas, if the other turn's vertices are no longer drawn.
bool Learner::begin_continuation(const Canvas& canvas) {
  Turn& turn = turns_[back_];
  const auto now = std::chrono::steady_clock::now();
  const bool learned = stepped_ && now >= continued_at_ + rhythm;
  if (turn.computed || (!learned && continued_version_ == canvas.version())) return false;
  std::vector<Stroke> strokes;
  turn.ids.clear();
  for (const Canvas::Entry& entry : canvas.strokes()) {
    strokes.push_back(entry.points);
    turn.ids.push_back(entry.id);
  }
  turn.program->set("temperature", temperature_);
  turn.program->begin(model_.prefixes(strokes));
  continued_version_ = canvas.version();
  continued_at_ = now;
  stepped_ = false;
  return true;
}

double Learner::advance_continuation(double budget) {
  Turn& turn = turns_[back_];
  // Frames that draw what this turn had before read the buffer it is about to write.
  const volute::Progress progress = interop::advance(*turn.program, std::chrono::duration<double>(budget),
                                                     {.wait = frames_.point(), .signal = {}});
  continuing_.add(progress);
  turn.frame = frames_.submitted();
  turn.computed = progress.finished;
  return progress.finished || progress.submissions > 0 ? progress.seconds : 0;
}

/// Swaps the turns once the vertices computed are there, so that drawing them waits for nothing.
void Learner::show_if_done() {
  Turn& turn = turns_[back_];
  if (!turn.computed || !done(*turn.program, turn.frame)) return;
  turn.computed = false;
  ++continuations_;
  drawable_ = Drawable{turn.vertices, turn.ids, {}};
  if (context_.timeline) {
    interop::SemaphorePoint point = interop::completion(*turn.program);
    point.stages = VK_PIPELINE_STAGE_VERTEX_INPUT_BIT;
    drawable_->ready.push_back(point);
  }
  back_ = 1 - back_;
}

double Learner::advance_training(double budget) {
  volute::Program& train = model_.train();
  if (!train.in_step()) {
    // Feeding the next step earlier would wait for the device to take what this one was fed.
    if (!done(train, step_frame_)) return 0;
    if (loss_due_) read_loss();
    if (!training_) return 0;
    train.begin(model_.batch(strokes_));
  }
  const volute::Progress progress = train.advance(std::chrono::duration<double>(budget));
  step_.add(progress);
  step_frame_ = frames_.submitted();
  fraction_ = progress.fraction;
  if (progress.finished) {
    ++steps_;
    stepped_ = true;
    loss_due_ = steps_ % loss_interval == 0;
  }
  return progress.submissions > 0 ? progress.seconds : 0;
}

/// The one value that comes to the host: of a step that is done, so that nothing waits for it.
void Learner::read_loss() {
  losses_.push_back(model_.train().value(model_.loss()));
  loss_due_ = false;
}

void Learner::temperature(float value) {
  stepped_ = stepped_ || value != temperature_;
  temperature_ = value;
}

/// Parameters change between steps only. What has begun ends as in any frame, only at once.
void Learner::finish() {
  constexpr double all = std::numeric_limits<double>::infinity();
  while (model_.train().in_step()) {
    model_.train().wait();  // parts of the step before may be under way
    advance_training(all);
  }
  while (turns_[back_].program->in_step()) {
    turns_[back_].program->wait();
    advance_continuation(all);
  }
}

void Learner::reset() {
  finish();
  model_.reset();
  losses_.clear();
  steps_ = 0;
  fraction_ = 0;
  loss_due_ = false;
  stepped_ = true;
}

void Learner::save(const std::string& path) {
  finish();
  model_.save(path);
}

void Learner::load(const std::string& path) {
  finish();
  model_.load(path);
  stepped_ = true;
}

}  // namespace live_sketch
