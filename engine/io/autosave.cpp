// Saving every so often.
// Invariant: what is wrong with a file or with a weight ends no training; what is wrong with the device does.
#include <cmath>
#include <filesystem>
#include <new>

#include "engine/io/file.hpp"
#include "engine/io/writer.hpp"

namespace volute::io {

Autosave::Autosave(std::string path, const Checkpoint& checkpoint, AutosaveOptions options)
    : path_(std::move(path)),
      checkpoint_(&checkpoint),
      options_(std::move(options)),
      saved_(std::chrono::steady_clock::now()) {
  if (options_.steps < 0 || !(options_.seconds >= 0) || (options_.steps == 0 && options_.seconds == 0))
    throw InvalidGraph("autosave: steps or seconds must be positive, and none negative; got " +
                       std::to_string(options_.steps) + " and " + std::to_string(options_.seconds));
  const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
  std::error_code ignored;
  if (!folder.empty() && !std::filesystem::is_directory(folder, ignored))
    throw BadFile(path_ + ": cannot be written: there is no folder " + folder.string());
}

bool Autosave::step() {
  ++steps_;
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - saved_;
  bool late = options_.seconds > 0 && since.count() >= options_.seconds;
  if (Communicator* ranks = checkpoint_->ranks(); ranks && std::isfinite(options_.seconds) && options_.seconds > 0)
    ranks->broadcast(std::as_writable_bytes(std::span(&late, 1)));
  const bool due = (options_.steps > 0 && steps_ % options_.steps == 0) || late;
  return due && save();
}

bool Autosave::save() {
  std::string problem, left = ", and the last checkpoint is left as it was";
  try {
    checkpoint_->save(path_, options_.metadata);
  } catch (const Unsettled& error) {
    problem = error.what();
    left.clear();
  } catch (const BadFile& error) {
    problem = error.what();
  } catch (const ParameterNotFinite& error) {
    problem = error.what();
  } catch (const OutOfMemory& error) {
    if (checkpoint_->ranks()) throw;  // the others wait for what this rank could not give
    problem = error.what();
  } catch (const std::bad_alloc&) {
    if (checkpoint_->ranks()) throw;
    problem = "not enough memory";
  }
  saved_ = std::chrono::steady_clock::now();
  if (problem.empty()) {
    failures_ = 0;
    return true;
  }
  ++failures_;
  warn("autosave: " + problem + "; training goes on" + left +
       (failures_ > 1 ? " (" + std::to_string(failures_) + " have failed in a row)" : ""));
  return false;
}

}  // namespace volute::io
