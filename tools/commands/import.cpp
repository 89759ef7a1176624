// `volute import`: weights trained elsewhere, in the model a config describes, as a run that generate, evaluate and
// export take.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>

#include "tools/commands/commands.hpp"
#include "tools/console/progress.hpp"
#include "tools/train/folder.hpp"

namespace volute::tool {
namespace {

namespace fs = std::filesystem;

struct ImportArguments {
  std::string config, file, out;
  std::vector<std::string> settings, renames;
};

/// Prefixes of names here, and what they are in the file.
std::map<std::string, std::string> renames_of(const ImportArguments& a, const Model& model) {
  std::map<std::string, std::string> names;
  std::string known;
  for (const io::Entry& part : model.entries()) {
    names[part.prefix] = part.prefix;
    known += (known.empty() ? "" : ", ") + part.prefix;
  }
  for (const std::string& rename : a.renames) {
    const std::size_t equals = rename.find('=');
    const std::string here = rename.substr(0, std::min(equals, rename.size()));
    if (equals == std::string::npos || !names.count(here))
      throw Mistake("--rename " + rename + ": must be PART=NAME, where PART is one of " + known);
    names[here] = rename.substr(equals + 1);
  }
  return names;
}

std::string joined(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + "." + name;
}

#ifdef VOLUTE_HAS_INTERCHANGE
void assign(const std::string& file, const Model& model, const std::map<std::string, std::string>& names) {
  std::map<std::string, HostArray> arrays;
  for (HostArray& array : io::load_npz(file, DType::f32)) arrays[array.name] = array;
  for (const io::Entry& part : model.entries())
    for (Parameter p : part.module->parameters()) {
      const std::string name = joined(names.at(part.prefix), p.name());
      const auto found = arrays.find(name);
      if (found == arrays.end()) throw BadFile(file + ": has no \"" + name + "\"; volute inspect shows what it has");
      if (found->second.shape != p.shape())
        throw BadFile(file + ": \"" + name + "\" is " + found->second.shape.str() + ", the config's model has " +
                      p.shape().str());
      p.set(io::f32_values(found->second));
    }
}
#endif

/// What to do with files people have.
std::string advice(const std::string& kind) {
  if (kind == ".onnx")
    return "; ONNX keeps layers by node, not by name: save the weights where the model was trained, or take the whole "
           "model with onnx::Model in a program";
  if (kind == ".pt" || kind == ".pth" || kind == ".bin" || kind == ".ckpt")
    return "; in Python: safetensors.torch.save_file(model.state_dict(), \"weights.safetensors\")";
  if (kind == ".h5" || kind == ".keras")
    return "; Keras keeps gates in another order: io::set_weights in a program takes them";
  return "";
}

void load(const ImportArguments& a, const Model& model) {
  const auto names = renames_of(a, model);
  const std::string kind = fs::path(a.file).extension().string();
  if (kind == ".safetensors") {
    std::vector<io::Entry> entries;
    for (const io::Entry& part : model.entries()) entries.emplace_back(names.at(part.prefix), *part.module);
    io::load(a.file, entries);
    return;
  }
  if (kind != ".npz") throw Mistake(a.file + ": must end in .safetensors or .npz" + advice(kind));
#ifdef VOLUTE_HAS_INTERCHANGE
  assign(a.file, model, names);
#else
  throw Mistake(a.file + ": this volute was built without the component interchange");
#endif
}

int run(const ImportArguments& a) {
  const Config config = Config::load(a.config, a.settings);
  const RunFolder folder{a.out.empty() ? config.output() : a.out};
  if (fs::exists(folder.model()) || io::Checkpoint::exists(folder.checkpoint()))
    throw Mistake(folder.path + ": there is a run already; name another folder with --out");
  const std::unique_ptr<Task> task = make_task(config, {});
  try {
    load(a, task->model());
  } catch (const BadFile& error) {
    throw Mistake(error.what());
  }
  std::error_code error;
  fs::create_directories(folder.path, error);
  if (error) throw Mistake(folder.path + ": the run's folder cannot be made: " + error.message());
  io::save(folder.model(), task->model().entries(), describe(config, *task));
  if (!Console::get().quiet)
    std::fprintf(stderr, "%s: %s weights; try: volute evaluate %s\n", folder.model().c_str(),
                 grouped(task->model().weights()).c_str(), folder.path.c_str());
  return done;
}

}  // namespace

Command add_import(CLI::App& app) {
  auto a = std::make_shared<ImportArguments>();
  CLI::App* command = app.add_subcommand("import", "Take weights trained elsewhere into the model of a config");
  command->add_option("config", a->config, "As for volute train")->type_name("CONFIG")->required();
  command->add_option("file", a->file, "A .safetensors file with names as in PyTorch, or an .npz file of them")
      ->type_name("FILE")
      ->required();
  command->add_option("--out", a->out, "Folder of the run that is made")->type_name("DIR");
  command->add_option("--set", a->settings, "Another value for a key of the config; may be repeated")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--rename", a->renames, "What a part is called in the file: lstm=encoder.rnn; may be repeated")
      ->type_name("PART=NAME")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->footer(
      "Parts of a model are embed, its cell's name, and head; volute explain CONFIG lists all names and shapes.\n"
      "\n"
      "Examples:\n"
      "  volute import config.json weights.safetensors --out imported\n"
      "  volute import config.json torch.safetensors --rename embed=embedding --rename head=fc");
  return {command, [a] { return run(*a); }};
}

}  // namespace volute::tool
