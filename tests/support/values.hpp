// Random values and comparison for tests.
// Invariant: close never passes on NaN or a wrong count.
#pragma once

#include <gtest/gtest.h>

#include "engine/check/values.hpp"

namespace volute::test {

using check::random_indices;
using check::random_values;
using check::widen;

/// |got - want| <= absolute + relative |want| for every element; else says how many differ and shows the worst.
template <class Got, class Want>
::testing::AssertionResult close(const Got& got, const Want& want, double relative, double absolute) {
  const check::Difference found = check::difference(got, want, relative, absolute);
  return found.text.empty() ? ::testing::AssertionSuccess() : ::testing::AssertionFailure() << found.text;
}

}  // namespace volute::test
