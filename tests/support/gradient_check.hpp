// check::Composition on the tests' device: what it finds fails the test.
#pragma once

#include "engine/check/composition.hpp"
#include "tests/support/device.hpp"
#include "tests/support/findings.hpp"
#include "tests/support/values.hpp"

namespace volute::test {

class GradientCheck : public check::Composition {
 public:
  GradientCheck& parameters(const nn::Module& module) {
    check::Composition::parameters(module);
    return *this;
  }
  void check(Tensor out, double tolerance = 2e-5) {
    expect_nothing_found([&](check::Findings& found) { check::Composition::check(device(), out, tolerance, found); });
  }
};

}  // namespace volute::test
