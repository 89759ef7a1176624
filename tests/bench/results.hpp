// What one run of the benchmarks measured, and its forms: Markdown to read, JSON to keep.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/bench/statistics.hpp"

namespace volute::bench {

struct Setting {
  std::string date, device, driver, device_class, peer;  ///< peer: what and which version; empty without
  unsigned cores = 0;
};

/// What the device can do at most, by kernels that do nothing else.
struct Ceilings {
  double gflops = 0;     ///< multiply-adds in registers
  double gigabytes = 0;  ///< a large copy, bytes read and written, a second
};

struct KernelResult {
  std::string name;
  double ms = 0;
  double flops = 0;  ///< 0: bound by memory
  double bytes = 0;  ///< read once and written once
  std::optional<double> peer_ms = {};
};

/// Milliseconds of the device by what they went into, from one profiled step.
struct Shares {
  double products_in_loops = 0, products_outside = 0, others_in_loops = 0, rest = 0;
};

struct StepResult {
  std::string name;
  bool layer_only = false;
  double flops = 0;   ///< three times the forward products
  double tokens = 0;  ///< T N
  Spread volute_ms;
  std::optional<Spread> peer_ms = {};
  std::optional<Shares> shares = {};

  /// How many times faster than the peer.
  std::optional<double> ratio() const {
    if (!peer_ms) return std::nullopt;
    return peer_ms->median / volute_ms.median;
  }
};

/// Geometric mean of the ratios of whole models or of layers alone; nothing if none was compared.
std::optional<double> mean_ratio(const std::vector<StepResult>& steps, bool layer_only);

struct Results {
  Setting setting;
  std::optional<Ceilings> ceilings = {};
  std::vector<KernelResult> kernels;
  std::vector<StepResult> steps;
};

std::string markdown(const Results& results);
std::string json(const Results& results);

}  // namespace volute::bench
