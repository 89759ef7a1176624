// Steps, looks, validations, saves.
#include "tools/train/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tools/console/interrupt.hpp"
#include "tools/mistake.hpp"
#include "tools/train/optimizer.hpp"

namespace volute::tool {
namespace {

// Reading a loss waits for the device. One wait in ten steps costs little and is often enough to watch.
constexpr std::int64_t steps_a_look = 10;
constexpr std::int64_t validations_a_run = 20;

std::int64_t steps_of(const Json& training, const Task& task) {
  if (training.contains("steps")) return training["steps"];
  return std::max<std::int64_t>(task.steps(training["epochs"]), 1);
}

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

}  // namespace

Trainer::Trainer(Device& device, const Config& config, Task& task, RunFolder folder,
                 std::shared_ptr<Communicator> ranks)
    : device_(device),
      training_(config.training()),
      task_(task),
      folder_(std::move(folder)),
      ranks_(std::move(ranks)),
      steps_(steps_of(training_, task)),
      schedule_(make_schedule(training_, steps_)),
      program_(compile(device)) {
  program_.seed(training_["seed"]);
  length_ = steps_;
  every_ = training_["validate_every"];
  if (every_ == 0) every_ = std::max<std::int64_t>(1, (steps_ + validations_a_run - 1) / validations_a_run);
  if (training_["schedule"] == "plateau")
    plateau_.emplace(training_["lr"], PlateauOptions{.factor = training_["gamma"],
                                                     .patience = training_["plateau_patience"],
                                                     .least = training_["least_lr"]});
  if (const int patience = training_["early_stopping"]; patience > 0)
    stopping_.emplace(EarlyStoppingOptions{.patience = patience, .keep = task.model().parameters()});
  for (const io::Entry& part : task.model().entries()) checkpoint_.add(part.prefix, *part.module);
  checkpoint_.add("train", program_).add("done", done_).add("length", length_).add("validate_every", every_);
  checkpoint_.add("seconds", seconds_).add("loss_sum", loss_sum_).add("looks", looks_);
  if (plateau_) checkpoint_.add("plateau", *plateau_);
  if (stopping_) checkpoint_.add("stopping", *stopping_);
  if (ranks_) checkpoint_.share(ranks_);
  io::Metadata metadata = describe(config, task);
  metadata["device"] = device.name();
  const double seconds = training_["autosave_seconds"];
  autosave_.emplace(folder_.checkpoint(), checkpoint_,
                    io::AutosaveOptions{.steps = training_["autosave_steps"],
                                        .seconds = seconds > 0 ? seconds : std::numeric_limits<double>::infinity(),
                                        .metadata = std::move(metadata)});
}

Program Trainer::compile(Device& device) {
  const Tensor loss = task_.loss(graph_);
  MinimizeOptions how = make_minimize(training_);
  const std::int64_t batch = training_["batch"];
  // Ranks that have a row more than others count for more. What is accumulated is in the checkpoint, which another number
  // of ranks may go on from: it is weighted whatever their number.
  const data::Shard shard = ranks_ ? data::Shard{ranks_->rank(), ranks_->size()} : data::Shard{};
  if (batch % shard.ranks || how.accumulate > 1) how.weight = graph_.full({}, static_cast<float>(shard.count(batch)));
  loss_ = how.weight ? mean_over_ranks(loss, how.weight) : mean_over_ranks(loss);
  Targets targets = minimize(loss, make_optimizer(training_), how);
  targets.outputs.push_back(loss_);
  return device.compile(graph_, targets, ranks_, {.half = training_["exchange"] == "f16"});
}

void Trainer::resume() {
  const std::int64_t steps = steps_;
  const std::string path = checkpoint_.load(folder_.checkpoint()).path;
  const bool sound = done_ >= 0 && looks_ >= 0 && looks_ <= done_ && every_ >= 1 && length_ >= 1 && seconds_ >= 0;
  if (!sound || !std::isfinite(seconds_)) throw Mistake(path + ": its counters are none that a run can have");
  if (length_ != steps && depends_on_length(training_))
    throw Mistake("training.schedule \"" + training_["schedule"].get<std::string>() + "\" was begun for " +
                  std::to_string(length_) + " steps; the run cannot go on for another number, " +
                  std::to_string(steps));
  if (done_ > steps)
    throw Mistake("training.steps or training.epochs: the run has done " + std::to_string(done_) +
                  " steps already, it cannot end after " + std::to_string(steps));
  length_ = steps;
  resumed_ = true;
}

double Trainer::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

double Trainer::rate_of(std::int64_t step) const { return plateau_ ? plateau_->lr() : schedule_.exact(step); }

void Trainer::look() {
  const double loss = program_.value(loss_);
  last_loss_ = loss;
  if (!std::isfinite(loss) && training_["non_finite"] == "skip") return;  // a skipped step's loss is not the model's
  loss_sum_ += loss;
  ++looks_;
}

std::string Trainer::line(double loss) const {
  const double spent = seconds() - begun_seconds_, made = static_cast<double>(done_ - begun_);
  char text[120];
  std::snprintf(text, sizeof text, "step %lld/%lld  loss %.4f", static_cast<long long>(done_),
                static_cast<long long>(steps_), loss);
  std::string all = text;
  for (const auto& [name, value] : scores_)
    if (name.rfind("naive", 0) != 0)
      all += (name == "loss" ? "  validation " : "  " + name + " ") + short_number(value);
  return all + "  " + grouped(std::llround(made * static_cast<double>(task_.items()) / std::max(spent, 1e-9))) + " " +
         task_.item() + "/s  " + clock_text(spent / made * static_cast<double>(steps_ - done_)) + " left";
}

/// The others of several ranks wait for what the first finds; what they do with it does not ask for names.
void Trainer::evaluate() {
  if (is_first()) scores_ = task_.evaluate(device_, Task::Extent::trend);
  if (!ranks_) return;
  double loss = is_first() ? scores_.front().second : 0;
  ranks_->broadcast(std::as_writable_bytes(std::span(&loss, 1)));
  if (!is_first()) scores_ = {{"loss", loss}};
}

void Trainer::validate(Progress& progress) {
  evaluate();
  mean_ = looks_ > 0 ? loss_sum_ / static_cast<double>(looks_) : last_loss_;
  std::vector<io::Metric> row{{"loss", mean_}};
  for (const auto& [name, value] : scores_) row.emplace_back("validation_" + name, value);
  row.emplace_back("lr", rate_of(done_ - 1));
  row.emplace_back("seconds", std::round(seconds() * 1000) / 1000);
  if (record_) record_->write(done_, row);
  loss_sum_ = 0;
  looks_ = 0;
  if (done_ % every_ == 0) {
    if (plateau_) plateau_->observe(scores_.front().second);
    if (stopping_) stopping_->observe(scores_.front().second);
  }
  progress.report(static_cast<double>(done_) / static_cast<double>(steps_), line(mean_));
}

/// By the user; ranks agree about it where they look at the loss.
bool Trainer::asked_to_stop() const {
  double asked = interrupt_requested();
  if (!ranks_) return asked > 0;
  if (done_ % steps_a_look != 0) return false;
  ranks_->sum({&asked, 1});
  return asked > 0;
}

Trainer::End Trainer::run(Progress& progress) {
  if (is_first()) record_.emplace(folder_, resumed_ ? std::optional(done_) : std::nullopt, progress);
  start_ = std::chrono::steady_clock::now() -
           std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(seconds_));
  begun_ = done_;
  begun_seconds_ = seconds_;
  const auto stopped = [&] { return stopping_ && stopping_->stop(); };
  float rate = -1;
  while (done_ < steps_ && !stopped() && !asked_to_stop()) {
    if (const auto next = static_cast<float>(rate_of(done_)); next != rate) program_.set("lr", rate = next);
    task_.step(program_, done_++);
    const bool validating = due(every_);
    if (validating || done_ % steps_a_look == 0) {
      look();
      progress.update(static_cast<double>(done_) / static_cast<double>(steps_), line(last_loss_));
    }
    if (validating) validate(progress);
    seconds_ = seconds();
    if (autosave_->step()) saved_ = true;
  }
  if (done_ > begun_) {
    seconds_ = seconds();
    saved_ = autosave_->save();
    if (record_) record_->finish();
  }
  const End end = stopped() ? End::stopped_early : done_ == steps_ ? End::finished : End::interrupted;
  if (end == End::finished) look_at_the_last();
  return end;
}

/// A last step between two validations may be the best. The checkpoint, written by now, does not know of this look: a
/// run that is given more steps goes on as if it had not ended here.
void Trainer::look_at_the_last() {
  if (!stopping_ || done_ % every_ == 0) return;
  if (scores_.empty()) evaluate();
  stopping_->observe(scores_.front().second);
}

void Trainer::restore_best() {
  if (stopping_ && stopping_->best_look() >= 0) stopping_->restore();
}

}  // namespace volute::tool
