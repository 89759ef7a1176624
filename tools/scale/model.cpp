// See model.hpp.
#include "tools/scale/model.hpp"

#include <algorithm>

namespace volute::tool {

double exchange_seconds(double bytes, int ranks, const Network& network) {
  if (ranks == 1) return 0;
  const double others = ranks - 1, moved = bytes * others / ranks;
  const double phase = network.latency + moved / network.bandwidth + others * network.message_seconds;
  return 2 * phase + bytes / network.add_bandwidth;
}

Prediction predict(const StepProfile& profile, int ranks, const Network& network, int devices) {
  // Ranks that share a device take turns.
  const double turns = devices > 0 ? std::max(1.0, static_cast<double>(ranks) / devices) : 1.0;
  double gate = profile.device_seconds, sent = 0;
  for (const ProgramStats::Bucket& bucket : profile.buckets) gate = std::min(gate, bucket.needed);
  Prediction prediction;
  for (const ProgramStats::Bucket& bucket : profile.buckets) {
    const double seconds =
        exchange_seconds(static_cast<double>(bucket.bytes) * profile.bytes_factor, ranks, network);
    prediction.exchange += seconds;
    sent = std::max(sent, bucket.ready * turns) + seconds;
  }
  const double around = std::max(profile.seconds - profile.device_seconds, 0.0);
  const double rest = around + (profile.device_seconds - gate) * turns;
  prediction.seconds = (ranks == 1 ? gate : std::max(gate * turns, sent)) + rest;
  prediction.without_overlap = gate * turns + prediction.exchange + rest;
  return prediction;
}

}  // namespace volute::tool
