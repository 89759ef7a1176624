// What the user asked for.
// Invariant: an Options that parse() returned has every number in range and every output path writable.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace char_lm {

/// A mistake in the arguments or in a file they name: one line, exit status 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The shape of a model; stored beside its weights.
struct Sizes {
  std::string cell = "lstm";
  std::int64_t embed = 64, hidden = 128, layers = 1;
};

constexpr std::int64_t most_steps = 1'000'000'000;

struct Options {
  std::vector<std::string> text;
  Sizes sizes;
  std::set<std::string> given;  ///< names of the options the user wrote, "hidden"
  std::int64_t batch = 32, length = 64, steps = 3000;
  double lr = 2e-3, clip = 1, dropout = 0, max_seconds = 0;
  std::int64_t seed = 1;
  std::string device, precision = "f32", non_finite = "stop";
  std::string prompt = "\n";
  double temperature = 0.8;
  std::int64_t sample_length = 500;
  std::string out, load, metrics, events, chart, sample_out;
  std::string checkpoint;
  std::int64_t autosave_steps = 0;
  double autosave_seconds = 60;
  bool resume = false, baseline = false;
  bool quiet = false;  ///< of a rank that is not the first: nothing is printed but what went wrong

  bool has(const std::string& name) const { return given.count(name) != 0; }
  /// Sampling from a loaded model needs no text.
  bool needs_text() const { return steps > 0 || load.empty() || !text.empty(); }
};

/// Options, or nothing after --help was printed. Throws UsageError.
std::optional<Options> parse(int argc, const char* const* argv);

/// Throws UsageError naming the first option that is out of range.
void check_ranges(const Options& options);

/// Throws UsageError unless sizes are sensible for a vocabulary, alone and together.
void check_sizes(const Options& options, const Sizes& sizes, std::int64_t vocab);

}  // namespace char_lm
