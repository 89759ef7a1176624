// The float64 evaluator: walks a live copy of the graph, loops step by step.
// Invariant: every value is a row-major array of the node's shape.

#include <volute/reference.hpp>

#include <algorithm>
#include <cmath>

#include "engine/graph/build.hpp"
#include "engine/graph/live.hpp"
#include "engine/graph/narrow.hpp"
#include "engine/graph/operation.hpp"

namespace volute {
namespace {

class Evaluator {
 public:
  Evaluator(std::unordered_map<const Node*, Values> given, std::uint32_t seed, std::uint32_t step)
      : values_(std::move(given)), seed_(seed), step_(step) {}

  void run(const std::vector<Node*>& order) {
    for (const Node* node : order) {
      if (node->op == Op::scan) loop(*node->scan);
      else if (operation(node->op).kind != Kind::time && !values_.contains(node)) values_[node] = compute(*node);
    }
  }

  const Values& at(const Node* node) const { return values_.at(node); }

 private:
  Values compute(const Node& node) {
    switch (node.op) {
      case Op::input: return leaf(node, static_cast<double>(seed_));
      case Op::state: return leaf(node, static_cast<double>(step_));
      case Op::parameter: return parameter(*node.parameter);
      case Op::constant: return {node.value};
      case Op::iota: return iota(node.shape[0]);
      case Op::random: return random(node);
      default: break;
    }
    std::vector<const Values*> in;
    for (const Node* input : node.inputs) in.push_back(&values_.at(input));
    return operation(node.op).reference(node, in);
  }

  static Values parameter(ParameterData& data) {
    if (data.device) data.device->read(data.host);
    return {data.host.begin(), data.host.end()};
  }

  /// "seed" and "step" are given; scalars and states have initial values; other inputs must be set.
  static Values leaf(const Node& node, double counter) {
    const bool counts = node.dtype == DType::u32 && node.shape.rank() == 0;
    if (counts && (node.name == "seed" || node.name == "step")) return {counter};
    if (node.op == Op::input && !node.has_default)
      throw InvalidGraph("reference: input \"" + node.name + "\" was not set");
    return Values(node.shape.elements(), node.value);
  }

  static Values iota(std::int64_t length) {
    Values out(length);
    for (std::int64_t i = 0; i < length; ++i) out[i] = static_cast<double>(i);
    return out;
  }

  Values random(const Node& node) {
    const auto step = static_cast<std::uint32_t>(values_.at(node.inputs[1])[0]);
    const auto seed = static_cast<std::uint32_t>(values_.at(node.inputs[0])[0]);
    Values out(node.shape.elements());
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = random_value(node.shape, i, t_, static_cast<std::uint32_t>(node.ints[0]), step, seed);
    return out;
  }

  void loop(const Scan& scan) {
    const auto order = body_order(&scan);
    std::vector<Values> states;
    for (const Node* carry : scan.carries) states.push_back(values_.at(carry->inputs[0]));
    std::unordered_map<const Node*, Values> stacks, totals;
    for (const Node* node : scan.results) {
      stacks[node].resize(scan.length * node->shape.elements());
      totals[node].assign(node->shape.elements(), 0);
    }
    for (std::int64_t i = 0; i < scan.length; ++i) {
      t_ = static_cast<std::uint32_t>(scan.reverse ? scan.length - 1 - i : i);
      enter_step(scan, order, states);
      run(order);
      for (const Node* node : scan.results) keep(values_.at(node), stacks[node], totals[node]);
      for (std::size_t j = 0; j < states.size(); ++j) states[j] = values_.at(scan.next[j]);
    }
    t_ = 0;
    publish(scan, stacks, totals, states);
  }

  void enter_step(const Scan& scan, const std::vector<Node*>& order, const std::vector<Values>& states) {
    for (const Node* node : order) values_.erase(node);
    for (std::size_t j = 0; j < states.size(); ++j) values_[scan.carries[j]] = states[j];
    for (const Node* element : scan.elements) {
      const Values& xs = values_.at(element->inputs[0]);
      const std::int64_t size = element->shape.elements();
      values_[element] = Values(xs.begin() + t_ * size, xs.begin() + (t_ + 1) * size);
    }
  }

  void keep(const Values& value, Values& stacked, Values& summed) const {
    std::copy(value.begin(), value.end(), stacked.begin() + static_cast<std::int64_t>(t_ * value.size()));
    for (std::size_t i = 0; i < value.size(); ++i) summed[i] += value[i];
  }

  void publish(const Scan& scan, const std::unordered_map<const Node*, Values>& stacks,
               const std::unordered_map<const Node*, Values>& totals, const std::vector<Values>& states) {
    for (const Node& node : scan.node->graph->nodes) {
      if (node.scan != &scan) continue;
      if (node.op == Op::stack) values_[&node] = stacks.at(node.body);
      if (node.op == Op::total) values_[&node] = totals.at(node.body);
      if (node.op == Op::last) values_[&node] = states[node.index];
    }
  }

  std::unordered_map<const Node*, Values> values_;
  std::uint32_t seed_, step_, t_ = 0;
};

bool is_u32(double value) { return value >= 0 && value <= 4294967295.0 && value == std::trunc(value); }

}  // namespace

void Reference::set(Tensor tensor, Values values) {
  require_tensors("reference", std::span<const Tensor>(&tensor, 1));
  if (static_cast<std::int64_t>(values.size()) != tensor.shape().elements())
    throw InvalidGraph("reference: " + tensor.shape().str() + " needs " + std::to_string(tensor.shape().elements()) +
                       " values; got " + std::to_string(values.size()));
  if (tensor.dtype() == DType::u32 && !std::all_of(values.begin(), values.end(), is_u32))
    throw InvalidGraph("reference: a u32 tensor needs whole numbers from 0 to 4294967295");
  given_[tensor.node()] = std::move(values);
}

std::vector<Reference::Values> Reference::evaluate(const std::vector<Tensor>& tensors) const {
  if (tensors.empty()) return {};
  require_tensors("reference", tensors);
  LiveGraph live = live_graph(graph_of(tensors[0]), Targets(tensors));
  narrow(live, precision_);
  std::unordered_map<const Node*, Values> given;
  for (const auto& [node, values] : given_)
    if (live.from_user.contains(node)) given[live.from_user.at(node)] = values;
  Evaluator evaluator(std::move(given), seed_, step_);
  evaluator.run(topological(live.outputs, nullptr));
  std::vector<Values> out;
  for (const Node* node : live.outputs) out.push_back(evaluator.at(node));
  return out;
}

}  // namespace volute
