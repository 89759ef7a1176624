// Units to dispatches; see lower.hpp.

#include "engine/compile/lower.hpp"

#include <algorithm>
#include <utility>

#include "engine/compile/product.hpp"
#include "engine/compile/steps.hpp"
#include "engine/kernels/scatter.hpp"

namespace volute {
namespace {

/// Nodes of a kernel in an order in which each follows what it uses.
std::vector<const Node*> in_dependency_order(const std::vector<const Node*>& nodes) {
  std::vector<const Node*> order;
  const auto add = [&](const Node* node, const auto& self) -> void {
    if (std::find(order.begin(), order.end(), node) != order.end()) return;
    if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) return;
    for (const Node* input : node->inputs) self(stored(input), self);
    order.push_back(node);
  };
  for (const Node* node : nodes) add(node, add);
  return order;
}

class Lowering {
 public:
  Lowering(Layout& layout, const KernelTarget& target, Tuner* tuner)
      : layout_(layout), target_(target), tuner_(tuner) {}

  std::vector<Section> run(const std::vector<Unit>& units) {
    const std::function plain = [this](const Unit& unit, std::vector<Lowered>& out) { append(unit, out); };
    for (const Unit& unit : units) {
      if (unit.kind == Unit::Kind::loop) lower_loop(unit, layout_, target_, tuner_, plain, sections_);
      else if (unit.kind == Unit::Kind::exchange) join();
      else append(unit, once());
    }
    for (const auto& [target, value] : layout_.late_updates()) once().push_back(copy(value, layout_.view(target)));
    join();
    return std::move(joined_);
  }

 private:
  /// What is lowered so far is joined with itself only: it is not to wait for other ranks.
  void join() {
    for (LoweredSection& each : join_independent(std::exchange(sections_, {}), target_)) {
      const bool apart = joined_.empty() || each.repeats() || joined_.back().length;
      if (apart) joined_.push_back(each.loop);
      for (Lowered& lowered : each.dispatches) joined_.back().dispatches.push_back(std::move(lowered.dispatch));
    }
  }

  std::vector<Lowered>& once() {
    if (sections_.empty() || sections_.back().repeats()) sections_.emplace_back();
    return sections_.back().dispatches;
  }

  void append(const Unit& unit, std::vector<Lowered>& out) {
    const auto view = [&](const Node* node) { return layout_.view(node); };
    if (unit.kind == Unit::Kind::matmul) {
      const Node* node = unit.anchor;
      const auto a = matrix_operand(view(node->inputs[0])), b = matrix_operand(view(node->inputs[1]));
      const auto scratch = [&](std::int64_t elements) { return layout_.scratch("partial products", elements); };
      for (Dispatch& d : product_dispatches(a.value(), b.value(), view(node), target_, scratch, tuner_))
        out.push_back({std::move(d), {}});
    } else if (unit.kind == Unit::Kind::scatter) {
      const Node* node = unit.anchor;
      const std::int64_t count = node->inputs[0]->shape.elements();
      const Storage* head = layout_.scratch("list heads", node->shape[0] * scatter_blocks(view(node->inputs[0])));
      const Storage* next = layout_.scratch("list links", count);
      for (Dispatch& d :
           scatter_dispatches(view(node->inputs[0]), view(node->inputs[1]), view(node), head, next, target_))
        out.push_back({std::move(d), {}});
    } else {
      out.push_back(fused(unit));
    }
  }

  Lowered fused(const Unit& unit) {
    const FusedKernel kernel = kernel_of(unit, layout_);
    return {fused_dispatch(kernel, target_), {kernel}};
  }

  /// A kernel that only stores `value` again at `place`.
  Lowered copy(const Node* value, const View& place) {
    Node& node = copies_.emplace_back();
    node.op = Op::copy;
    node.dtype = value->dtype;
    node.shape = value->shape;
    node.inputs = {const_cast<Node*>(value)};
    FusedKernel kernel;
    kernel.nodes = {&node};
    kernel.outputs = {{&node, place}};
    kernel.view = [&](const Node* n) { return layout_.view(n); };
    return {fused_dispatch(kernel, target_), {kernel}};
  }

  Layout& layout_;
  const KernelTarget& target_;
  Tuner* tuner_;
  std::vector<LoweredSection> sections_;
  std::vector<Section> joined_;
  std::deque<Node> copies_;
};

}  // namespace

FusedKernel kernel_of(const Unit& unit, Layout& layout) {
  FusedKernel kernel;
  kernel.nodes = in_dependency_order(unit.nodes);
  kernel.rows = unit.kind == Unit::Kind::rows;
  kernel.view = [&layout](const Node* node) { return layout.view(node); };
  if (unit.kind == Unit::Kind::reduce) {
    kernel.reduce = unit.anchor;
    kernel.outputs.push_back({unit.anchor, layout.view(unit.anchor)});
    return kernel;
  }
  for (const Node* node : kernel.nodes)
    if (layout.is_needed(node)) kernel.outputs.push_back({node, layout.view(node)});
  return kernel;
}

std::vector<Section> lower(const std::vector<Unit>& units, Layout& layout, const KernelTarget& target, Tuner* tuner) {
  return Lowering(layout, target, tuner).run(units);
}

}  // namespace volute
