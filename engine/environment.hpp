// The one place that reads environment variables, once per process.
#pragma once

#include <string>

#include <volute/graph.hpp>

namespace volute {

struct Environment {
  std::string device;       ///< VOLUTE_DEVICE: index or part of a device name
  std::string cache_dir;    ///< VOLUTE_CACHE, else $XDG_CACHE_HOME/volute, else ~/.cache/volute; empty: no cache
  bool print_plan = false;  ///< VOLUTE_DEBUG contains "plan": print explain() of every compiled program to stderr
  bool validation = false;  ///< VOLUTE_DEBUG contains "validation": the Khronos layer, core and synchronization checks
  bool best_practices = false;  ///< VOLUTE_DEBUG contains "best-practices": the layer with these checks as well
  bool gpu_assisted = false;    ///< VOLUTE_DEBUG contains "gpu-assisted": the layer, which checks kernels as they run too
  std::string scans;        ///< VOLUTE_SCANS: pin how loops run ("unrolled", "persistent"), for tests and measurements
  bool profile = false;     ///< VOLUTE_DEBUG contains "profile": time every dispatch, print totals when a program ends
  std::string trace;        ///< VOLUTE_TRACE: file for a trace of each program's last run; empty: none
  std::string tune;         ///< VOLUTE_TUNE: "on" or "off": time kernels that could do the same; empty: on GPUs only
  bool launched = false;    ///< by mpirun or a scheduler, as one rank of several
  std::string matmul;       ///< VOLUTE_MATMUL: pin the matmul family ("texel" or "shared"), for tests and measurements
};

/// Exported for the component mpi.
VOLUTE_API const Environment& environment();

}  // namespace volute
