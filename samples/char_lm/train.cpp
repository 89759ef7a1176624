// Truncated BPTT over contiguous streams: state is carried from batch to batch and set to zero where
// the streams start over.
#include "samples/char_lm/train.hpp"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <limits>

namespace char_lm {
namespace {

// Reading a loss waits for the device. One wait in ten steps costs little and is often enough to watch.
constexpr std::int64_t steps_a_look = 10;
constexpr std::int64_t reports_a_run = 20;
// Validation during training is a trend, not a result.
constexpr std::int64_t pieces_a_report = 8;

volatile std::sig_atomic_t stop = 0;

}  // namespace

void catch_interrupt() {
  struct sigaction action {};
  action.sa_handler = [](int) { stop = 1; };
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);  // what mpirun and schedulers send
}

bool interrupted() { return stop != 0; }

Trainer::Trainer(volute::Device& device, const Model& model, const Corpus& corpus, const Options& o,
                 volute::io::Metadata description, const samples::Ranks& ranks)
    : options_(o),
      ranks_(ranks),
      shard_(samples::shard_of(ranks)),
      streams_(corpus.train, o.length, o.batch, 0, shard_),
      states_(model.cell->name() + "."),
      program_(compile(device, model)),
      start_(std::chrono::steady_clock::now()) {
  if (samples::is_first(ranks)) validation_.emplace(device, model, corpus.validation, o.length, o.batch);
  program_.seed(static_cast<std::uint32_t>(o.seed));
  if (o.checkpoint.empty()) return;
  for (const volute::io::Entry& part : model.entries()) checkpoint_.add(part.prefix, *part.module);
  checkpoint_.add("train", program_).add("done", done_).add("seconds", seconds_);
  checkpoint_.add("loss_sum", loss_sum_).add("looks", looks_);
  checkpoint_.add("reported", reported_).add("reported_at", reported_at_);
  if (ranks_) checkpoint_.share(ranks_);
  const bool by_time = o.autosave_seconds > 0;
  autosave_.emplace(o.checkpoint, checkpoint_,
                    volute::io::AutosaveOptions{
                        .steps = o.autosave_steps,
                        .seconds = by_time ? o.autosave_seconds : std::numeric_limits<double>::infinity(),
                        .metadata = std::move(description)});
}

void Trainer::resume() {
  const std::string path = checkpoint_.load(options_.checkpoint).path;
  const auto check = [&](const char* name, auto value, auto most) {
    if (!(value >= 0 && value <= most))  // false for nan
      throw volute::BadFile(path + ": '" + name + "' is " + std::to_string(value) + ", it must be from 0 to " +
                            std::to_string(most));
  };
  check("done", done_, most_steps);
  check("seconds", seconds_, 1e9);
  check("looks", looks_, done_);
  check("reported", reported_, done_);
  check("reported_at", reported_at_, seconds_);
  saved_ = true;
}

volute::Program Trainer::compile(volute::Device& device, const Model& model) {
  const std::int64_t N = shard_.count(options_.batch);
  x_ = g_.input("x", {options_.length, N}, volute::DType::u32);
  y_ = g_.input("y", {options_.length, N}, volute::DType::u32);
  const volute::Tensor loss = volute::cross_entropy(model.logits(g_, x_), y_);
  volute::MinimizeOptions how;
  // Ranks that have a row more than others count for more.
  if (options_.batch % shard_.ranks) how.weight = g_.full({}, static_cast<float>(N));
  loss_ = how.weight ? volute::mean_over_ranks(loss, how.weight) : volute::mean_over_ranks(loss);
  if (options_.clip > 0) how.clip_norm = static_cast<float>(options_.clip);
  if (options_.precision == "f16") how.precision = volute::Precision::f16;
  if (options_.precision == "bf16") how.precision = volute::Precision::bf16;
  if (options_.non_finite == "warn") how.non_finite = volute::NonFinite::warn;
  if (options_.non_finite == "skip") how.non_finite = volute::NonFinite::skip;
  if (options_.non_finite == "stop") how.non_finite = volute::NonFinite::stop;
  volute::Targets targets = volute::minimize(loss, volute::Adam{.lr = static_cast<float>(options_.lr)}, how);
  if (how.clip_norm) norm_ = targets.outputs.at(1);
  targets.outputs.push_back(loss_);
  return device.compile(g_, targets, ranks_);
}

void Trainer::step(std::int64_t i) {
  if (i > 0 && i % streams_.pieces() == 0) program_.reset(states_);
  const volute::data::Batch batch = streams_.batch(i);
  program_.run({{x_, batch.x}, {y_, batch.y}});
}

void Trainer::look(std::int64_t done) {
  const double loss = program_.value(loss_);
  if (std::isfinite(loss) || options_.non_finite != "skip") {  // a skipped step's loss is not the model's
    loss_sum_ += loss;
    ++looks_;
  }
  report_.step = done;
  report_.last_loss = loss;
  if (norm_) report_.gradient_norm = program_.value(norm_);
  report_.loss = loss_sum_ / static_cast<double>(looks_);
  report_.seconds = seconds();
  const double tokens = static_cast<double>((done - reported_) * options_.batch * options_.length);
  report_.tokens_per_second = tokens / std::max(report_.seconds - reported_at_, 1e-9);
}

double Trainer::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

double Trainer::seconds_left(std::int64_t done) const {
  const double spent = seconds();
  const double steps = spent / static_cast<double>(done) * static_cast<double>(options_.steps - done);
  return options_.max_seconds > 0 ? std::min(steps, options_.max_seconds - (spent - before_)) : steps;
}

double Trainer::validate(std::int64_t pieces) {
  return samples::found_by_first(ranks_, [&] { return validation_->loss(pieces); });
}

void Trainer::report(std::int64_t done, Progress& progress) {
  report_.validation_loss = validate(pieces_a_report);
  progress.report(report_, seconds_left(done));
  begin_report(done);
}

/// What is summed up from here on is the next report's.
void Trainer::begin_report(std::int64_t done) {
  reported_ = done;
  reported_at_ = seconds();
  loss_sum_ = 0;
  looks_ = 0;
}

/// Before a look that only the end of this run makes: one that goes on from here has none either.
void Trainer::save_if_due(bool stopping) {
  if (!autosave_) return;
  seconds_ = seconds();
  saved_ = stopping ? autosave_->save() : autosave_->step();
}

/// By the user or the time; ranks agree about it where they look at the loss.
bool Trainer::asked_to_stop() const {
  double asked = interrupted() || (options_.max_seconds > 0 && seconds() - before_ >= options_.max_seconds);
  if (!ranks_) return asked > 0;
  if (done_ % steps_a_look != 0) return false;
  ranks_->sum({&asked, 1});
  return asked > 0;
}

void Trainer::run(Progress& progress) {
  const auto begin = std::chrono::steady_clock::now();
  const std::chrono::duration<double> spent(seconds_);
  start_ = begin - std::chrono::duration_cast<std::chrono::steady_clock::duration>(spent);
  before_ = seconds_;
  const std::int64_t steps_a_report = std::max<std::int64_t>(1, (options_.steps + reports_a_run - 1) / reports_a_run);
  bool stopping = false;
  while (done_ < options_.steps && !stopping) {
    step(done_++);
    stopping = done_ == options_.steps || asked_to_stop();
    const bool reporting = done_ % steps_a_report == 0, looking = reporting || done_ % steps_a_look == 0;
    if (looking) {
      look(done_);
      progress.look(report_, seconds_left(done_));
    }
    // The last report is the caller's: it follows the whole validation text.
    if (reporting) stopping ? begin_report(done_) : report(done_, progress);
    save_if_due(stopping);
    if (stopping && !looking) look(done_);
  }
}

}  // namespace char_lm
