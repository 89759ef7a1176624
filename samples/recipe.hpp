// What the recipes share: options, a step that ranks make together (mpirun -n 4 music), a loop that keeps to its time,
// and how a result is said, kept and judged.
// Invariant: a recipe exits with 0 only if it has reached the goal it states, or was asked to be --quick. Ranks take
// the same decisions; rank 0 alone judges, tests, prints and writes.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <volute/volute.hpp>

#include "samples/ranks.hpp"

namespace recipe {

/// What every recipe can be told.
struct Options {
  std::string out;         ///< folder for what it leaves to look at
  double seconds = 300;    ///< of training at most
  std::uint32_t seed = 1;  ///< of data, initial values and dropout
  bool quick = false;      ///< three steps, to see that it runs
  samples::Ranks ranks;    ///< of the job, if it was started as one of several

  bool first() const { return samples::is_first(ranks); }
  volute::data::Shard shard() const { return samples::shard_of(ranks); }
  /// The rank's part of a batch of N rows.
  std::int64_t rows(std::int64_t N) const {
    if (shard().ranks > N)
      throw std::runtime_error(std::to_string(shard().ranks) + " ranks share the " + std::to_string(N) +
                               " rows of a batch, and each needs one at least");
    return shard().count(N);
  }
  /// Collective. What rank 0 finds when it looks, on every rank.
  double judge(const std::function<double()>& look) const { return samples::found_by_first(ranks, look); }
  /// A stream of random numbers of this rank's own, for data made as they are needed.
  std::uint64_t own(std::uint64_t stream) const { return stream + 1000 * static_cast<std::uint64_t>(shard().rank); }
};

/// The rank's device.
inline volute::Device open_device(const Options& o) {
  return volute::Device(o.ranks ? volute::device_of(*o.ranks) : "");
}

/// How many targets are not the one that is ignored. []
inline volute::Tensor count(volute::Tensor targets, std::uint32_t ignored) {
  volute::Graph g = volute::graph_of(targets);
  return volute::sum(1.0f - volute::equal(targets, g.full_u32({}, ignored)));
}

/// A program and the number that is read of it.
struct Step {
  volute::Tensor loss;  ///< in training of the whole batch
  volute::Program program;

  /// A training step of all ranks together, each with its part of the batch. `its` is the rank's loss, the mean over so
  /// many samples ([] f32), finite if there are none.
  static Step make(const Options& o, volute::Device& device, volute::Tensor its, volute::Tensor samples,
                   const volute::Optimizer& optimizer, volute::MinimizeOptions how = {}) {
    volute::Tensor loss = its;
    if (o.ranks) loss = volute::mean_over_ranks(its, how.weight = samples);
    volute::Targets targets = volute::minimize(its, optimizer, how);
    if (o.ranks) targets.outputs.push_back(loss);
    return {loss, device.compile(volute::graph_of(its), targets, o.ranks)};
  }
  /// The same of a mean over rows.
  static Step make(const Options& o, volute::Device& device, volute::Tensor its, std::int64_t rows,
                   const volute::Optimizer& optimizer, volute::MinimizeOptions how = {}) {
    volute::Graph g = volute::graph_of(its);
    return make(o, device, its, g.full({}, static_cast<float>(rows)), optimizer, std::move(how));
  }
  float value() { return program.value(loss); }
};

/// Said in one line and kept as a row of a Markdown table.
struct Result {
  std::string metric;         ///< what was measured, on what was not trained on
  double value = 0, goal = 0; ///< reached, and to be reached
  std::string baseline;       ///< what it is held against
  double baseline_value = 0;  ///< the same metric of that
  bool higher = true;         ///< whether more is better
};

/// Counts the steps of a training until they are done or its time is up.
///   for (recipe::Training training(o, 2000); training.next();) {
///     step.program.run(...);
///     if (training.due(100)) training.say("loss %.4f", step.value());
///   }
class Training {
 public:
  Training(const Options& options, std::int64_t steps)
      : options_(options), steps_(options.quick ? std::min<std::int64_t>(steps, 3) : steps) {}

  /// Collective. Whether there is one more step to make, by rank 0's clock.
  bool next() {
    if (step_ >= steps_) return false;
    spent_ = options_.judge([&] { return elapsed(); });
    if (spent_ >= options_.seconds) return false;
    ++step_;
    return true;
  }
  std::int64_t step() const { return step_; }  ///< the first is 1
  /// Of the steps, or of the time if that runs out first; 0 to 1.
  double progress() const {
    const double steps = static_cast<double>(step_) / static_cast<double>(steps_);
    return std::min(1.0, std::max(steps, spent_ / options_.seconds));
  }
  /// Every so many steps, and at the last.
  bool due(std::int64_t every) const { return step_ % every == 0 || step_ == steps_; }
  double elapsed() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  /// A line with the step and the time before it.
  template <class... Values>
  void say(const char* format, Values... values) const {
    std::printf("step %5lld/%lld  %6.1f s  ", static_cast<long long>(step_), static_cast<long long>(steps_), elapsed());
    std::printf(format, values...);
    std::printf("\n");
    std::fflush(stdout);
  }

 private:
  Options options_;
  std::int64_t steps_, step_ = 0;
  double spent_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Path of a file in the folder for what is left to look at.
inline std::string path(const Options& options, const std::string& file) {
  return (std::filesystem::path(options.out) / file).string();
}

/// Says the result, keeps it in "result.md", behind what is there if it is one `more`, and gives the exit status.
inline int finish(const Options& options, const Result& r, double trained_seconds, bool more = false) {
  const bool reached = r.higher ? r.value >= r.goal : r.value <= r.goal;
  std::printf("%s %.4g (goal: %s %.4g; %s: %.4g) after %.0f s of training\n", r.metric.c_str(), r.value,
              r.higher ? "at least" : "at most", r.goal, r.baseline.c_str(), r.baseline_value, trained_seconds);
  char row[512];
  std::snprintf(row, sizeof row, "| %s | %.4g | %s %.4g | %.4g: %s | %.0f s |\n", r.metric.c_str(), r.value,
                r.higher ? "≥" : "≤", r.goal, r.baseline_value, r.baseline.c_str(), trained_seconds);
  std::ofstream(path(options, "result.md"), more ? std::ios::app : std::ios::trunc) << row;
  if (!reached && !options.quick) std::fprintf(stderr, "the goal was not reached\n");
  return reached || options.quick ? 0 : 1;
}

/// Parses the command line, seeds, and runs; mistakes of the user's end with 2, errors with a message and 1.
/// `more` adds options of the recipe's own.
inline int main(int argc, char** argv, const std::string& about, const std::function<int(const Options&)>& run,
                const std::function<void(CLI::App&)>& more = {}) {
  Options o;
  const std::string name = std::filesystem::path(argv[0]).filename().string();
  o.out = name + "-out";
  CLI::App app(about, name);
  app.add_option("--out", o.out, "folder for what it leaves to look at")->capture_default_str();
  app.add_option("--seconds", o.seconds, "of training at most")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--seed", o.seed, "of data, initial values and dropout")->capture_default_str();
  app.add_flag("--quick", o.quick, "three steps, to see that it runs; the goal is not judged");
  if (more) more(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    o.ranks = samples::ranks_of_job();
    if (!o.first() && !std::freopen("/dev/null", "w", stdout)) throw std::runtime_error("/dev/null does not open");
    if (o.ranks) std::printf("ranks: %d share every batch\n", o.ranks->size());
    if (o.first()) std::filesystem::create_directories(o.out);
    volute::manual_seed(o.seed);
    const int status = run(o);
    if (o.ranks) o.ranks->barrier();  // rank 0 has more to do
    return status;
  } catch (const std::exception& error) {
    const std::string rank = o.ranks ? "rank " + std::to_string(o.ranks->rank()) + ": " : "";
    std::fprintf(stderr, "%s: %s%s\n", name.c_str(), rank.c_str(), error.what());
    if (o.ranks) o.ranks->abort(1);  // the others may wait for this one
    return 1;
  }
}

}  // namespace recipe
