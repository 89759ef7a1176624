// `volute evaluate`: how good a trained model is, on the data its config keeps to test or on others.
#include <cstdio>
#include <memory>

#include "tools/commands/commands.hpp"
#include "tools/console/progress.hpp"
#include "tools/train/folder.hpp"

namespace volute::tool {
namespace {

struct EvaluateArguments {
  std::string run, device;
  std::vector<std::string> data;
  bool json = false;
};

/// Parts are cut anew from data that changed: what the model learnt from may be among what it would be scored on.
void check_data(const Trained& trained, const Task& task) {
  const auto found = trained.metadata.find("data");
  if (found != trained.metadata.end() && found->second != std::to_string(task.fingerprint()))
    throw Mistake(trained.file + ": its data are not those it was trained on, they have changed since; " +
                  "--data FILE scores it on all of a file");
}

int evaluate(const EvaluateArguments& a) {
  const Trained trained = Trained::open(a.run);
  Data data;
  if (!a.data.empty()) data = {.from = Data::From::files, .files = a.data};
  if (a.data.size() > 1 && trained.config.task() != "language_model")
    throw Mistake("--data: one file, for a run of " + trained.config.task());
  const std::unique_ptr<Task> task = trained.task(data);
  if (a.data.empty()) check_data(trained, *task);
  Device device = open_device(a.device);
  Progress progress;
  progress.note("scores of " + (!a.data.empty() ? "all of " + a.data.front() + (a.data.size() > 1 ? " ..." : "")
                                : task->tests() ? "the data kept to test"
                                                : "the data that validated, by which training chose"));
  progress.update(0, "compiling");
  const Scores scores = task->evaluate(device, Task::Extent::result,
                                       [&](double fraction) { progress.update(fraction, "scoring"); });
  progress.clear();
  Json all = Json::object();
  for (const auto& [name, value] : scores) {
    all[name] = value;
    if (!a.json) std::printf("%-20s %s\n", name.c_str(), number_text(value).c_str());
  }
  if (a.json) std::puts(all.dump(2).c_str());
  return done;
}

}  // namespace

Command add_evaluate(CLI::App& app) {
  auto a = std::make_shared<EvaluateArguments>();
  CLI::App* command = app.add_subcommand("evaluate", "Score a trained model on the data kept to test, or on others");
  command->add_option("run", a->run, "The folder of a run, or its model.safetensors")->type_name("RUN")->required();
  command->add_option("--data", a->data, "All of this file, instead of the run's own data; may be repeated")
      ->type_name("FILE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_flag("--json", a->json, "Scores as one JSON object");
  add_device_option(*command, a->device);
  command->footer(
      "Scores: language models have loss (nats a token), perplexity and bits a byte; classifiers have\n"
      "loss, accuracy and f1 (macro); forecasts have mae and rmse in the data's units, and the same of the\n"
      "naive forecast, which repeats the last value (or that of a season ago).\n"
      "Nothing was chosen by the data they are of: the config's \"test\", a tenth unless given. With 0 there are\n"
      "none, and scores are of what validated, by which early stopping and plateaus chose: they flatter.\n"
      "\n"
      "Examples:\n"
      "  volute evaluate sunspots-run\n"
      "  volute evaluate reviews-run --data held_out.csv --json");
  return {command, [a] { return evaluate(*a); }};
}

}  // namespace volute::tool
