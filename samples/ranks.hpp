// The ranks of the job a sample is started in: mpirun -n 4 build/release/samples/char_lm.
// Invariant: a sample that was started by itself, or built without MPI, has none, and does as if there were no such thing.
#pragma once

#include <memory>
#include <span>
#include <volute/volute.hpp>

namespace samples {

using Ranks = std::shared_ptr<volute::Communicator>;

inline Ranks ranks_of_job() {
#ifdef VOLUTE_HAS_MPI
  return volute::mpi_job();
#else
  return nullptr;
#endif
}

/// Whether this one prints and writes files.
inline bool is_first(const Ranks& ranks) { return !ranks || ranks->rank() == 0; }

inline volute::data::Shard shard_of(const Ranks& ranks) {
  return ranks ? volute::data::Shard{ranks->rank(), ranks->size()} : volute::data::Shard{};
}

/// Collective. What rank 0 finds when it looks, on every rank.
template <class Look>
double found_by_first(const Ranks& ranks, Look look) {
  double found = is_first(ranks) ? look() : 0;
  if (ranks) ranks->broadcast(std::as_writable_bytes(std::span(&found, 1)));
  return found;
}

}  // namespace samples
