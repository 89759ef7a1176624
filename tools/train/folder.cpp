// Files of a run. Nothing in them is trusted: the config is checked as a user's is.
#include "tools/train/folder.hpp"

#include <filesystem>

#include "tools/mistake.hpp"

namespace volute::tool {
namespace {

namespace fs = std::filesystem;

std::string file_of(const std::string& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) throw Mistake(path + ": there is no such run or file");
  if (!fs::is_directory(path, ignored)) return path;
  const RunFolder folder{path};
  if (fs::exists(folder.model(), ignored)) return folder.model();
  if (io::Checkpoint::exists(folder.checkpoint())) return folder.checkpoint();
  throw Mistake(path + ": is no run of volute train; it has no model.safetensors");
}

}  // namespace

Trained Trained::open(const std::string& path) {
  const std::string file = file_of(path);
  io::Metadata metadata;
  try {
    metadata = io::read_metadata(file);
  } catch (const BadFile& error) {
    throw Mistake(error.what());
  }
  const auto found = metadata.find("config");
  if (found == metadata.end())
    throw Mistake(file +
                  ": is no model of volute train: its metadata has no 'config'; volute inspect shows what it has");
  return {file, metadata, Config::parse(file + ": its config", found->second)};
}

std::unique_ptr<Task> Trained::task(Data data) const {
  data.saved = &metadata;
  try {
    std::unique_ptr<Task> task = make_task(config, data);
    io::load(file, task->model().entries());
    return task;
  } catch (const BadFile& error) {
    const std::string what = error.what();
    throw Mistake(what.find(file) == std::string::npos ? file + ": " + what : what);
  }
}

io::Metadata describe(const Config& config, const Task& task) {
  io::Metadata metadata = task.describe();
  metadata["config"] = config.whole().dump(-1, ' ', true);
  metadata["data"] = std::to_string(task.fingerprint());
  return metadata;
}

}  // namespace volute::tool
