// Buttons and settings, one after the other.
#include "samples/live_sketch/controller.hpp"

namespace live_sketch {
namespace {

constexpr std::chrono::seconds message_time(6);

}  // namespace

Controller::Controller(Context& context, Frames& frames, Canvas& canvas, ModelOptions options, std::string file,
                       const std::string& load)
    : context_(context), frames_(frames), canvas_(canvas), file_(std::move(file)), strokes_(options.seed) {
  rebuild(load.empty() ? options : read_options(load, options), load);
}

void Controller::rebuild(const ModelOptions& options, const std::string& load) {
  auto made = std::make_unique<Learner>(context_, frames_, strokes_, options, load);
  frames_.drain();  // frames draw what the old one has computed
  learner_ = std::move(made);
}

void Controller::apply(const Controls& controls) {
  try {
    press(controls);
  } catch (const volute::BadFile& error) {
    say(error.what());
  }
  strokes_.generated(controls.generated);
  learner_->training(controls.training);
  learner_->temperature(controls.temperature);
}

void Controller::press(const Controls& controls) {
  if (controls.clear || controls.examples || controls.reset) say("");
  if (controls.clear) {
    canvas_.clear();
    strokes_.clear();
  }
  if (controls.examples) canvas_.examples();
  if (controls.cell && *controls.cell != learner_->options().cell) {
    ModelOptions asked = learner_->options();
    asked.cell = *controls.cell;
    rebuild(asked, "");
    say("");
  }
  if (controls.reset) learner_->reset();
  if (controls.save) {
    learner_->save(file_);
    say("saved: " + file_);
  }
  if (controls.load) load();
}

void Controller::load() {
  const ModelOptions &now = learner_->options(), stored = read_options(file_, now);
  if (stored.cell == now.cell && stored.hidden == now.hidden && stored.mixtures == now.mixtures)
    learner_->load(file_);
  else
    rebuild(stored, file_);
  say("loaded: " + file_);
}

void Controller::say(std::string message) {
  message_ = std::move(message);
  said_at_ = std::chrono::steady_clock::now();
}

std::string Controller::message() const {
  return std::chrono::steady_clock::now() < said_at_ + message_time ? message_ : "";
}

}  // namespace live_sketch
