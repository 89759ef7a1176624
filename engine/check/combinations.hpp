// Random combinations of cell options and stack options, and the checks of one: the device against the float64
// reference, the reference's gradients against finite differences of it.
// Invariant: a combination is a function of its number; its note says what is in it.
#pragma once

#include "engine/check/findings.hpp"
#include "engine/check/recurrent_case.hpp"

namespace volute::check {

Setting combination(std::uint32_t number);

/// Outputs, last states and every gradient.
void check_gradients(const Device& device, const Setting& setting, std::uint32_t seed, Findings& findings);

/// In 16 bits, against the reference rounded alike. A value near a tie may round the other way, and what follows with
/// it: bounds are of the format's digits and of the largest value, not of each.
void check_rounded_gradients(const Device& device, const Setting& setting, std::uint32_t seed, Precision precision,
                             Findings& findings);

}  // namespace volute::check
