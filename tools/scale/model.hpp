// What a training step takes on many ranks, from what it takes on one and what the network does.
// Invariant: it computes what engine/compile does: buckets one after the other, each sent by all to all and its sums
// gathered by all; the device goes on meanwhile up to where it reads the first sum.
#pragma once

#include <vector>
#include <volute/volute.hpp>

namespace volute::tool {

/// A step on one rank.
struct StepProfile {
  std::vector<ProgramStats::Bucket> buckets;
  double device_seconds = 0;  ///< all of its work
  double seconds = 0;         ///< with what the host does around it
  double bytes_factor = 1;    ///< 0.5: values travel as f16
};

/// Of each rank, in each direction.
struct Network {
  double latency = 50e-6;         ///< s until a message arrives
  double bandwidth = 1e9;         ///< bytes/s
  double message_seconds = 2e-6;  ///< s that the host spends on a message
  double add_bandwidth = 2e9;     ///< bytes/s at which the host sums what arrives
};

/// Of a bucket of so many bytes: what a rank sends to and receives from the others is bytes (ranks - 1) / ranks, twice.
double exchange_seconds(double bytes, int ranks, const Network& network);

struct Prediction {
  double seconds = 0;             ///< of a step
  double without_overlap = 0;     ///< if nothing were sent before the backward pass is done
  double exchange = 0;            ///< the exchanges alone
};

/// `devices`: that the ranks share; 0: each has its own.
Prediction predict(const StepProfile& profile, int ranks, const Network& network, int devices = 0);

}  // namespace volute::tool
