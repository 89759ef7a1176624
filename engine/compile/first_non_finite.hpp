// Where a run first met infinity or NaN: a program of the same graph, without its updates, computes for every node and
// time step whether there is one, and the host follows them from the watched value back to where they began.
// Invariant: nothing of the program it is asked about changes.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include <volute/device.hpp>

namespace volute {

/// A node that is not finite though all it is computed from is, and whose values reach the watched one.
struct NonFiniteOrigin {
  const Node* node = nullptr;  ///< in the user's graph; null: of the compiler's making
  std::int64_t time = -1;      ///< position in the sequence; -1: outside of loops
  std::string text;            ///< what it is, in words
};

/// Of the step before; its states, parameters and inputs must be as they were. `inputs`: those of staging, if the
/// device has others already; else empty. Nothing if the repetition is finite.
std::optional<NonFiniteOrigin> find_non_finite(Program::Data& data, std::span<const std::byte> inputs);

/// The same in words, whatever comes of it.
std::string first_non_finite(Program::Data& data, std::span<const std::byte> inputs);

}  // namespace volute
