// See composition.hpp.
#include "engine/check/composition.hpp"

#include "engine/compile/program_data.hpp"

namespace volute::check {
namespace {

bool is_parameter(Tensor t) {
  for (const Tensor& p : parameters_of(t))
    if (p == t) return true;
  return false;
}

}  // namespace

void Composition::check(const Device& device, Tensor out, double tolerance, Findings& findings) {
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
  compare_device(device, wanted, want, tolerance, findings);
  compare_differences(reference, loss, want, findings);
}

void Composition::compare_device(const Device& device, const std::vector<Tensor>& wanted,
                                 const std::vector<std::vector<double>>& want, double tolerance,
                                 Findings& findings) const {
  Program program = compile_program(device.data(), graph, Targets(wanted));
  std::vector<Feed> feeds;
  for (auto& [t, values] : fed_)
    if (label(t) != "" && !is_parameter(t)) feeds.emplace_back(t, values);
  for (auto& [t, values] : fed_u32_) feeds.emplace_back(t, values);
  program.run(feeds);
  std::vector<std::vector<float>> first;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    first.push_back(program.read(wanted[i]));
    findings.close(what(i) + " on the device", first[i], want[i], tolerance, tolerance);
  }
  program.reset();  // the step count too, so random numbers repeat
  program.run(feeds);
  for (std::size_t i = 0; i < wanted.size(); ++i)
    findings.expect(same_bits({program.read(wanted[i])}, {first[i]}), what(i) + ": a second run gives other bits");
}

void Composition::compare_differences(Reference& reference, Tensor loss, const std::vector<std::vector<double>>& want,
                                      Findings& findings) const {
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
    findings.close(what(2 + k) + " against differences", want[2 + k], slopes, 1e-5, 1e-6);
  }
}

std::string Composition::what(std::size_t i) const {
  return i == 0 ? "output" : i == 1 ? "loss" : "gradient of " + label(leaves_[i - 2]);
}

}  // namespace volute::check
