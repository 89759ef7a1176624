// Sums longer than what Mesa's CPU drivers let a shader loop over; see engine/check/long_loops.hpp.

#include <gtest/gtest.h>

#include "engine/check/long_loops.hpp"
#include "tests/support/device.hpp"
#include "tests/support/findings.hpp"

namespace volute::test {
namespace {

TEST(LongLoops, AreSummedWhole) {
  expect_nothing_found([](check::Findings& found) { check::check_long_loops(device(), found); });
}

}  // namespace
}  // namespace volute::test
