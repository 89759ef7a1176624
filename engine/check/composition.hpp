// One composition checked three ways: the device against the float64 reference, its gradients too, and the
// reference's gradients against central differences of the reference.
// Invariant: feeds depend on their names alone; differences are taken at every element of every leaf.
#pragma once

#include <volute/reference.hpp>
#include <volute/volute.hpp>

#include "engine/check/findings.hpp"

namespace volute::check {

class Composition {
 public:
  Graph graph;

  /// A f32 input to differentiate by, random in [lo, hi) unless values are given.
  Tensor leaf(const std::string& name, const Shape& shape, float lo = -1, float hi = 1) {
    return leaf(name, shape, random_values(static_cast<std::size_t>(shape.elements()), seed_++, lo, hi));
  }
  Tensor leaf(const std::string& name, const Shape& shape, std::vector<float> values) {
    leaves_.push_back(constant(name, shape, std::move(values)));
    return leaves_.back();
  }
  /// An input that is only fed.
  Tensor constant(const std::string& name, const Shape& shape, std::vector<float> values) {
    Tensor t = graph.input(name, shape);
    fed_.emplace_back(t, std::move(values));
    return t;
  }
  Tensor indices(const std::string& name, const Shape& shape, std::vector<std::uint32_t> values) {
    Tensor t = graph.input(name, shape, DType::u32);
    fed_u32_.emplace_back(t, std::move(values));
    return t;
  }
  /// Differentiates by the parameters of a module as well.
  Composition& parameters(const nn::Module& module) {
    for (const Parameter& p : module.parameters()) {
      leaves_.push_back(graph.parameter(p));
      fed_.emplace_back(leaves_.back(), p.values());
    }
    return *this;
  }

  /// sum(out * fixed random factors) stands for a loss of any output.
  void check(const Device& device, Tensor out, double tolerance, Findings& findings);

 private:
  void compare_device(const Device& device, const std::vector<Tensor>& wanted,
                      const std::vector<std::vector<double>>& want, double tolerance, Findings& findings) const;
  void compare_differences(Reference& reference, Tensor loss, const std::vector<std::vector<double>>& want,
                           Findings& findings) const;
  std::string what(std::size_t i) const;

  std::vector<Tensor> leaves_;
  std::vector<std::pair<Tensor, std::vector<float>>> fed_;
  std::vector<std::pair<Tensor, std::vector<std::uint32_t>>> fed_u32_;
  std::uint32_t seed_ = 100;
};

}  // namespace volute::check
