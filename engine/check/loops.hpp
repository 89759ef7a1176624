// Ways to run a loop: dispatches for every step, products with what follows them in one, or kernels that walk all
// steps. Invariant: on one family of products every way gives the same bits; all agree with the reference.
#pragma once

#include "engine/check/findings.hpp"
#include "engine/check/recurrent_case.hpp"

namespace volute::check {

struct LoopRow {
  const char* name;
  Setting setting;
  bool walks = true;  ///< every loop can be walked
};

std::vector<LoopRow> loop_rows();

/// Unrolled and walked, twice each.
void check_ways(const Device& device, const LoopRow& row, const char* family, bool texel_loads, Findings& findings);
/// A walk longer than Mesa's CPU drivers let a shader loop (65,535 iterations) is several dispatches there.
void check_long_walk(const Device& device, Findings& findings);
/// What the tuner finds is one of both ways, in plain sight, and of the same bits.
void check_timed_choice(const Device& device, const char* family, Findings& findings);

}  // namespace volute::check
