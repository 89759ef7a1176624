// The checks every row gets; see case.hpp.
#include "engine/check/case.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "engine/check/values.hpp"
#include "engine/graph/operation.hpp"

namespace volute::check {
namespace {

// After every storage lie bytes no kernel may touch. They hold NaNs, as does all memory at the start, so
// whatever reads what was never written shows in the results.
constexpr std::uint64_t guard_bytes = 256;

std::size_t count_of(const Shape& shape) { return static_cast<std::size_t>(shape.elements()); }

std::vector<float> floats_of(const Leaf& leaf, std::uint32_t seed) {
  const std::size_t n = count_of(leaf.shape);
  auto values = random_values(n, seed, leaf.lo, leaf.hi);
  if (leaf.distinct) {
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), 0u);
    std::mt19937 engine(seed);
    for (std::size_t i = n; i > 1; --i) std::swap(order[i - 1], order[engine() % i]);
    for (std::size_t i = 0; i < n; ++i)
      values[i] = leaf.lo + (leaf.hi - leaf.lo) * (static_cast<float>(order[i]) + 0.25f) / static_cast<float>(n);
  }
  for (float& v : values)
    if (std::abs(v) < leaf.gap) v = v < 0 ? v - leaf.gap : v + leaf.gap;
  return values;
}

/// The words of an output as the device left them, padding included.
std::vector<std::uint32_t> padded_words(Program& program, Tensor output) {
  program.wait();
  const Program::Data& data = program.data();
  std::vector<std::uint32_t> words(padded_bytes(output.shape()) / 4);
  std::memcpy(words.data(), data.readback->mapped() + data.outputs.at(output.node()).offset, words.size() * 4);
  return words;
}

/// What lies in the padding of a value outside of loops that has memory of its own, outputs among them; empty if all
/// is zero.
std::string dirty_padding(Program& program) {
  Program::Data& data = program.data();
  for (const Node& node : data.live.graph->nodes) {
    const Kind kind = operation(node.op).kind;
    if (node.scope || !data.layout->is_needed(&node) || (kind != Kind::pointwise && kind != Kind::kernel)) continue;
    const auto destination = data.destinations.find(&node);
    if (destination != data.destinations.end() && destination->second.kind == Destination::Kind::piece) continue;
    const View view = data.layout->view(&node);
    if (!view.natural() || view.storage->bytes != padded_bytes(node.shape)) continue;
    std::vector<std::uint32_t> words(padded_bytes(node.shape) / 4);
    vk::BufferRange range = data.ranges.at(view.storage->id);
    range.bytes = view.storage->bytes;  // without its guard
    vk::download(data.device->context, range, words.data());
    const auto width = static_cast<std::size_t>(node.shape.rank() ? node.shape[-1] : 1), pitch = (width + 3) / 4 * 4;
    for (std::size_t i = 0; i < words.size(); ++i)
      if (i % pitch >= width && words[i] != 0)
        return "row " + std::to_string(i / pitch) + " of " + name_of(node.op) + node.shape.str() + " has word " +
               std::to_string(words[i]) + " in padding lane " + std::to_string(i % pitch);
  }
  return {};
}

std::vector<double> values_of(Program& program, Tensor output) {
  return output.dtype() == DType::f32 ? widen(program.read(output)) : widen(program.read_u32(output));
}

}  // namespace

Case::Case(const Build& build, const Leaves& leaves, std::uint32_t seed) : leaves_(leaves) {
  for (std::size_t i = 0; i < leaves_.size(); ++i) {
    const Leaf& leaf = leaves_[i];
    const auto own = seed + static_cast<std::uint32_t>(i);
    inputs_.push_back(graph_.input("in" + std::to_string(i), leaf.shape, leaf.bound ? DType::u32 : DType::f32));
    if (leaf.bound)
      values_.emplace_back(random_indices(count_of(leaf.shape), own, leaf.bound));
    else
      values_.emplace_back(floats_of(leaf, own));
  }
  outputs_ = build(inputs_);
  add_loss(seed + 100);
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    std::visit([&](const auto& v) { reference_.set(inputs_[i], widen(v)); }, values_[i]);
}

void Case::add_loss(std::uint32_t seed) {
  const std::size_t outputs = outputs_.size();
  for (std::size_t k = 0; k < outputs; ++k) {
    if (outputs_[k].dtype() != DType::f32) continue;
    const Shape shape = outputs_[k].shape();
    const Tensor factor = graph_.input("factor" + std::to_string(k), shape);
    inputs_.push_back(factor);
    values_.emplace_back(random_values(count_of(shape), seed + static_cast<std::uint32_t>(k)));
    const Tensor term = sum(outputs_[k] * factor);
    loss_ = loss_ ? loss_ + term : term;
  }
  if (!loss_) return;
  std::vector<Tensor> wrt;
  for (std::size_t i = 0; i < leaves_.size(); ++i) {
    if (leaves_[i].bound) continue;
    wrt_.push_back(i);
    wrt.push_back(inputs_[i]);
  }
  gradients_ = gradients(loss_, wrt);
}

std::string Case::shapes() const {
  std::string text;
  for (const Leaf& leaf : leaves_) text += (text.empty() ? "" : " ") + leaf.shape.str();
  return text;
}

double Case::slope(const std::vector<Tensor>& loss, std::size_t leaf, const std::vector<double>& direction) const {
  constexpr double step = 1e-5;  // rounding 1e-16 / step against truncation step^2: both near 1e-10
  const auto base = widen(std::get<std::vector<float>>(values_[leaf]));
  double at[2];
  for (int side = 0; side < 2; ++side) {
    std::vector<double> moved = base;
    for (std::size_t i = 0; i < base.size(); ++i) moved[i] += (side ? step : -step) * direction[i];
    Reference reference = reference_;
    reference.set(inputs_[leaf], std::move(moved));
    at[side] = reference.evaluate(loss)[0][0];
  }
  return (at[1] - at[0]) / (2 * step);
}

/// Some elements one by one, and all of them along a random direction.
void Case::check_leaf(std::size_t leaf, const std::vector<double>& gradient, Findings& findings) const {
  constexpr std::size_t singles = 6;
  std::mt19937 engine(static_cast<std::uint32_t>(leaf) + 1);
  std::vector<double> direction(gradient.size());
  for (std::size_t k = 0; k < std::min(singles, gradient.size()); ++k) {
    const std::size_t i = gradient.size() <= singles ? k : engine() % gradient.size();
    std::fill(direction.begin(), direction.end(), 0.0);
    direction[i] = 1;
    findings.at_most("d loss / d in" + std::to_string(leaf) + "[" + std::to_string(i) + "] against differences",
                     std::abs(gradient[i] - slope({loss_}, leaf, direction)), 1e-7 + 1e-6 * std::abs(gradient[i]));
  }
  double along = 0, size = 0;
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    direction[i] = engine() % 2 ? 1 : -1;
    along += gradient[i] * direction[i];
    size += std::abs(gradient[i]);
  }
  findings.at_most("d loss / d in" + std::to_string(leaf) + ", all of it, against differences",
                   std::abs(along - slope({loss_}, leaf, direction)), 1e-7 + 1e-7 * size);
}

void Case::check_gradients(Findings& findings) const {
  if (gradients_.empty()) return;
  const auto found = reference_.evaluate(gradients_);
  for (std::size_t k = 0; k < wrt_.size(); ++k) {
    const std::string name = "in" + std::to_string(wrt_[k]);
    if (!findings.expect(gradients_[k].shape() == leaves_[wrt_[k]].shape, name + " has a gradient of another shape"))
      continue;
    if (leaves_[wrt_[k]].differentiable)
      check_leaf(wrt_[k], found[k], findings);
    else
      findings.expect(magnitude(found[k]) == 0, name + " is meant to have no gradient");
  }
}

std::vector<Case::Words> Case::run(Program& program, const std::vector<Tensor>& wanted) const {
  std::vector<Feed> given;
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    if (program.data().inputs.contains(inputs_[i].node()))
      std::visit([&](const auto& v) { given.emplace_back(inputs_[i], v); }, values_[i]);
  program.reset();
  program.run(given);
  std::vector<Words> words;
  for (Tensor t : wanted) words.push_back(padded_words(program, t));
  return words;
}

void Case::check_device(const Device& device, CompileOptions options, double tolerance, Findings& findings) const {
  std::vector<Tensor> wanted = outputs_;
  wanted.insert(wanted.end(), gradients_.begin(), gradients_.end());
  const auto expected = reference_.evaluate(wanted);
  Program aliased = compile_program(device.data(), graph_, Targets(wanted), options);
  const auto shared = run(aliased, wanted);
  options.guard_bytes = guard_bytes;
  options.alias = false;
  Program program = compile_program(device.data(), graph_, Targets(wanted), options);
  const auto first = run(program, wanted), second = run(program, wanted);
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    const std::string name = k < outputs_.size() ? "output " + std::to_string(k)
                                                 : "gradient of in" + std::to_string(wrt_[k - outputs_.size()]);
    const double absolute = tolerance * magnitude(expected[k], 1) / 4;
    findings.close(name, values_of(program, wanted[k]), expected[k], tolerance, absolute);
    findings.expect(first[k] == second[k], name + ": a second run gives other bits");
    findings.expect(first[k] == shared[k], name + ": storages that share memory give other bits");
  }
  const std::string dirt = dirty_padding(program);
  findings.expect(dirt.empty(), dirt);
  findings.expect(guards_intact(program), "memory between storages was written to");
}

}  // namespace volute::check
