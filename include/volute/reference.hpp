// The oracle: every operation in plain float64 on the CPU. Slow, obvious, and what kernels, fusions and lowerings are
// tested against; selfcheck does so on a user's device.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include <volute/device.hpp>

namespace volute {

/// Evaluates graphs node by node. u32 tensors are held as doubles with integral values.
class VOLUTE_API Reference {
 public:
  using Values = std::vector<double>;  ///< of one tensor

  /// Values of an input or state, or a replacement for a parameter's; row-major.
  void set(Tensor tensor, Values values);
  void seed(std::uint32_t seed) { seed_ = seed; }  ///< of the random numbers
  void step(std::uint32_t step) { step_ = step; }  ///< Graph::step, also of the random numbers
  /// Rounds operands of products where a program with Targets::precision does. As there, what is rounded may
  /// depend on which tensors are evaluated together.
  void precision(Precision precision) { precision_ = precision; }
  /// Values of the tensors, row-major. Throws InvalidGraph if an input they need was not set.
  std::vector<Values> evaluate(const std::vector<Tensor>& tensors) const;

 private:
  std::unordered_map<const Node*, Values> given_;
  std::uint32_t seed_ = 0, step_ = 0;
  Precision precision_ = Precision::f32;
};

/// What selfcheck found of one part: a kernel family or variant, a way to run loops, the gradients of a cell.
struct Verdict {
  /// skipped: the device lacks something, or was lost.
  enum class Outcome { passed, failed, skipped };
  std::string part;  ///< "products: shared 64x64", "gradients: LSTM": a group, then what of it
  Outcome outcome = Outcome::passed;  ///< of all its cases
  int cases = 0;  ///< how many were run
  double worst = 0;    ///< largest error met, in units of what is allowed: up to 1 passes
  double seconds = 0;  ///< spent on it
  std::string detail;  ///< of the first failure: case, expected and got; of a skipped part: what the device lacks
};
/// How much is checked.
struct SelfcheckOptions {
  bool thorough = false;  ///< every shape and option of the tests: minutes instead of seconds
  std::string only = {};  ///< parts whose names contain it; if none does, there are no verdicts
  std::function<void(const Verdict&)> report = {};  ///< called after each part
};

/// Runs every kernel variant the device can take and the gradients of every cell on it, against the oracle and finite
/// differences, with odd sizes; each twice, whose bits must agree. A part that throws has failed, with the error as
/// detail; after DeviceLost or Timeout the rest is skipped. Takes about a minute on two CPU cores, `thorough` some
/// twenty; less on a GPU. Nothing is left behind but compiled pipelines in the cache.
VOLUTE_API std::vector<Verdict> selfcheck(const Device& device, const SelfcheckOptions& options = {});

}  // namespace volute
