// The oracle: every operation in plain float64 on the CPU. Slow, obvious, and what kernels, fusions and
// lowerings are tested against.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include <volute/graph.hpp>

namespace volute {

/// Evaluates graphs node by node. u32 tensors are held as doubles with integral values.
class VOLUTE_API Reference {
 public:
  using Values = std::vector<double>;

  /// Values of an input or state, or a replacement for a parameter's; row-major.
  void set(Tensor tensor, Values values);
  void seed(std::uint32_t seed) { seed_ = seed; }
  void step(std::uint32_t step) { step_ = step; }
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

}  // namespace volute
