// One composition checked three ways: the device against the float64 reference, its gradients too, and the
// reference's gradients against central differences of the reference.
// Invariant: feeds depend on their names alone; differences are taken at every element of every leaf.
#pragma once

#include <functional>
#include <map>

#include <volute/reference.hpp>
#include <volute/volute.hpp>

#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute::test {

class GradientCheck {
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
  GradientCheck& parameters(const nn::Module& module) {
    for (const Parameter& p : module.parameters()) {
      leaves_.push_back(graph.parameter(p));
      fed_.emplace_back(leaves_.back(), p.values());
    }
    return *this;
  }

  /// sum(out * fixed random factors) stands for a loss of any output.
  void check(Tensor out, double tolerance = 2e-5) {
    Tensor loss = out;
    if (out.rank() > 0)
      loss = sum(out * constant("check.factor", out.shape(),
                                random_values(static_cast<std::size_t>(out.shape().elements()), 999)));
    std::vector<Tensor> wanted = {out, loss};
    for (Tensor gradient : gradients(loss, leaves_)) wanted.push_back(gradient);
    Reference reference;
    for (auto& [t, values] : fed_) reference.set(t, widen(values));
    for (auto& [t, values] : fed_u32_) reference.set(t, widen(values));
    const auto want = reference.evaluate(wanted);
    compare_device(wanted, want, tolerance);
    compare_differences(reference, loss, want);
  }

 private:
  void compare_device(const std::vector<Tensor>& wanted, const std::vector<std::vector<double>>& want, double tolerance) {
    Program program = device().compile(graph, Targets(wanted));
    std::vector<Feed> feeds;
    for (auto& [t, values] : fed_)
      if (label(t) != "" && is_input(t)) feeds.emplace_back(t, values);
    for (auto& [t, values] : fed_u32_) feeds.emplace_back(t, values);
    program.run(feeds);
    std::vector<std::vector<float>> first;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      first.push_back(program.read(wanted[i]));
      EXPECT_TRUE(close(first[i], want[i], tolerance, tolerance)) << what(i) << " on the device";
    }
    program.reset();  // the step count too, so random numbers repeat
    program.run(feeds);
    for (std::size_t i = 0; i < wanted.size(); ++i)
      EXPECT_EQ(program.read(wanted[i]), first[i]) << what(i) << " differs between two runs";
  }

  void compare_differences(Reference& reference, Tensor loss, const std::vector<std::vector<double>>& want) {
    constexpr double h = 1e-5;
    for (std::size_t k = 0; k < leaves_.size(); ++k) {
      std::vector<double> values;
      for (auto& [t, fed] : fed_)
        if (t == leaves_[k]) values = widen(fed);
      std::vector<double> slopes;
      for (double& v : values) {
        const double middle = v;
        auto at = [&](double x) {
          v = x;
          reference.set(leaves_[k], values);
          return reference.evaluate({loss})[0][0];
        };
        slopes.push_back((at(middle + h) - at(middle - h)) / (2 * h));
        v = middle;
      }
      reference.set(leaves_[k], values);
      EXPECT_TRUE(close(want[2 + k], slopes, 1e-5, 1e-6)) << what(2 + k) << " against differences";
    }
  }

  bool is_input(Tensor t) const {
    for (const Tensor& p : parameters_of(t)) if (p == t) return false;
    return true;
  }
  std::string what(std::size_t i) const {
    return i == 0 ? "output" : i == 1 ? "loss" : "gradient of " + label(leaves_[i - 2]);
  }

  std::vector<Tensor> leaves_;
  std::vector<std::pair<Tensor, std::vector<float>>> fed_;
  std::vector<std::pair<Tensor, std::vector<std::uint32_t>>> fed_u32_;
  std::uint32_t seed_ = 100;
};

}  // namespace volute::test
