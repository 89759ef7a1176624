// `volute export`: a trained model for other programs.
#include <cstdio>
#include <filesystem>
#include <memory>

#include "tools/commands/commands.hpp"
#include "tools/console/progress.hpp"
#include "tools/train/folder.hpp"

namespace volute::tool {
namespace {

struct ExportArguments {
  std::string run, file;
  std::int64_t length = 0, batch = 1;
};

#ifdef VOLUTE_HAS_INTERCHANGE
void save_onnx(const ExportArguments& a, Task& task, const io::Metadata& metadata) {
  Graph graph(Mode::inference);
  std::vector<onnx::Output> outputs;
  for (const auto& [name, value] : task.inference(graph, a.length, a.batch)) outputs.push_back({name, value});
  onnx::save(a.file, outputs, {.metadata = metadata});
}

void save_npz(const ExportArguments& a, const Task& task) {
  std::vector<HostArray> arrays;
  for (const io::Entry& part : task.model().entries())
    for (const Parameter& p : part.module->parameters())
      arrays.push_back(io::host_array(p.shape(), p.values(), part.prefix + "." + p.name()));
  io::save_npz(a.file, arrays);
}
#endif

int run(const ExportArguments& a, const CLI::App& command) {
  if (a.length < (command.count("--length") ? 1 : 0) || a.length > 65536)
    throw Mistake("--length: must be from 1 to 65536, not " + std::to_string(a.length));
  if (a.batch < 1 || a.batch > 65536) throw Mistake("--batch: must be from 1 to 65536, not " + std::to_string(a.batch));
  const std::string kind = std::filesystem::path(a.file).extension().string();
  if (kind != ".safetensors" && kind != ".onnx" && kind != ".npz")
    throw Mistake(a.file + ": must end in .safetensors, .onnx or .npz, which says what it becomes");
  for (const char* option : {"--length", "--batch"})
    if (kind != ".onnx") refuse_option(command, option, "is for .onnx files; others hold weights alone");
#ifndef VOLUTE_HAS_INTERCHANGE
  if (kind != ".safetensors") throw Mistake(a.file + ": this volute was built without the component interchange");
#endif
  const Trained trained = Trained::open(a.run);
  std::error_code none;
  if (std::filesystem::equivalent(a.file, trained.file, none))
    throw Mistake(a.file + ": is the model that would be exported; name another file");
  const std::unique_ptr<Task> task = trained.task({.from = Data::From::nowhere});
  if (kind == ".safetensors") io::save(a.file, task->model().entries());
#ifdef VOLUTE_HAS_INTERCHANGE
  if (kind == ".onnx") save_onnx(a, *task, trained.metadata);
  if (kind == ".npz") save_npz(a, *task);
#endif
  if (!Console::get().quiet)
    std::fprintf(stderr, "%s: %s weights\n", a.file.c_str(), grouped(task->model().weights()).c_str());
  return done;
}

}  // namespace

Command add_export(CLI::App& app) {
  auto a = std::make_shared<ExportArguments>();
  CLI::App* command = app.add_subcommand("export", "Write a trained model for other programs: ONNX, PyTorch, NumPy");
  command->add_option("run", a->run, "The folder of a run, or its model.safetensors")->type_name("RUN")->required();
  command->add_option("file", a->file, "Ends in .onnx, .safetensors (names as in PyTorch) or .npz")
      ->type_name("FILE")
      ->required();
  command->add_option("--length", a->length, "ONNX: steps of the input; as in training unless given")
      ->type_name("COUNT");
  command->add_option("--batch", a->batch, "ONNX: rows of the input")->type_name("COUNT")->capture_default_str();
  command->footer(
      "ONNX models take and give what the run does: tokens [T, N] to logits, with the recurrent state as an input\n"
      "and an output of its own; tokens and lengths to logits; rows [T, N, C] to the forecast, both in the data's\n"
      "units. Vocabulary, labels and config are in the model's metadata.\n"
      "\n"
      "Examples:\n"
      "  volute export sunspots-run sunspots.onnx\n"
      "  volute export char_lm-run step.onnx --length 1        one byte at a time\n"
      "  volute export char_lm-run weights.safetensors         for torch's load_state_dict\n"
      "  volute export char_lm-run weights.npz                 for numpy.load");
  return {command, [a, command] { return run(*a, *command); }};
}

}  // namespace volute::tool
