// Reverse-mode differentiation, through scans too. The gradient of a scan is a scan in the other
// direction whose body is the backpropagated body; forward values it needs are read from stacks.
// Invariant: contributions to a node are added in the order of its uses, so sums have one fixed order.

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "engine/graph/build.hpp"
#include "engine/graph/operation.hpp"

namespace volute {
namespace {

/// A gradient contribution: the whole tensor, or a part of one axis (from a slice).
struct Part {
  Tensor value;
  int axis = -1;  ///< -1: whole
  std::int64_t begin = 0, end = 0;
};

using Contributions = std::unordered_map<const Node*, std::vector<Part>>;
using Local = std::function<Tensor(const Node*)>;

Tensor add_all(const std::vector<Tensor>& terms) {
  Tensor sum = terms.at(0);
  for (std::size_t i = 1; i < terms.size(); ++i) sum = sum + terms[i];
  return sum;
}

Tensor zeros_like(const Node* node, Tensor any) { return broadcast_to(constant_like(any, 0), node->shape); }

/// Joins disjoint parts of one axis into a whole tensor, with zeros in the gaps.
Tensor join(const Node* node, int axis, const std::vector<Part>& parts) {
  std::vector<Tensor> pieces;
  std::int64_t at = 0;
  const auto gap = [&](std::int64_t to) {
    if (to == at) return;
    Shape shape = node->shape;
    shape[axis] = to - at;
    pieces.push_back(broadcast_to(constant_like(parts[0].value, 0), shape));
  };
  for (const Part& part : parts) {
    gap(part.begin);
    pieces.push_back(part.value);
    at = part.end;
  }
  gap(node->shape[axis]);
  return concat(pieces, axis);
}

/// The sum of all contributions. Slices that do not overlap become one concat instead of padded sums.
Tensor accumulate(const Node* node, std::vector<Part> parts) {
  std::vector<Tensor> terms;
  std::stable_sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return std::pair(a.axis, a.begin) < std::pair(b.axis, b.begin);
  });
  while (!parts.empty()) {
    if (parts[0].axis < 0) {
      terms.push_back(parts[0].value);
      parts.erase(parts.begin());
      continue;
    }
    std::vector<Part> row, rest;
    for (const Part& part : parts) {
      const bool fits = row.empty() || (part.axis == row[0].axis && part.begin >= row.back().end);
      (fits ? row : rest).push_back(part);
    }
    terms.push_back(join(node, row[0].axis, row));
    parts = std::move(rest);
  }
  return add_all(terms);
}

class Backpropagation {
 public:
  Backpropagation(GraphData* graph, const std::vector<Tensor>& wrt) : graph_(graph) {
    for (const Tensor& t : wrt) needs_.insert(t.node());
    node_count_ = static_cast<int>(graph->nodes.size());
    find_needs();
  }

  /// Runs over the nodes of one scope, last to first, from the contributions already present.
  void run(Scan* scope, Contributions& grads, const Local& local) {
    std::unordered_map<Scan*, std::vector<std::pair<const Node*, Tensor>>> results;
    for (int id = node_count_ - 1; id >= 0; --id) {
      const Node* node = &graph_->nodes[id];
      if (node->scope != scope || !needs_.contains(node)) continue;
      if (node->op == Op::scan) {
        if (results.contains(node->scan)) run_scan(node->scan, results[node->scan], grads);
        continue;
      }
      const auto found = grads.find(node);
      if (found == grads.end()) continue;
      const bool is_result = node->op == Op::stack || node->op == Op::last || node->op == Op::total;
      if (is_result) {
        results[node->scan].emplace_back(node, accumulate(node, found->second));
      } else if (!node->inputs.empty() && node->op != Op::element && node->op != Op::carry) {
        push(node, accumulate(node, found->second), grads, local);
      }
    }
  }

  bool needs(const Node* node) const { return needs_.contains(node); }

 private:
  /// Marks what depends on a `wrt` tensor; loops are repeated until nothing changes.
  void find_needs() {
    for (bool changed = true; changed;) {
      changed = false;
      for (int id = 0; id < node_count_; ++id) {
        const Node* node = &graph_->nodes[id];
        if (node->dtype != DType::u32 && !needs_.contains(node) && depends(node)) {
          needs_.insert(node);
          changed = true;
        }
      }
    }
  }

  bool depends(const Node* node) const {
    const auto in = [&](const Node* n) { return needs_.contains(n); };
    switch (node->op) {
      case Op::stop_gradient: case Op::less: case Op::equal: case Op::to_f32: case Op::to_u32: case Op::sum_over_ranks:
        return false;
      case Op::scan:
        return std::any_of(node->scan->carries.begin(), node->scan->carries.end(), in) ||
               std::any_of(node->scan->elements.begin(), node->scan->elements.end(), in) || body_needs(node->scan);
      case Op::stack: case Op::total: return in(node->body);
      case Op::last: return in(node->scan->carries[node->index]);
      case Op::carry:  // the body of a scan that was given up has no next states
        return in(node->inputs[0]) || (node->scan->node && in(node->scan->next[node->index]));
      default: return std::any_of(node->inputs.begin(), node->inputs.end(), in);
    }
  }

  bool body_needs(const Scan* scan) const {
    return std::any_of(needs_.begin(), needs_.end(), [&](const Node* n) { return n->scope == scan; });
  }

  void push(const Node* node, Tensor grad, Contributions& grads, const Local& local) {
    if (node->op == Op::slice) {
      if (needs(node->inputs[0]))
        grads[node->inputs[0]].push_back({grad, static_cast<int>(node->ints[0]), node->ints[1], node->ints[2]});
      return;
    }
    const auto rule = operation(node->op).gradient;
    if (!rule) return;
    std::vector<Tensor> in;
    for (const Node* input : node->inputs) in.push_back(local(input));
    const std::vector<Tensor> out = rule({node, in, local(node), grad});
    for (std::size_t i = 0; i < out.size(); ++i)
      if (out[i] && needs(node->inputs[i])) grads[node->inputs[i]].push_back({out[i]});
  }

  void run_scan(Scan* forward, const std::vector<std::pair<const Node*, Tensor>>& results, Contributions& outer) {
    Scan* back = graph_->add_scan();
    back->length = forward->length;
    back->reverse = !forward->reverse;
    back->outer = forward->outer;

    Contributions grads;
    std::vector<int> states;  // which forward state each backward carry belongs to
    seed_states(forward, back, results, grads, states);
    for (const auto& [node, grad] : results) {
      if (node->op == Op::stack) grads[node->body].push_back({add_element(back, grad)});
      if (node->op == Op::total) grads[node->body].push_back({grad});
    }
    std::unordered_map<const Node*, Tensor> memo;
    run(forward, grads, [&](const Node* n) { return localise(n, forward, back, memo); });

    const Tensor any = results[0].second;
    for (int j : states) {
      const Node* carry = forward->carries[j];
      const auto found = grads.find(carry);
      back->next.push_back((found == grads.end() ? zeros_like(carry, any) : accumulate(carry, found->second)).node());
    }
    finish_scan(back, graph_);
    for (std::size_t k = 0; k < states.size(); ++k)
      outer[forward->carries[states[k]]->inputs[0]].push_back({last(back, static_cast<int>(k))});
    hand_out(forward, back, grads, outer);
  }

  /// One backward carry for each forward state that matters, starting from the gradient of its last value.
  void seed_states(Scan* forward, Scan* back, const std::vector<std::pair<const Node*, Tensor>>& results,
                   Contributions& grads, std::vector<int>& states) {
    for (const Node* carry : forward->carries) {
      if (!needs(carry)) continue;
      std::vector<Tensor> starts;
      for (const auto& [node, grad] : results)
        if (node->op == Op::last && node->index == carry->index) starts.push_back(grad);
      const Tensor start = starts.empty() ? zeros_like(carry, results[0].second) : add_all(starts);
      grads[forward->next[carry->index]].push_back({add_carry(back, start)});
      states.push_back(carry->index);
    }
  }

  /// Gradients of what the body reads: sequences get stacks, tensors from outside their sum over time.
  void hand_out(Scan* forward, Scan* back, const Contributions& grads, Contributions& outer) {
    for (int id = 0; id < node_count_; ++id) {  // by id, so that the order is fixed
      const Node* node = &graph_->nodes[id];
      const auto found = grads.find(node);
      if (found == grads.end() || !needs(node)) continue;
      if (node->scope != forward) {
        outer[node].push_back({total(back, accumulate(node, found->second))});
      } else if (node->op == Op::element) {
        outer[node->inputs[0]].push_back({stack(back, accumulate(node, found->second))});
      }
    }
  }

  /// A forward value as the backward body sees it at the same time step.
  Tensor localise(const Node* node, Scan* forward, Scan* back, std::unordered_map<const Node*, Tensor>& memo) {
    Node* mutable_node = const_cast<Node*>(node);
    if (node->scope != forward) return Tensor(mutable_node);
    Tensor& local = memo[node];
    if (local) return local;
    if (node->op == Op::random) {  // a function of time and key: drawn again instead of kept
      Node copy = *node;
      copy.scope = back;
      local = Tensor(graph_->add(std::move(copy)));
    } else {
      local =
          add_element(back, node->op == Op::element ? Tensor(node->inputs[0]) : stack(forward, Tensor(mutable_node)));
    }
    return local;
  }

  GraphData* graph_;
  int node_count_ = 0;
  std::unordered_set<const Node*> needs_;
};

}  // namespace

std::vector<Tensor> gradients(Tensor loss, const std::vector<Tensor>& wrt) {
  std::vector<Tensor> all{loss};
  all.insert(all.end(), wrt.begin(), wrt.end());
  require_tensors("gradients", all);
  if (loss.dtype() != DType::f32 || loss.rank() != 0 || loss.node()->scope)
    invalid("gradients", "the loss must be a f32 scalar outside of scan bodies", {loss});
  for (const Tensor& t : wrt)
    if (t.dtype() != DType::f32 || t.node()->scope)
      invalid("gradients", "can only differentiate by f32 tensors outside of scan bodies", {t});

  Backpropagation back(loss.node()->graph, wrt);
  Contributions grads;
  if (back.needs(loss.node())) grads[loss.node()].push_back({constant_like(loss, 1.0)});
  back.run(nullptr, grads, [](const Node* n) { return Tensor(const_cast<Node*>(n)); });
  std::vector<Tensor> out;
  for (const Tensor& t : wrt) {
    const auto found = grads.find(t.node());
    out.push_back(found == grads.end() ? zeros_like(t.node(), loss) : accumulate(t.node(), found->second));
  }
  return out;
}

}  // namespace volute
