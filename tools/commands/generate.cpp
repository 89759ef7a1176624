// `volute generate`: what a trained model makes: text, the label of texts, the next rows of a series.
#include <cmath>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>

#include "tools/commands/commands.hpp"
#include "tools/train/folder.hpp"

namespace volute::tool {
namespace {

struct GenerateArguments {
  std::string run, device;
  std::vector<std::string> data;
  GenerateOptions options;
};

void check(const GenerateArguments& a, const CLI::App& command) {
  if (!(a.options.temperature >= 0.01 && a.options.temperature <= 100))  // false for nan
    throw Mistake("--temperature: must be from 0.01 to 100, not " + number_text(a.options.temperature));
  if (a.options.length < (command.count("--length") ? 1 : 0) || a.options.length > 10'000'000)
    throw Mistake("--length: must be from 1 to 10000000, not " + std::to_string(a.options.length));
}

/// What has no meaning for the run's task.
void check_task(const std::string& task, const CLI::App& command) {
  const bool text = task == "language_model", forecast = task == "forecasting";
  if (!forecast) refuse_option(command, "--data", "is for runs of forecasting");
  if (forecast) refuse_option(command, "--prompt", "is not for runs of forecasting, which go on from rows; see --data");
  if (task == "classification") refuse_option(command, "--length", "is not for runs of classification");
  for (const char* option : {"--temperature", "--seed"})
    if (!text) refuse_option(command, option, "is for runs of language_model, which draw; nothing is drawn here");
}

int generate(GenerateArguments a, const CLI::App& command) {
  check(a, command);
  const Trained trained = Trained::open(a.run);
  check_task(trained.config.task(), command);
  if (a.options.prompt == "-") a.options.prompt = {std::istreambuf_iterator<char>(std::cin), {}};
  // A forecast goes on from the rows there are; they may be newer than those that were learnt from.
  const std::unique_ptr<Task> task = trained.task({.from = Data::From::history, .files = a.data});
  Device device = open_device(a.device);
  const std::string text = task->generate(device, a.options);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return done;
}

}  // namespace

Command add_generate(CLI::App& app) {
  auto a = std::make_shared<GenerateArguments>();
  CLI::App* command = app.add_subcommand("generate", "Use a trained model: continue text, label it, or forecast");
  command->add_option("run", a->run, "The folder of a run, or its model.safetensors")->type_name("RUN")->required();
  command->add_option("--prompt", a->options.prompt, "Text to continue, or to label; - reads standard input")
      ->type_name("TEXT");
  command
      ->add_option("--length", a->options.length, "Bytes or words (500, 100 unless given), or rows (the horizon)")
      ->type_name("COUNT");
  command->add_option("--temperature", a->options.temperature, "Of text: below 1 safer, above 1 wilder")
      ->type_name("NUMBER")
      ->capture_default_str();
  command->add_option("--seed", a->options.seed, "Of text: another seed, another text")
      ->type_name("NUMBER")
      ->capture_default_str();
  command->add_option("--data", a->data, "A forecast goes on from this file's last rows, not the config's")
      ->type_name("FILE")
      ->expected(1);
  add_device_option(*command, a->device);
  command->footer(
      "Examples:\n"
      "  volute generate char_lm-run --prompt 'The ' --length 300 --temperature 0.6\n"
      "  volute generate reviews-run --prompt 'the soup was not awful'\n"
      "  cut -f2 new.tsv | volute generate reviews-run --prompt -    a label, its probability, the text\n"
      "  volute generate sunspots-run --length 11 > next.csv\n"
      "The same run, prompt and seed give the same text on one device.");
  return {command, [a, command] { return generate(*a, *command); }};
}

}  // namespace volute::tool
