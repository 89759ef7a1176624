// Common subexpressions and local algebra. Invariant: every round only replaces nodes by equal ones;
// rounds repeat until nothing changes, since later passes add operands behind their users.

#include <map>
#include <optional>
#include <tuple>

#include "engine/compile/passes.hpp"
#include "engine/graph/build.hpp"
#include "engine/graph/operation.hpp"

namespace volute {
namespace {

/// The value of a broadcast or reshaped constant.
std::optional<double> constant_value(const Node* node) {
  while (node->op == Op::broadcast || node->op == Op::reshape) node = node->inputs[0];
  if (node->op != Op::constant) return std::nullopt;
  return node->value;
}

class Simplifier {
 public:
  explicit Simplifier(LiveGraph& live) : live_(live) {
    for (const Node& node : live.graph->nodes)
      for (const Node* input : node.inputs) ++uses_[input];
    for (const Node* node : live.outputs) ++uses_[node];
    for (const auto& [target, value] : live.updates) ++uses_[value];
  }

  /// One round over all nodes. Returns whether anything was replaced.
  bool run() {
    const std::size_t count = live_.graph->nodes.size();
    for (std::size_t id = 0; id < count; ++id) {
      Node* node = &live_.graph->nodes[id];
      redirect(node);
      Node* better = merged(rewritten(node));
      if (better != node) forward_[node] = better;
    }
    for (Node& node : live_.graph->nodes) redirect(&node);
    for (Scan& scan : live_.graph->scans)
      for (Node*& next : scan.next) next = resolve(next);
    for (Node*& node : live_.outputs) node = resolve(node);
    for (auto& [target, value] : live_.updates) value = resolve(value);
    for (auto& [user, node] : live_.from_user) node = resolve(node);
    return !forward_.empty();
  }

 private:
  using Key = std::tuple<Op, DType, std::vector<std::int64_t>, std::vector<Node*>, std::vector<std::int64_t>, double,
                         Scan*, Scan*, Node*, int>;

  Node* resolve(Node* node) const {
    for (auto it = forward_.find(node); it != forward_.end(); it = forward_.find(node)) node = it->second;
    return node;
  }

  void redirect(Node* node) const {
    for (Node*& input : node->inputs) input = resolve(input);
    if (node->body) node->body = resolve(node->body);
  }

  Node* merged(Node* node) {
    switch (node->op) {
      case Op::input: case Op::parameter: case Op::state: case Op::carry: case Op::scan: return node;
      case Op::sum_over_ranks: return node;  // every rank has as many, whatever is equal on one of them
      default: break;
    }
    const Key key{node->op,    node->dtype, node->shape.dims(), node->inputs, node->ints, node->value,
                  node->scope, node->scan,  node->body,         node->index};
    return known_.try_emplace(key, node).first->second;
  }

  Node* rewritten(Node* node) {
    if (node->dtype == DType::u32 || node->inputs.empty()) return node;
    const auto is = [&](int input, double value) { return constant_value(node->inputs[input]) == value; };
    switch (node->op) {
      case Op::mul: return is(0, 1) ? node->inputs[1] : is(1, 1) ? node->inputs[0] : node;
      case Op::div: return is(1, 1) ? node->inputs[0] : node;
      case Op::add: return is(0, 0) ? node->inputs[1] : is(1, 0) ? node->inputs[0] : node;
      case Op::sub: return is(1, 0) ? node->inputs[0] : node;
      case Op::stop_gradient: return node->inputs[0];  // gradients are built by now
      case Op::broadcast: return joined_broadcast(node);
      case Op::transpose: return transposed(node);
      default: return node;
    }
  }

  /// A constant needs one broadcast, whatever shapes it passed on the way.
  Node* joined_broadcast(Node* node) {
    Node* source = node->inputs[0];
    while (source->op == Op::broadcast || source->op == Op::reshape) source = source->inputs[0];
    if (source->op == Op::constant) node->inputs[0] = source;
    return node;
  }

  Node* transposed(Node* node) {
    Node* input = node->inputs[0];
    const int rank = node->shape.rank();
    if (input->op == Op::transpose) {
      bool identity = true;
      for (int i = 0; i < rank; ++i) identity &= input->ints[node->ints[i]] == i;
      if (identity) return input->inputs[0];
    }
    bool swaps_matrix = rank >= 2 && node->ints[rank - 1] == rank - 2;
    for (int i = 0; i + 2 < rank; ++i) swaps_matrix &= node->ints[i] == i;
    if (swaps_matrix && input->op == Op::matmul && uses_[input] == 1) {  // (a b)^T = b^T a^T
      const Tensor a(input->inputs[0]), b(input->inputs[1]);
      return matmul(transpose(b), transpose(a)).node();
    }
    return node;
  }

  LiveGraph& live_;
  std::unordered_map<const Node*, int> uses_;
  std::unordered_map<const Node*, Node*> forward_;
  std::map<Key, Node*> known_;
};

}  // namespace

void simplify(LiveGraph& live) {
  while (Simplifier(live).run()) sweep(live);
}

}  // namespace volute
