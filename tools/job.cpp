// See job.hpp.
#include "tools/job.hpp"

namespace volute::tool {
namespace {

std::shared_ptr<Communicator>& joined() {
  static std::shared_ptr<Communicator> ranks;
  return ranks;
}

}  // namespace

std::shared_ptr<Communicator> job() {
#ifdef VOLUTE_HAS_MPI
  if (!joined()) joined() = mpi_job();
#endif
  return joined();
}

std::string job_prefix() { return joined() ? "rank " + std::to_string(joined()->rank()) + ": " : ""; }

void abort_job(int status, bool together) {
  if (!joined()) return;
  if (together) joined()->barrier();
  joined()->abort(status);
}

}  // namespace volute::tool
