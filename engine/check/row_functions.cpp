// See row_functions.hpp.
#include "engine/check/row_functions.hpp"

#include <cmath>
#include <limits>

#include <volute/volute.hpp>

#include "engine/check/values.hpp"

namespace volute::check {
namespace {

std::vector<Tensor> none(Tensor losses) { return {losses}; }

}  // namespace

const std::vector<RowFunction>& row_functions() {
  static const std::vector<RowFunction> all = {
      {"softmax", [](Inputs in) { return none(softmax(in[0])); }},
      {"log_softmax", [](Inputs in) { return none(log_softmax(in[0])); }},
      {"masked softmax", [](Inputs in) { return none(masked_softmax(in[0], in[2])); }},
      {"cross_entropy", [](Inputs in) { return none(cross_entropy(in[0], in[1], {.reduction = Reduction::none})); }},
      {"cross_entropy, ignored index",
       [](Inputs in) {
         return none(cross_entropy(in[0], in[1], {.ignore_index = 1, .reduction = Reduction::none}));
       }},
      {"cross_entropy, weights and smoothing",
       [](Inputs in) {
         return none(cross_entropy(
             in[0], in[1], {.label_smoothing = 0.2f, .class_weights = in[2], .reduction = Reduction::none}));
       }},
      {"layer norm",
       [](Inputs in) {
         Tensor centred = in[0] - mean(in[0], {-1}, true);
         return none(centred / sqrt(mean(centred * centred, {-1}, true) + 1e-5f) * in[2] + in[2]);
       }},
      {"argmax, whose V positions are computed once", [](Inputs in) { return none(argmax(in[0])); }, 2},
      {"values, their maximum and their sum",
       [](Inputs in) { return std::vector{exp(in[0]), max(exp(in[0]), {-1}), sum(tanh(in[0]), {-1}, true)}; }}};
  return all;
}

Leaves row_leaves(std::int64_t R, std::int64_t V) {
  return {between({R, V}, -3, 3), indices({R}, static_cast<std::uint32_t>(V)), positive({V})};
}

namespace {

/// The words of outputs and gradients, with row kernels or without.
std::vector<std::vector<float>> values(const Device& device, const RowFunction& f, const std::vector<float>& x,
                                       std::int64_t R, std::int64_t V, bool join) {
  Graph g;
  const std::vector<Tensor> in = {g.input("x", {R, V}), g.input("y", {R}, DType::u32), g.input("w", {V})};
  std::vector<Tensor> wanted = f.build(in);
  if (wanted[0].dtype() != DType::f32) return {};
  const std::vector<Tensor> gradient = gradients(sum(wanted[0]), {in[0]});
  wanted.push_back(gradient[0]);
  Program program = compile_program(device.data(), g, Targets(wanted), {.texel_loads = true, .join = join});
  const auto y = random_indices(static_cast<std::size_t>(R), 3, 5);
  const auto w = random_values(static_cast<std::size_t>(V), 4, 0.5f, 2.0f);
  std::vector<Feed> feeds{{in[0], x}};
  if (program.data().inputs.contains(in[1].node())) feeds.emplace_back(in[1], y);
  if (program.data().inputs.contains(in[2].node())) feeds.emplace_back(in[2], w);
  program.run(feeds);
  std::vector<std::vector<float>> read;
  for (const Tensor t : wanted) read.push_back(program.read(t));
  return read;
}

bool same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

}  // namespace

void check_row_bits(const Device& device, const RowFunction& function, Findings& findings) {
  const std::int64_t R = 9, V = 33;
  std::vector<float> x = random_values(static_cast<std::size_t>(R * V), 8, -4, 4);
  const float low = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < x.size(); ++i)
    if (i % 7 == 3 || i / 33 == 4) x[i] = low;
  const auto together = values(device, function, x, R, V, true), apart = values(device, function, x, R, V, false);
  for (std::size_t k = 0; k < together.size(); ++k)
    findings.expect(std::ranges::equal(together[k], apart[k], same),
                    "result " + std::to_string(k) + " has other bits than the kernels it stands for");
}

}  // namespace volute::check
