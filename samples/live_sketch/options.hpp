// What the user asked for on the command line.
// Invariant: an Options that parse() returned has every number in range.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

#include "samples/live_sketch/model.hpp"

namespace live_sketch {

/// A mistake in the arguments: one line, exit status 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Options {
  bool headless = false, validation = false, stats = false;
  bool save_at_end = false;
  std::uint64_t frames = 0;  ///< 0: until the window is closed
  std::string shot, device;
  std::string save = "live_sketch.safetensors", load;
  std::uint32_t width = 1280, height = 800;
  double budget_ms = 8;
  ModelOptions model;
};

/// Options, or nothing after --help was printed. Throws UsageError.
std::optional<Options> parse(int argc, const char* const* argv);

}  // namespace live_sketch
