// `volute simulate-scale`: how a config's training would do on many ranks, from a measured step and a stated network;
// in a job of several ranks, what they really do beside it.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include "tools/commands/commands.hpp"
#include "tools/console/progress.hpp"
#include "tools/job.hpp"
#include "tools/scale/model.hpp"
#include "tools/tasks/task.hpp"
#include "tools/timing.hpp"
#include "tools/train/optimizer.hpp"

namespace volute::tool {
namespace {

struct ScaleArguments {
  std::string config, device;
  std::vector<std::string> settings;
  double latency = 50, bandwidth = 1000;
  std::vector<int> ranks{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
  int devices = 0, steps = 12;
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Two ranks of which there is one: what the other sends is 0, or the same. A step exchanges with it as with any, but
/// for the time it takes.
class Alone : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 2; }
  void all_to_all(std::span<const std::span<const std::byte>>, std::span<const std::span<std::byte>> receive) override {
    std::fill(receive[1].begin(), receive[1].end(), std::byte{0});
  }
  void all_gather(std::span<const std::span<std::byte>> blocks) override {
    const std::size_t both = std::min(blocks[0].size(), blocks[1].size());
    if (both) std::memcpy(blocks[1].data(), blocks[0].data(), both);
  }
};

/// A config's training step.
class Step {
 public:
  Step(const Config& config, Device& device, std::shared_ptr<Communicator> ranks)
      : task_(make_task(config, {})), program_(compile(config, device, std::move(ranks))) {}

  /// Makes step i, the first of which get everything ready.
  void run(std::int64_t i) {
    const auto start = Clock::now();
    task_->step(program_, i);
    program_.wait();
    if (i >= warm_up) times_.push_back(since(start));
  }
  static constexpr int warm_up = 4;
  /// The median.
  double seconds() const { return median(times_); }
  const ProgramStats& stats() const { return program_.stats(); }

 private:
  Program compile(const Config& config, Device& device, std::shared_ptr<Communicator> ranks) {
    const Tensor loss = task_->loss(graph_);
    return device.compile(graph_, minimize(loss, make_optimizer(config.training()), make_minimize(config.training())),
                          std::move(ranks), {.half = config.training()["exchange"] == "f16"});
  }

  std::unique_ptr<Task> task_;
  Graph graph_;
  Program program_;
  std::vector<double> times_;
};

StepProfile profile_of(const Step& step, const Config& config) {
  StepProfile profile;
  profile.seconds = step.seconds();
  profile.buckets = step.stats().buckets;
  profile.device_seconds = std::min(step.stats().device_seconds, profile.seconds);
  if (config.training()["exchange"] == "f16") profile.bytes_factor = 0.5;
  return profile;
}

/// Of the job's own ranks: latency by exchanges of nothing much, bandwidth by large ones.
Network network_of(Communicator& ranks) {
  const auto time = [&](std::size_t bytes, int repeats) {
    std::vector<std::byte> own(bytes), all(bytes * static_cast<std::size_t>(ranks.size()));
    std::vector<std::span<const std::byte>> send;
    std::vector<std::span<std::byte>> receive;
    for (int r = 0; r < ranks.size(); ++r) {
      send.emplace_back(own);
      receive.push_back(std::span(all).subspan(bytes * static_cast<std::size_t>(r), bytes));
    }
    std::vector<double> times;
    for (int i = 0; i < repeats; ++i) {
      ranks.barrier();
      const auto start = Clock::now();
      ranks.all_to_all(send, receive);
      times.push_back(since(start));
    }
    return median(std::move(times));
  };
  Network network;
  constexpr std::size_t large = 4 << 20;
  double figures[] = {time(8, 30), time(large, 9)};
  const double others = ranks.size() - 1;
  network.message_seconds = 0;  // part of the latency that is measured
  network.latency = figures[0];
  network.bandwidth = others * large / std::max(figures[1] - figures[0], 1e-6);
  return network;
}

std::string text_of(double value, const char* format) {
  char text[48];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

void print_predictions(const ScaleArguments& a, const StepProfile& profile, const Network& network) {
  std::vector<Row> rows{{"ranks", "step", "efficiency", "without overlap", "efficiency", "exchange"}};
  const double one = predict(profile, 1, network, a.devices).seconds;
  for (const int ranks : a.ranks) {
    const Prediction p = predict(profile, ranks, network, a.devices);
    rows.push_back({std::to_string(ranks), text_of(1e3 * p.seconds, "%.1f ms"), text_of(100 * one / p.seconds, "%.0f %%"),
                    text_of(1e3 * p.without_overlap, "%.1f ms"), text_of(100 * one / p.without_overlap, "%.0f %%"),
                    text_of(1e3 * p.exchange, "%.1f ms")});
  }
  print_table(rows);
}

void check(const ScaleArguments& a) {
  if (!(a.latency >= 0) || !(a.bandwidth > 0)) throw Mistake("--latency must not be negative, --bandwidth must be above 0");
  if (a.devices < 0 || a.steps < 1) throw Mistake("--devices must not be negative, --steps must be 1 at least");
  for (const int ranks : a.ranks)
    if (ranks < 1 || ranks > 65536) throw Mistake("--ranks: " + std::to_string(ranks) + " is not from 1 to 65536");
}

int simulate(ScaleArguments a) {
  check(a);
  const Config config = Config::load(a.config, a.settings);
  const std::shared_ptr<Communicator> ranks = job();
  const bool first = !ranks || ranks->rank() == 0;
  if (!first) Console::get().quiet = true;
  Device device = open_device(a.device.empty() && ranks ? device_of(*ranks) : a.device);
  Progress progress;
  // The first rank's steps alone and those of all take turns, so that a slow minute of the machine is in both.
  std::optional<Step> alone, together;
  if (first) alone.emplace(config, device, std::make_shared<Alone>());
  if (ranks) together.emplace(config, device, ranks);
  for (int i = 0; i < a.steps + Step::warm_up; ++i) {
    progress.update(static_cast<double>(i) / (a.steps + Step::warm_up), "measuring");
    if (alone) alone->run(i);
    if (ranks) ranks->barrier();
    if (together) together->run(i);
  }
  Network network{.latency = a.latency * 1e-6, .bandwidth = a.bandwidth * 1e6};
  if (ranks) {
    network = network_of(*ranks);
    a.ranks = {1, ranks->size()};
  }
  progress.clear();
  if (!first) return done;
  const StepProfile profile = profile_of(*alone, config);
  double bytes = 0;
  for (const ProgramStats::Bucket& bucket : profile.buckets) bytes += static_cast<double>(bucket.bytes);
  std::printf("on one %s: a step of %.1f ms, %.1f of them the device's; %.2f MB of gradients in %zu buckets\n",
              device.name().c_str(), 1e3 * profile.seconds, 1e3 * profile.device_seconds,
              bytes * profile.bytes_factor / 1e6, profile.buckets.size());
  std::printf("network: %.0f us, %.0f MB/s%s; every rank has a batch of %s\n\n", 1e6 * network.latency,
              network.bandwidth / 1e6, ranks ? ", measured between the ranks of this job" : "",
              config.training()["batch"].dump().c_str());
  print_predictions(a, profile, network);
  if (ranks) {
    const double predicted = predict(profile, ranks->size(), network, a.devices).seconds, measured = together->seconds();
    std::printf("\nmeasured with %d ranks: %.1f ms, predicted is %+.0f %%\n", ranks->size(), 1e3 * measured,
                100 * (predicted / measured - 1));
  }
  return done;
}

}  // namespace

Command add_simulate_scale(CLI::App& app) {
  auto a = std::make_shared<ScaleArguments>();
  CLI::App* command = app.add_subcommand("simulate-scale", "Predict how a config's training does on many ranks");
  command->add_option("config", a->config, "As for volute train")->type_name("CONFIG")->required();
  command->add_option("--set", a->settings, "Another value for a key: training.exchange=f16; may be repeated")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--latency", a->latency, "Microseconds until a message arrives")->capture_default_str();
  command->add_option("--bandwidth", a->bandwidth, "MB/s of each rank, in each direction")->capture_default_str();
  command->add_option("--ranks", a->ranks, "Numbers of ranks, with commas")->delimiter(',')->type_name("N,N");
  command->add_option("--devices", a->devices, "Devices that all ranks share; 0: each has its own")->capture_default_str();
  command->add_option("--steps", a->steps, "Steps to measure")->capture_default_str();
  add_device_option(*command, a->device);
  command->footer(
      "Measures a training step on one device: what it takes, and when each bucket of gradients is ready. From that and\n"
      "the network it computes the step of many ranks, each with the batch of the config, sending while the backward\n"
      "pass runs and not. Efficiency is the samples a second of a rank in a hundredth of those of one alone.\n"
#ifdef VOLUTE_HAS_MPI
      "Under mpirun it measures the network between the ranks, and their step, to be compared with the prediction.\n"
#endif
      "\n"
      "Examples:\n"
      "  volute simulate-scale samples/configs/char_lm.json --latency 20 --bandwidth 1200\n"
      "  volute simulate-scale config.json --ranks 8,16 --set training.exchange=f16"
#ifdef VOLUTE_HAS_MPI
      "\n  mpirun -n 2 volute simulate-scale config.json"
#endif
  );
  return {command, [a] { return simulate(*a); }};
}

}  // namespace volute::tool
