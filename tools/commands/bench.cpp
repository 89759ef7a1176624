// `volute bench`: how fast training steps are, of a config or of standard sizes.
// Invariant: a figure is a median over rounds; each round waits for the device once, at its end.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "tools/commands/commands.hpp"
#include "tools/console/progress.hpp"
#include "tools/tasks/task.hpp"
#include "tools/timing.hpp"
#include "tools/train/optimizer.hpp"

namespace volute::tool {
namespace {

struct BenchArguments {
  std::string config, device;
  std::vector<std::string> settings;
  double seconds = 3;
  int rounds = 7;
  bool json = false;
};

struct Result {
  std::string name, item;
  double compile = 0;  ///< seconds
  double step = 0;     ///< median, seconds
  double fastest = 0, slowest = 0;
  double forward = 0;  ///< median of the loss alone
  std::int64_t items = 0, weights = 0;
  std::uint64_t memory = 0;
};

/// Seconds a call of `step`, round by round, in order.
template <class Step>
std::vector<double> rounds(const BenchArguments& a, Program& program, Step step) {
  // The first runs compile pipelines and measure; the third says how many fill a round.
  std::int64_t i = 0;
  for (; i < 2; ++i) step(i);
  program.wait();
  auto start = Clock::now();
  step(i++);
  program.wait();
  const auto count =
      static_cast<std::int64_t>(std::clamp(a.seconds / a.rounds / std::max(since(start), 1e-6), 1.0, 1e5));
  std::vector<double> times;
  for (int round = 0; round < a.rounds; ++round) {
    start = Clock::now();
    for (std::int64_t k = 0; k < count; ++k) step(i++);
    program.wait();
    times.push_back(since(start) / static_cast<double>(count));
  }
  std::sort(times.begin(), times.end());
  return times;
}

Result measure(const BenchArguments& a, Device& device, const Config& config, Task& task, const std::string& name) {
  Result result{.name = name, .item = task.item(), .items = task.items(), .weights = task.model().weights()};
  Graph graph;
  const Tensor loss = task.loss(graph);
  auto start = Clock::now();
  Program train =
      device.compile(graph, minimize(loss, make_optimizer(config.training()), make_minimize(config.training())));
  result.compile = since(start);
  const auto times = rounds(a, train, [&](std::int64_t i) { task.step(train, i); });
  result.step = times[times.size() / 2];
  result.fastest = times.front();
  result.slowest = times.back();
  result.memory = train.stats().arena_bytes;
  Targets targets(loss);
  targets.precision = make_minimize(config.training()).precision;
  Program forward = device.compile(graph, targets);
  const auto alone = rounds(a, forward, [&](std::int64_t i) { task.step(forward, i); });
  result.forward = alone[alone.size() / 2];
  return result;
}

/// The sizes people compare: characters, T 64, N 32, hidden 256 and 512.
std::vector<std::string> standard_sizes() {
  std::vector<std::string> all;
  for (const char* cell : {"lstm", "gru", "rnn", "mingru"})
    for (const char* hidden : {"128", "256"})
      all.push_back(R"({"language_model": {"text": ["-"]}, "model": {"cell": ")" + std::string(cell) +
                    R"(", "hidden": )" + hidden + "}}");
  return all;
}

std::string milliseconds(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", seconds * 1e3);
  return text;
}

void print(const std::vector<Result>& results) {
  std::vector<Row> rows{{"", "weights", "compile s", "step ms", "fastest", "slowest", "forward", "backward+update",
                         "steps/s", "items/s", "memory"}};
  for (const Result& r : results) {
    char compile[32], rate[32];
    std::snprintf(compile, sizeof compile, "%.2f", r.compile);
    std::snprintf(rate, sizeof rate, "%.1f", 1 / r.step);
    rows.push_back({r.name, grouped(r.weights), compile, milliseconds(r.step), milliseconds(r.fastest),
                    milliseconds(r.slowest), milliseconds(r.forward), milliseconds(std::max(r.step - r.forward, 0.0)),
                    rate, grouped(std::llround(static_cast<double>(r.items) / r.step)) + " " + r.item,
                    bytes_text(r.memory)});
  }
  print_table(rows);
}

Json json_of(const std::vector<Result>& results, const Device& device) {
  Json all = {{"device", device.name()}, {"results", Json::array()}};
  for (const Result& r : results)
    all["results"].push_back({{"name", r.name},
                              {"weights", r.weights},
                              {"compile_seconds", r.compile},
                              {"step_seconds", r.step},
                              {"fastest_seconds", r.fastest},
                              {"slowest_seconds", r.slowest},
                              {"forward_seconds", r.forward},
                              {"items_per_step", r.items},
                              {"item", r.item},
                              {"steps_per_second", 1 / r.step},
                              {"items_per_second", static_cast<double>(r.items) / r.step},
                              {"memory_bytes", r.memory}});
  return all;
}

/// A text of the printable characters, to learn nothing from.
std::unique_ptr<Task> standard_task(const Config& config) {
  std::string text;
  data::Generator random(1);
  for (int i = 0; i < 50'000; ++i) text += static_cast<char>(' ' + random.below(95));
  return make_language_model(config, {.text = text});
}

int bench(const BenchArguments& a) {
  if (!(a.seconds > 0 && a.seconds <= 3600))
    throw Mistake("--seconds: must be above 0 and at most 3600, not " + number_text(a.seconds));
  if (a.rounds < 1 || a.rounds > 1000)
    throw Mistake("--rounds: must be from 1 to 1000, not " + std::to_string(a.rounds));
  if (a.config.empty() && !a.settings.empty()) throw Mistake("--set: needs a config");
  std::vector<Result> results;
  Progress progress;
  if (!a.config.empty()) {
    const Config config = Config::load(a.config, a.settings);
    const std::unique_ptr<Task> task = make_task(config, {});
    Device device = open_device(a.device);
    results.push_back(measure(a, device, config, *task, std::filesystem::path(a.config).stem().string()));
    if (a.json) std::puts(json_of(results, device).dump(2).c_str());
  } else {
    Device device = open_device(a.device);
    const std::vector<std::string> sizes = standard_sizes();
    for (const std::string& size : sizes) {
      const Config config = Config::parse("standard", size);
      const std::string name = config.model()["cell"].get<std::string>() + " " + config.model()["hidden"].dump();
      progress.update(static_cast<double>(results.size()) / static_cast<double>(sizes.size()), name);
      results.push_back(measure(a, device, config, *standard_task(config), name));
    }
    if (a.json) std::puts(json_of(results, device).dump(2).c_str());
  }
  progress.end_line();
  if (!a.json) print(results);
  return done;
}

}  // namespace

Command add_bench(CLI::App& app) {
  auto a = std::make_shared<BenchArguments>();
  CLI::App* command = app.add_subcommand("bench", "Measure training steps of a config, or of standard sizes");
  command->add_option("config", a->config, "As for volute train; without one, character models of standard sizes")
      ->type_name("CONFIG");
  command->add_option("--set", a->settings, "Another value for a key; may be repeated")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--seconds", a->seconds, "Of measuring, for a training step and for its forward pass")
      ->type_name("NUMBER")
      ->capture_default_str();
  command->add_option("--rounds", a->rounds, "The median is taken of so many")
      ->type_name("COUNT")
      ->capture_default_str();
  command->add_flag("--json", a->json, "Figures as JSON");
  add_device_option(*command, a->device);
  command->footer(
      "A step is all of it: feeding a batch, forward, backward, clipping, update. \"forward\" is a program of the "
      "loss\n"
      "alone. Without a config: T 64, N 32, 95 different bytes. Nothing else should run beside it.\n"
      "\n"
      "Examples:\n"
      "  volute bench samples/configs/char_lm.json\n"
      "  volute bench config.json --set model.cell=mingru --set training.precision=bf16\n"
      "  volute bench --json > bench.json");
  return {command, [a] { return bench(*a); }};
}

}  // namespace volute::tool
