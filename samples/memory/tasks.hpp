// The two classic tests of long memory, made on the fly. Arrays are time-major, row-major.
// Invariant: what is asked for can be answered only from inputs that lie up to a whole sequence back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>
#include <volute/volute.hpp>

namespace memory {

using namespace volute;

inline constexpr std::int64_t recalled = 10, alphabet = 8, blank = alphabet, cue = alphabet + 1;

/// What the network reads, [steps, N, inputs], and what it is to say in the end: a number or symbols.
struct Batch {
  std::vector<float> x;
  std::vector<float> sums;             ///< [N, 1]
  std::vector<std::uint32_t> symbols;  ///< [recalled, N]
};

/// Uniform in [0, 1).
inline float uniform(data::Generator& random) { return static_cast<float>(random.next() >> 40) * 0x1p-24f; }

/// Adding (Hochreiter and Schmidhuber 1997): of T numbers two are marked, one in each half; their sum is asked for.
inline Batch adding(data::Generator& random, std::int64_t T, std::int64_t N) {
  Batch b{.x = std::vector<float>(T * N * 2), .sums = std::vector<float>(N)};
  for (std::int64_t i = 0; i < T * N; ++i) b.x[2 * i] = uniform(random);
  for (std::int64_t n = 0; n < N; ++n)
    for (const std::int64_t half : {std::int64_t{0}, T / 2}) {
      const std::int64_t t = half + static_cast<std::int64_t>(random.below(T / 2));
      b.x[2 * (t * N + n) + 1] = 1;
      b.sums[n] += b.x[2 * (t * N + n)];
    }
  return b;
}

/// Copying (Arjovsky, Shah and Bengio 2016): symbols, T - 1 blanks, a cue, and as many blanks as there were symbols,
/// during which they are to be said. To practise, they come at any time before the cue, blanks around them, so that
/// short memories are asked for as well as long ones.
inline Batch copying(data::Generator& random, std::int64_t T, std::int64_t N, bool practice) {
  const std::int64_t steps = T + 2 * recalled, inputs = alphabet + 2;
  Batch b{.x = std::vector<float>(steps * N * inputs), .symbols = std::vector<std::uint32_t>(recalled * N)};
  for (std::uint32_t& symbol : b.symbols) symbol = static_cast<std::uint32_t>(random.below(alphabet));
  for (std::int64_t n = 0; n < N; ++n) {
    const auto start = practice ? static_cast<std::int64_t>(random.below(T)) : 0;
    for (std::int64_t t = 0; t < steps; ++t) {
      const bool symbol = t >= start && t < start + recalled;
      const std::int64_t what = symbol ? b.symbols[(t - start) * N + n] : t == recalled + T - 1 ? cue : blank;
      b.x[(t * N + n) * inputs + what] = 1;
    }
  }
  return b;
}

}  // namespace memory
