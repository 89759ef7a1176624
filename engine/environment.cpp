// Reads the environment once per process, on first use; later changes of it are not seen.
// The only file that calls getenv (held by the lint test).
#include "engine/environment.hpp"

#include <cstdlib>

namespace volute {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string cache_directory() {
  // Set but empty means "keep nothing on disk", as opposed to not set.
  if (const char* chosen = std::getenv("VOLUTE_CACHE")) return chosen;
  if (const std::string xdg = variable("XDG_CACHE_HOME"); !xdg.empty()) return xdg + "/volute";
  if (const std::string home = variable("HOME"); !home.empty()) return home + "/.cache/volute";
  if (const std::string local = variable("LOCALAPPDATA"); !local.empty()) return local + "/volute";
  return "";
}

/// What launchers tell the ranks: Open MPI's mpirun, MPICH's and others by PMI, Slurm.
bool is_launched() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS"})
    if (const std::string size = variable(name); !size.empty()) return size != "1";
  return !variable("PMIX_RANK").empty() && variable("SLURM_NTASKS") != "1";
}

}  // namespace

const Environment& environment() {
  static const Environment values = [] {
    const std::string debug = variable("VOLUTE_DEBUG");
    Environment read;
    read.device = variable("VOLUTE_DEVICE");
    read.cache_dir = cache_directory();
    read.print_plan = debug.find("plan") != std::string::npos;
    read.best_practices = debug.find("best-practices") != std::string::npos;
    read.gpu_assisted = debug.find("gpu-assisted") != std::string::npos;
    read.validation = debug.find("validation") != std::string::npos || read.best_practices || read.gpu_assisted;
    read.scans = variable("VOLUTE_SCANS");
    read.profile = debug.find("profile") != std::string::npos;
    read.trace = variable("VOLUTE_TRACE");
    read.tune = variable("VOLUTE_TUNE");
    read.launched = is_launched();
    read.matmul = variable("VOLUTE_MATMUL");
    return read;
  }();
  return values;
}

}  // namespace volute
