// The device every test of a binary shares: making one costs more than most tests.
// Invariant: made at its first use, so tests that need no device run where there is none.
#pragma once

#include <volute/device.hpp>

namespace volute::test {

inline Device& device() {
  static Device instance;
  return instance;
}

}  // namespace volute::test
