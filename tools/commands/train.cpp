// `volute train`: from a config to a folder with a trained model.
// Invariant: what can be wrong with arguments, config and data is found before a device is touched or a file written.
#include <cstdio>
#include <filesystem>
#include <memory>

#include "tools/commands/commands.hpp"
#include "tools/config/schema.hpp"
#include "tools/console/interrupt.hpp"
#include "tools/job.hpp"
#include "tools/train/trainer.hpp"

namespace volute::tool {
namespace {

namespace fs = std::filesystem;

struct TrainArguments {
  std::string config, out, device;
  std::vector<std::string> settings;
  bool resume = false, schema = false, check = false;
};

constexpr const char* help =
    "A config is a JSON file that says what to learn, with which model, trained how. Only the first is needed:\n"
    "  {\n"
    "    \"language_model\": {\"text\": [\"book.txt\"], \"tokens\": \"characters\"},\n"
    "    \"model\": {\"cell\": \"lstm\", \"hidden\": 256, \"layers\": 2, \"dropout\": 0.2},\n"
    "    \"training\": {\"epochs\": 20, \"batch\": 32, \"lr\": 0.002, \"schedule\": \"cosine\"}\n"
    "  }\n"
    "What to learn is one of\n"
    "  language_model   continue text: \"text\" (files), \"tokens\" (characters, that is bytes, or words), \"length\"\n"
    "  classification   label texts: \"file\" (CSV), \"text\" and \"label\" (its columns), \"length\"\n"
    "  forecasting      continue columns of numbers: \"file\" (CSV), \"columns\", \"length\", \"horizon\"\n"
    "Every key, its default and what is allowed: volute train --schema. Files are relative to the config.\n"
    "\n"
    "The run's folder (--out, or \"output\", or the config's name with -run) gets\n"
    "  model.safetensors        the model, for volute generate, evaluate and inspect\n"
    "  checkpoint.safetensors   all of the training, saved every minute, at the end and on Ctrl-C\n"
    "  metrics.jsonl            a line for each validation\n"
#ifdef VOLUTE_HAS_INTERCHANGE
    "  events.out.tfevents.*    the same for tensorboard --logdir, and loss.svg, a chart of it\n"
#endif
    "  config.json              the config with all defaults\n"
    "\n"
    "Examples:\n"
    "  volute train samples/configs/sunspots.json\n"
    "  volute train config.json --set training.lr=0.01 --set model.cell=gru --out runs/gru\n"
    "  volute train config.json --check               is all right with it and its data?\n"
    "  volute train runs/gru --resume                 go on, to the same bits as if never stopped\n"
#ifdef VOLUTE_HAS_MPI
    "  mpirun -n 4 volute train config.json           four ranks share every batch\n"
#endif
    "  volute train runs/gru --resume --set training.epochs=40\n"
    "Exit status: 0 trained, 1 failed while training, 2 a mistake in config, data or arguments, 130 interrupted\n"
    "(the checkpoint is saved then). The last scores go to standard output, all else to standard error.";

/// The checkpoint's metadata, the older one's if the newer is broken; loading says so.
io::Metadata checkpoint_metadata(const std::string& path) {
  try {
    return io::read_metadata(path);
  } catch (const BadFile& error) {
    try {
      return io::read_metadata(io::Checkpoint::previous(path));
    } catch (const BadFile&) {
      throw Mistake(error.what());
    }
  }
}

const std::string& entry(const io::Metadata& metadata, const std::string& key, const std::string& path) {
  const auto found = metadata.find(key);
  if (found == metadata.end())
    throw Mistake(path + ": is no checkpoint of volute train: its metadata has no '" + key + "'");
  return found->second;
}

/// A run goes on with what its bits depend on as it was.
void check_same(const Config& config, const RunFolder& folder) {
  const std::string path = folder.checkpoint();
  const io::Metadata metadata = checkpoint_metadata(path);
  const Config before = Config::parse(path + ": its config", entry(metadata, "config", path));
  for (const std::string& key : config.differences(before)) {
    const std::size_t dot = key.find('.');
    const Json section = before.whole().value(key.substr(0, dot), Json());
    const Json value = dot == std::string::npos ? section : section.value(key.substr(dot + 1), Json());
    config.complain(key, "was " + (value.is_null() ? "not given" : value.dump()) + " when the run in " + folder.path +
                             " began, and may not change");
  }
}

void check_data(const Task& task, const Config& config, const RunFolder& folder) {
  const std::string path = folder.checkpoint();
  if (entry(checkpoint_metadata(path), "data", path) != std::to_string(task.fingerprint()))
    config.complain(config.task(), "the data are not those with which the run in " + folder.path + " began");
}

/// Files of the user's own are not written over; a run's are, by the run that goes on.
void make_folder(const RunFolder& folder, bool resume) {
  std::error_code error;
  for (const std::string& file : {folder.config(), folder.model(), folder.metrics()})
    if (!resume && fs::exists(file, error))
      throw Mistake(file + ": is there already, and a run in this folder would write it; name another with --out");
  fs::create_directories(folder.path, error);
  if (error) throw Mistake(folder.path + ": the run's folder cannot be made: " + error.message());
}

void introduce(const Config& config, const Task& task, Progress& progress) {
  const Json& m = config.model();
  progress.note(task.summary());
  progress.note(m["cell"].get<std::string>() + ", hidden " + m["hidden"].dump() + ", layers " + m["layers"].dump() +
                (m["bidirectional"] ? ", both directions" : "") + ": " + grouped(task.model().weights()) + " weights");
}

RunFolder folder_of(const TrainArguments& a, const Config& config) {
  if (!a.out.empty()) return {a.out};
  if (fs::path(config.file()).filename() == "config.json" &&
      io::Checkpoint::exists(RunFolder{fs::path(config.file()).parent_path().string()}.checkpoint()))
    return {fs::path(config.file()).parent_path().string()};
  return {config.output()};
}

Config load_config(const TrainArguments& a) {
  std::error_code ignored;
  const bool run = fs::is_directory(a.config, ignored) && fs::exists(a.config + "/config.json", ignored);
  return Config::load(run ? fs::path(a.config) / "config.json" : fs::path(a.config), a.settings);
}

void print(const Scores& scores) {
  for (const auto& [name, value] : scores) std::printf("%-20s %s\n", name.c_str(), number_text(value).c_str());
}

int conclude(Trainer::End end, Trainer& trainer, Device& device, const Config& config, Task& task,
             const RunFolder& folder, Progress& progress) {
  if (const auto ranks = job(); ranks && ranks->rank() != 0)  // the first has all of it
    return end == Trainer::End::interrupted ? interrupted_status() : done;
  progress.end_line();
  if (end == Trainer::End::interrupted) {
    progress.note("stopped after step " + std::to_string(trainer.done()) + " of " + std::to_string(trainer.steps()) +
                  "; go on with: volute train " + folder.path + " --resume");
    return trainer.saved() ? interrupted_status() : failed;
  }
  if (end == Trainer::End::stopped_early)
    progress.note("no better for " + config.training()["early_stopping"].dump() + " validations: stopped after step " +
                  std::to_string(trainer.done()) + ", the best model is kept");
  trainer.restore_best();
  io::save(folder.model(), task.model().entries(), describe(config, task));
  const Scores scores = task.evaluate(device, Task::Extent::result,
                                      [&](double fraction) { progress.update(fraction, "scoring"); });
  progress.clear();
  print(scores);
  progress.note("the run is in " + folder.path + "; try: volute generate " + folder.path +
                (config.task() == "classification" ? " --prompt TEXT" : ""));
  if (trainer.saved()) return done;
  throw std::runtime_error(folder.checkpoint() + ": the last steps are not in it, it could not be written");
}

int train(const TrainArguments& a) {
  if (a.schema) return std::fwrite(schema_text().data(), 1, schema_text().size(), stdout) ? done : failed;
  if (a.config.empty()) throw Mistake("train needs a config (see volute train --help)");
  const Config config = load_config(a);
  const RunFolder folder = folder_of(a, config);
  const bool exists = io::Checkpoint::exists(folder.checkpoint());
  if (a.resume && !exists) throw Mistake("--resume: there is no run in " + folder.path);
  if (!a.resume && exists && !a.check)
    throw Mistake(folder.path + ": there is a run already; go on with --resume, or name another folder with --out");
  if (a.resume) check_same(config, folder);
  const std::shared_ptr<Communicator> ranks = a.check ? nullptr : job();
  Data data;
  if (ranks) data.shard = {ranks->rank(), ranks->size()};
  const bool first = data.shard.rank == 0;
  if (!first) Console::get().quiet = true;
  if (const std::int64_t batch = config.training()["batch"]; batch < data.shard.ranks)
    config.complain("training.batch", "is shared by " + std::to_string(data.shard.ranks) +
                                          " ranks, and each needs a row at least");
  const std::unique_ptr<Task> task = make_task(config, data);
  if (a.resume) check_data(*task, config, folder);
  Progress progress;
  introduce(config, *task, progress);
  if (a.check) {
    progress.note("all is right with " + config.file());
    return done;
  }
  Device device = open_device(a.device.empty() && ranks ? device_of(*ranks) : a.device);
  progress.note("device: " + device.name() +
                (ranks ? "; " + std::to_string(ranks->size()) + " ranks share every batch" : ""));
  if (first) make_folder(folder, a.resume);
  if (ranks) ranks->barrier();  // none looks into the folder before it is there
  set_warning_handler([&](const std::string& message) {
    if (first) progress.warning(message);
  });
  const std::shared_ptr<void> restored(nullptr, [](void*) { set_warning_handler({}); });
  Trainer trainer(device, config, *task, folder, ranks);
  if (a.resume) {
    trainer.resume();
    progress.note("resumed after step " + std::to_string(trainer.done()));
  }
  if (first) io::replace_file(folder.config(), config.whole().dump(2) + '\n');  // not before a resume that is refused
  catch_interrupt();
  const Trainer::End end = trainer.run(progress);
  return conclude(end, trainer, device, config, *task, folder, progress);
}

}  // namespace

Command add_train(CLI::App& app) {
  auto a = std::make_shared<TrainArguments>();
  CLI::App* command = app.add_subcommand("train", "Train the model that a config describes");
  command->add_option("config", a->config, "A config, or with --resume the folder of a run")->type_name("CONFIG");
  command->add_option("--set", a->settings, "Another value for a key: training.lr=0.01; may be repeated")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--out", a->out, "Folder of the run")->type_name("DIR");
  command->add_flag("--resume", a->resume, "Go on with a run that was interrupted, or for more steps");
  command->add_flag("--check", a->check, "Check config and data, and train nothing");
  CLI::Option* schema = command->add_flag("--schema", a->schema, "Print the JSON schema of configs");
  add_device_option(*command, a->device);
  for (CLI::Option* other : command->get_options())
    if (other != schema && other != command->get_help_ptr()) schema->excludes(other);
  command->footer(help);
  return {command, [a] { return train(*a); }};
}

}  // namespace volute::tool
