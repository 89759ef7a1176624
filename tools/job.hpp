// The job of several ranks that a command may be part of: mpirun -n 4 volute train ...
// Invariant: a command that was started by itself, or built without MPI, has none.
#pragma once

#include <memory>
#include <string>
#include <volute/volute.hpp>

namespace volute::tool {

/// Null if there is none. The first call joins it; the process leaves it when it ends.
std::shared_ptr<Communicator> job();

/// "rank 2: " in a job that this process has joined.
std::string job_prefix();

/// Ends the job that this process has joined, when all ranks ask for it if they do so together; nothing if it has not.
void abort_job(int status, bool together);

}  // namespace volute::tool
