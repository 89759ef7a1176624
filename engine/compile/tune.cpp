// Timing of candidates, and the file that keeps what was found; see tune.hpp.

#include "engine/compile/tune.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <limits>
#include <set>

#include <nlohmann/json.hpp>

#include "engine/compile/record.hpp"
#include "engine/compile/schedule.hpp"
#include "engine/vulkan/disk_cache.hpp"

namespace volute {
namespace {

using nlohmann::json;

// A run of a few milliseconds hides what submitting costs; five of them have a median.
constexpr double kRunSeconds = 0.004, kMostSeconds = 0.05;
constexpr int kRuns = 5;
constexpr double kClearlyFaster = 0.97;

/// Memory for every storage the candidates touch, all zeros: whatever they read is valid to them.
class Scratch {
 public:
  Scratch(const std::shared_ptr<vk::Context>& context, const std::vector<Candidate>& candidates) {
    std::set<const Storage*> storages;
    for (const Candidate& candidate : candidates)
      for (const Section& section : candidate.sections)
        for (const Dispatch& dispatch : section.dispatches) {
          for (const Binding& binding : dispatch.bindings) storages.insert(binding.storage);
          for (const Touch& touch : dispatch.touches) storages.insert(touch.storage);
        }
    std::uint64_t bytes = 0;
    for (const Storage* storage : storages) bytes += storage->bytes;
    if (bytes > context->info.memory_bytes / 4) throw OutOfMemory("no room to time kernels");
    for (const Storage* storage : storages) {
      const int number = static_cast<int>(buffers_.size());
      auto buffer = std::make_unique<vk::Buffer>(context, storage->bytes, vk::Residency::device);
      vk::fill(context, {buffer.get(), 0, storage->bytes}, 0);
      buffers_.emplace(storage, std::pair(number, std::move(buffer)));
    }
  }
  vk::BufferRange range(const Storage* storage) const {
    return {buffers_.at(storage).second.get(), 0, storage->bytes};
  }
  int number(const Storage* storage) const { return buffers_.at(storage).first; }

 private:
  std::map<const Storage*, std::pair<int, std::unique_ptr<vk::Buffer>>> buffers_;
};

/// One candidate, ready to be recorded as often as wanted.
class Stopwatch {
 public:
  Stopwatch(const std::shared_ptr<vk::Context>& context, vk::PipelineCache& pipelines, const Scratch& scratch,
            const Candidate& candidate)
      : context_(context), descriptors_(context) {
    const auto locate = [&](const Storage* storage) { return std::pair(scratch.number(storage), std::uint64_t{0}); };
    commands_ = schedule(candidate.sections, locate,
                         {std::numeric_limits<double>::max(), [](const Dispatch&) { return 0.0; }});
    for (const Command& command : commands_)
      if (!prepared_.contains(command.dispatch))
        prepared_[command.dispatch] = prepare(command, pipelines, descriptors_,
                                              [&](const Storage* storage) { return scratch.range(storage); });
  }

  /// Median seconds of the work once, after a first run that warms up.
  double seconds() {
    run(1);
    const double once = run(1);
    const int repeats = std::clamp(static_cast<int>(kRunSeconds / std::max(once, 1e-6)), 1, 256);
    std::vector<double> times;
    double spent = 0;
    while (times.empty() || (static_cast<int>(times.size()) < kRuns && spent < kMostSeconds)) {
      times.push_back(run(repeats) / repeats);
      spent += times.back() * repeats;
    }
    std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
    return times[times.size() / 2];
  }

 private:
  double run(int repeats) {
    vk::CommandList list(context_);
    list.begin();
    for (int i = 0; i < repeats; ++i)
      for (const Command& command : commands_) {
        if (command.barrier || command.new_part) list.barrier();
        record(list, prepared_.at(command.dispatch), command);
      }
    list.end();
    const auto start = std::chrono::steady_clock::now();
    context_->wait(context_->submit_batch(list.buffers()));
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  std::shared_ptr<vk::Context> context_;
  vk::Descriptors descriptors_;
  std::vector<Command> commands_;
  std::map<const Dispatch*, PreparedDispatch> prepared_;
};

std::string kernels_of(const std::vector<Candidate>& candidates) {
  std::string text;
  for (const Candidate& candidate : candidates) {
    text += candidate.name + "\n";
    for (const Section& section : candidate.sections)
      for (const Dispatch& dispatch : section.dispatches) {
        text += dispatch.source;
        for (const std::uint32_t constant : dispatch.constants) text += " " + std::to_string(constant);
      }
  }
  return vk::hash_name(text);
}

std::string path_of(const vk::Context& context) {
  return vk::cache_path("tuning-" + vk::hash_name(context.info.name + "\n" + context.info.driver) + ".json");
}

}  // namespace

Tuner::Tuner(std::shared_ptr<vk::Context> context, vk::PipelineCache& pipelines, std::string file)
    : context_(std::move(context)),
      pipelines_(pipelines),
      file_(file == default_file() ? path_of(*context_) : std::move(file)),
      kept_(load()) {}

Tuner::~Tuner() = default;

Choice Tuner::pick(const std::string& work, const std::vector<Candidate>& candidates) {
  if (candidates.size() < 2) return {};
  std::lock_guard lock(mutex_);
  const std::string key = work + " #" + kernels_of(candidates);  // other kernels have not been timed
  const auto named = [&](const std::string& name) {
    return std::find_if(candidates.begin(), candidates.end(), [&](const Candidate& c) { return c.name == name; });
  };
  if (const auto found = kept_.find(key); found != kept_.end())
    if (const auto kept = named(found->second.name); kept != candidates.end())
      return {static_cast<std::size_t>(kept - candidates.begin()), true};

  Kept result{candidates[0].name, {}};
  std::vector<double> seconds;
  try {
    const Scratch scratch(context_, candidates);
    for (const Candidate& candidate : candidates) {
      seconds.push_back(Stopwatch(context_, pipelines_, scratch, candidate).seconds() * candidate.scale);
      result.seconds[candidate.name] = seconds.back();
      ++timings_;
    }
  } catch (const OutOfMemory&) {
    return {};
  }
  const auto fastest = std::min_element(seconds.begin(), seconds.end());
  const std::size_t index = *fastest < kClearlyFaster * seconds[0] ? fastest - seconds.begin() : 0;
  result.name = candidates[index].name;
  kept_[key] = std::move(result);
  store();
  return {index, true};
}

std::map<std::string, Tuner::Kept> Tuner::load() const {
  std::map<std::string, Kept> found;
  std::ifstream file(file_);
  const json root = json::parse(file, nullptr, false);  // a file that is none is discarded, not thrown about
  try {
    if (root.at("device") != context_->info.name || root.at("driver") != context_->info.driver ||
        root.at("volute") != VOLUTE_VERSION)
      return {};
    for (const auto& [key, entry] : root.at("choices").items())
      found[key] = {entry.at("choice"), entry.at("seconds")};
  } catch (const json::exception&) {
    return {};
  }
  return found;
}

void Tuner::store() {
  if (file_.empty()) return;
  // What another process has found since stays.
  for (auto& [key, entry] : load()) kept_.try_emplace(key, entry);
  json choices = json::object();
  for (const auto& [key, entry] : kept_)
    choices[key] = {{"choice", entry.name}, {"seconds", entry.seconds}};
  const json root = {{"device", context_->info.name},
                     {"driver", context_->info.driver},
                     {"volute", VOLUTE_VERSION},
                     {"choices", choices}};
  vk::replace_file(file_, root.dump(1) + "\n");
}

}  // namespace volute
