// The training steps that are measured, by size.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace volute::bench {

struct StepRow {
  std::string cell;                ///< LSTM, GRU or RNN
  std::int64_t V = 0, E = 0;       ///< vocabulary and embedding; V 0: the recurrent layer alone
  std::int64_t H = 0, L = 1, B = 0, T = 0;
  bool quick = false;              ///< short enough for a smoke test

  bool layer_only() const { return V == 0; }
  /// "LSTM 96 128 256 1 32 64" (V E H L B T), or "layer LSTM 512/64/25" (H/B/T).
  std::string name() const;
  /// Three times the forward products; of the layer alone those of the recurrence, as DeepBench counts.
  double flops() const;
};

/// Features a layer alone is fed: one texel, so that the input product, which DeepBench leaves out, costs next to
/// nothing on either side.
constexpr std::int64_t layer_features = 4;

const std::vector<StepRow>& step_rows();

}  // namespace volute::bench
