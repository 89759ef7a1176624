// 300 random combinations of cell options and stack options: the device against the float64 reference, and the
// reference's gradients against finite differences of it. Invariant: a combination is a function of its number;
// a failure prints it.

#include <gtest/gtest.h>

#include "engine/check/combinations.hpp"
#include "tests/support/device.hpp"
#include "tests/support/findings.hpp"

namespace volute::test {
namespace {

using namespace check;

class RandomCells : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(RandomCells, DeviceReferenceAndFiniteDifferencesAgree) {
  double worst = 0;
  for (std::uint32_t number = GetParam(); number < GetParam() + 30; ++number) {
    const Setting setting = combination(number);
    SCOPED_TRACE("combination " + std::to_string(number) + ": " + setting.note);
    expect_nothing_found([&](Findings& findings) {
      check_gradients(device(), setting, number, findings);
      worst = std::max(worst, findings.worst());
    });
  }
  std::printf("worst error: %.2f of what is allowed\n", worst);
}

TEST(RandomCellsInSixteenBits, DeviceAndRoundedReferenceAgree) {
  for (std::uint32_t number = 1000; number < 1024; ++number) {
    const Setting setting = combination(number);
    SCOPED_TRACE("combination " + std::to_string(number) + ": " + setting.note);
    expect_nothing_found([&](Findings& findings) {
      check_rounded_gradients(device(), setting, number, number % 2 ? Precision::f16 : Precision::bf16, findings);
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Numbers, RandomCells, ::testing::Range(0u, 300u, 30u));

}  // namespace
}  // namespace volute::test
