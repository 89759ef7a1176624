// Sums longer than what Mesa's CPU drivers let a shader loop over: 65,535 iterations of all loops of an invocation,
// after which they go on without an error. Invariant: values are whole numbers, so that any order gives the same sum.
#pragma once

#include <volute/device.hpp>

#include "engine/check/findings.hpp"

namespace volute::check {

void check_long_loops(const Device& device, Findings& findings);

}  // namespace volute::check
