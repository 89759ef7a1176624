// CTC decoding on the host: best path, and prefix beam search (Hannun et al. 2014) without a language model.
// Invariant: work is in float64 log space; prefixes are ordered by score, then by their tokens, so equal
// scores give one order everywhere.

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <volute/layers.hpp>

#include "engine/nn/check.hpp"

namespace volute {
namespace {

constexpr double never = -std::numeric_limits<double>::infinity();

double log_add(double a, double b) {
  if (a < b) std::swap(a, b);
  return b == never ? a : a + std::log1p(std::exp(b - a));
}

void check(const char* name, std::span<const float> scores, const Shape& shape,
           std::span<const std::uint32_t> lengths, std::uint32_t blank) {
  if (shape.rank() != 3 || static_cast<std::int64_t>(scores.size()) != shape.elements())
    nn::refuse(name, std::to_string(scores.size()) + " values do not fill [T, N, C], got " + shape.str());
  if (static_cast<std::int64_t>(lengths.size()) != shape[1])
    nn::refuse(name, "needs a length for each row of " + shape.str() + ", got " + std::to_string(lengths.size()));
  for (std::uint32_t length : lengths)
    if (length > shape[0]) nn::refuse(name, "length " + std::to_string(length) + " is beyond T of " + shape.str());
  if (blank >= shape[2]) nn::refuse(name, "blank " + std::to_string(blank) + " is not a class of " + shape.str());
}

using Tokens = std::vector<std::uint32_t>;

/// Probability of the paths that spell a prefix, by how they end.
struct Prefix {
  double blank = never, label = never;
  double all() const { return log_add(blank, label); }
};

using Beam = std::map<Tokens, Prefix>;

/// Every prefix one step further with the log-probabilities p of that step.
Beam extended(const std::vector<std::pair<Tokens, Prefix>>& beam, std::span<const float> p, std::uint32_t blank) {
  Beam next;
  for (const auto& [tokens, prefix] : beam) {
    Prefix& same = next[tokens];
    same.blank = log_add(same.blank, prefix.all() + p[blank]);
    if (!tokens.empty()) same.label = log_add(same.label, prefix.label + p[tokens.back()]);
    for (std::uint32_t c = 0; c < p.size(); ++c) {
      if (c == blank) continue;
      // A repeated label starts anew only after a blank.
      const double from = !tokens.empty() && tokens.back() == c ? prefix.blank : prefix.all();
      if (from == never) continue;
      Tokens longer = tokens;
      longer.push_back(c);
      Prefix& grown = next[longer];
      grown.label = log_add(grown.label, from + p[c]);
    }
  }
  return next;
}

std::vector<std::pair<Tokens, Prefix>> best_of(const Beam& beam, std::size_t width) {
  std::vector<std::pair<Tokens, Prefix>> all(beam.begin(), beam.end());
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.second.all() > b.second.all(); });
  if (all.size() > width) all.resize(width);
  return all;
}

}  // namespace

std::vector<Tokens> ctc_greedy(std::span<const float> log_probabilities, const Shape& shape,
                               std::span<const std::uint32_t> lengths, std::uint32_t blank) {
  check("ctc_greedy", log_probabilities, shape, lengths, blank);
  const std::int64_t N = shape[1], C = shape[2];
  std::vector<Tokens> out(static_cast<std::size_t>(N));
  for (std::int64_t n = 0; n < N; ++n) {
    std::uint32_t before = blank;
    for (std::int64_t t = 0; t < lengths[n]; ++t) {
      const auto row = log_probabilities.subspan((t * N + n) * C, C);
      const auto best = static_cast<std::uint32_t>(std::max_element(row.begin(), row.end()) - row.begin());
      if (best != blank && best != before) out[n].push_back(best);
      before = best;
    }
  }
  return out;
}

std::vector<std::vector<Hypothesis>> ctc_beam(std::span<const float> log_probabilities, const Shape& shape,
                                              std::span<const std::uint32_t> lengths, int width, std::uint32_t blank) {
  check("ctc_beam", log_probabilities, shape, lengths, blank);
  if (width < 1) nn::refuse("ctc_beam", "width must be positive, got " + std::to_string(width));
  const std::int64_t N = shape[1], C = shape[2];
  std::vector<std::vector<Hypothesis>> out(static_cast<std::size_t>(N));
  for (std::int64_t n = 0; n < N; ++n) {
    std::vector<std::pair<Tokens, Prefix>> beam{{{}, {0.0, never}}};
    for (std::int64_t t = 0; t < lengths[n]; ++t)
      beam = best_of(extended(beam, log_probabilities.subspan((t * N + n) * C, C), blank),
                     static_cast<std::size_t>(width));
    for (const auto& [tokens, prefix] : beam) out[n].push_back({tokens, prefix.all()});
  }
  return out;
}

}  // namespace volute
