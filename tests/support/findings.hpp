// The engine's own checks (engine/check) inside tests: what they find fails the test that runs them.
#pragma once

#include <gtest/gtest.h>

#include "engine/check/findings.hpp"

namespace volute::test {

/// Runs `checks(findings)`.
template <class Checks>
void expect_nothing_found(const Checks& checks) {
  check::Findings findings;
  checks(findings);
  EXPECT_EQ(findings.failed(), 0) << findings.text();
}

}  // namespace volute::test
