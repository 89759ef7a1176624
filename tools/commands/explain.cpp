// `volute explain`: the compiled plan of a config's training step.
#include <cstdio>
#include <memory>

#include "tools/commands/commands.hpp"
#include "tools/console/progress.hpp"
#include "tools/tasks/task.hpp"
#include "tools/train/optimizer.hpp"

namespace volute::tool {
namespace {

struct ExplainArguments {
  std::string config, device;
  std::vector<std::string> settings;
};

int explain(const ExplainArguments& a) {
  const Config config = Config::load(a.config, a.settings);
  const std::unique_ptr<Task> task = make_task(config, {});
  Device device = open_device(a.device);
  Progress progress;
  progress.update(0, "compiling");
  Graph graph;
  const Tensor loss = task->loss(graph);
  const Program program =
      device.compile(graph, minimize(loss, make_optimizer(config.training()), make_minimize(config.training())));
  progress.clear();
  std::vector<Row> rows{{"parameter", "shape", "count"}};
  for (const io::Entry& part : task->model().entries())
    for (const Parameter& p : part.module->parameters())
      rows.push_back({part.prefix + "." + p.name(), p.shape().str(), grouped(p.shape().elements())});
  rows.push_back({"all", "", grouped(task->model().weights())});
  print_table(rows);
  std::printf("\na training step on %s\n%s", device.name().c_str(), program.explain().c_str());
  return done;
}

}  // namespace

Command add_explain(CLI::App& app) {
  auto a = std::make_shared<ExplainArguments>();
  CLI::App* command = app.add_subcommand("explain", "Show the compiled plan of a config's training step");
  command->add_option("config", a->config, "As for volute train")->type_name("CONFIG")->required();
  command->add_option("--set", a->settings, "Another value for a key: model.hidden=512; may be repeated")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  add_device_option(*command, a->device);
  command->footer(
      "Shows the parameters, what each pass of the compiler did, the kernels and loops of a step, and how much\n"
      "memory it takes. VOLUTE_DEBUG=profile, with volute bench, says what the time goes to.\n"
      "\n"
      "Examples:\n"
      "  volute explain samples/configs/char_lm.json\n"
      "  volute explain config.json --set training.precision=bf16 | grep arena");
  return {command, [a] { return explain(*a); }};
}

}  // namespace volute::tool
