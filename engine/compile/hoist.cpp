// Loop fission: work outside the recurrence leaves the loop and runs once for all T.
// Invariant: a moved node becomes the same operation with a leading time axis, built from public
// operations; what stays is exactly the recurrence and the cheap operations around it.

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "engine/compile/passes.hpp"
#include "engine/graph/build.hpp"
#include "engine/graph/operation.hpp"

namespace volute {
namespace {

/// Work that is worth batching over time.
bool heavy(const Node* node) {
  switch (node->op) {
    case Op::matmul: case Op::sum: case Op::max: case Op::embedding: case Op::scatter_add: return true;
    default: return false;
  }
}

Shape with_time(std::int64_t T, const Shape& shape) {
  std::vector<std::int64_t> dims{T};
  dims.insert(dims.end(), shape.dims().begin(), shape.dims().end());
  return Shape(std::move(dims));
}

class Hoister {
 public:
  explicit Hoister(Scan* scan) : scan_(scan), order_(body_order(scan)) {
    find_recurrence();
    choose();
  }

  /// Rewrites the body and everything that reads the loop. Returns what moved.
  std::vector<std::string> run(LiveGraph& live) {
    GraphData& graph = *live.graph;
    const std::size_t count = graph.nodes.size();
    std::unordered_map<const Node*, Node*> replaced;
    for (std::size_t id = 0; id < count; ++id) {
      Node* node = &graph.nodes[id];
      if (node->scan != scan_) continue;
      if (node->op == Op::stack && batched(node->body).node() != node) replaced[node] = batched(node->body).node();
      if (node->op == Op::total) replaced[node] = summed(node->body).node();
    }
    for (Node* node : order_)
      if (!moved_.contains(node))
        for (Node*& input : node->inputs)
          if (moved_.contains(input)) input = element_of(input);
    for (Node*& next : scan_->next)
      if (moved_.contains(next)) next = element_of(next);
    redirect(live, replaced);
    std::vector<std::string> names;
    for (const Node* node : order_)
      if (moved_.contains(node)) names.push_back(name_of(node->op) + (" " + node->shape.str()));
    return names;
  }

 private:
  bool inside(const Node* node) const { return node->scope == scan_; }

  /// after_state_: depends on carried state. before_state_: carried state depends on it.
  void find_recurrence() {
    for (const Node* node : order_) {
      bool depends = node->op == Op::carry || stuck(node);
      for (const Node* input : node->inputs) depends |= inside(input) && after_state_.contains(input);
      if (depends) after_state_.insert(node);
    }
    for (Node* next : scan_->next)
      if (inside(next)) before_state_.insert(next);
    // What a stuck result needs must not wait for the loop's end, unless it is a scatter_add that is only summed.
    for (const Node& node : scan_->node->graph->nodes) {
      for (Node* input : node.inputs)
        if (inside(&node) && stuck(input)) before_state_.insert(input);
      if (node.scan == scan_ && node.body && stuck(node.body) &&
          (node.op == Op::stack || node.body->op == Op::embedding))
        before_state_.insert(node.body);
    }
    for (auto it = order_.rbegin(); it != order_.rend(); ++it)
      if (before_state_.contains(*it))
        for (Node* input : (*it)->inputs)
          if (inside(input)) before_state_.insert(input);
  }

  bool can_batch(const Node* node) const {
    if (node->op == Op::carry || node->op == Op::element || node->op == Op::scatter_add) return false;
    // Alone in its texel at every step, a random scalar would share texels with other steps in [T].
    if (node->op == Op::random && node->shape.rank() == 0) return false;
    return node->op != Op::embedding || !inside(node->inputs[0]);
  }

  /// Computed at its step whatever it depends on: no operation does it for all steps at once.
  bool stuck(const Node* node) const {
    return inside(node) && node->op != Op::carry && node->op != Op::element && !can_batch(node);
  }

  void choose() {
    std::unordered_set<const Node*> feeds;  // free of state and used by something heavy that is too
    for (auto it = order_.rbegin(); it != order_.rend(); ++it) {
      const Node* node = *it;
      if (after_state_.contains(node) || !can_batch(node)) continue;
      if (heavy(node) || feeds.contains(node))
        for (const Node* input : node->inputs) feeds.insert(input);
    }
    for (const Node* node : order_) {
      if (!can_batch(node)) continue;
      bool uses_moved = false, late = false;  // late: reads what is known only once the loop has ended
      for (const Node* input : node->inputs) {
        uses_moved |= moved_.contains(input) && operation(input->op).kind != Kind::view;
        late |= moved_.contains(input) && after_state_.contains(input);
      }
      const bool free = !after_state_.contains(node);
      // Cheap work behind a moved product stays: in the loop it rides along in a kernel that runs anyway,
      // outside it would be another pass over memory.
      if (free && (heavy(node) || feeds.contains(node))) moved_.insert(node);
      const bool tail = !free && !before_state_.contains(node);
      if (tail && (heavy(node) || late || uses_moved)) moved_.insert(node);
    }
  }

  /// Whether the values over time are computed outside rather than kept by the loop.
  bool leaves_loop(const Node* node) const {
    const bool free = !after_state_.contains(node) || (operation(node->op).kind == Kind::view && !fused_part(node));
    return moved_.contains(node) || (free && can_batch(node));
  }

  /// A slice of pointwise work on the state: kept as it is, the work is done in its parts and fuses with what
  /// reads them; kept as a whole, it would need a kernel of its own to be stored.
  bool fused_part(const Node* node) const {
    const Node* whole = node->op == Op::slice ? node->inputs[0] : nullptr;
    return whole && inside(whole) && operation(whole->op).kind == Kind::pointwise && after_state_.contains(whole);
  }

  Node* element_of(Node* moved) {
    Node*& element = elements_[moved];
    if (!element) element = add_element(scan_, batched(moved)).node();
    return element;
  }

  /// The values of a node at every step, [T, ...], as a tensor outside of the loop.
  Tensor batched(Node* node) {
    if (!inside(node)) return broadcast_to(Tensor(node), with_time(scan_->length, node->shape));
    if (node->op == Op::element) return Tensor(node->inputs[0]);
    Tensor& result = batched_[node];
    if (!result) result = leaves_loop(node) ? batch_rule(node) : stack(scan_, Tensor(node));
    return result;
  }

  Tensor batch_rule(Node* node) {
    const std::int64_t T = scan_->length;
    switch (node->op) {
      case Op::broadcast: {
        std::vector<std::int64_t> dims{T};
        dims.insert(dims.end(), node->shape.rank() - node->inputs[0]->shape.rank(), 1);
        const auto& inner = node->inputs[0]->shape.dims();
        dims.insert(dims.end(), inner.begin(), inner.end());
        return broadcast_to(reshape(batched(node->inputs[0]), Shape(dims)), with_time(T, node->shape));
      }
      case Op::reshape: return reshape(batched(node->inputs[0]), with_time(T, node->shape));
      case Op::slice:
        return slice(batched(node->inputs[0]), static_cast<int>(node->ints[0]) + 1, node->ints[1], node->ints[2]);
      case Op::transpose: {
        std::vector<int> order{0};
        for (std::int64_t axis : node->ints) order.push_back(static_cast<int>(axis) + 1);
        return transpose(batched(node->inputs[0]), order);
      }
      case Op::concat: {
        std::vector<Tensor> parts;
        for (Node* input : node->inputs) parts.push_back(batched(input));
        return concat(parts, static_cast<int>(node->ints[0]) + 1);
      }
      case Op::sum: return sum(batched(node->inputs[0]), shifted(node->ints));
      case Op::max: return max(batched(node->inputs[0]), shifted(node->ints));
      case Op::matmul: {
        Node* b = node->inputs[1];
        return matmul(batched(node->inputs[0]), !inside(b) && b->shape.rank() == 2 ? Tensor(b) : batched(b));
      }
      case Op::embedding: return embedding(Tensor(node->inputs[0]), batched(node->inputs[1]));
      default: break;
    }
    std::vector<Tensor> in;  // pointwise, random, stop_gradient: only the shape grows
    for (Node* input : node->inputs) in.push_back(node->op == Op::random ? Tensor(input) : batched(input));
    return add_node(node->op, in, with_time(T, node->shape), node->dtype, {.ints = node->ints, .scope = scan_->outer});
  }

  static std::vector<int> shifted(const std::vector<std::int64_t>& axes) {
    std::vector<int> out;
    for (std::int64_t axis : axes) out.push_back(static_cast<int>(axis) + 1);
    return out;
  }

  /// The sum of a node over all steps. Over long times segment by segment in the order of the loop, so
  /// that a program that recomputes by segments gives the same bits.
  Tensor summed(Node* node) {
    if (!inside(node)) return total(scan_, Tensor(node));
    if (node->op == Op::add) return summed(node->inputs[0]) + summed(node->inputs[1]);
    if (node->op == Op::sub) return summed(node->inputs[0]) - summed(node->inputs[1]);
    const std::int64_t T = scan_->length;
    const std::int64_t parts = has_segments(T) && !scan_->segment ? kSegments : 1;
    Tensor sum_of_parts;
    for (std::int64_t i = 0; i < parts; ++i) {
      const std::int64_t k = scan_->reverse ? parts - 1 - i : i;
      begin_ = k * (T / parts);
      end_ = (k + 1) * (T / parts);
      const Tensor part = summed_part(node);
      sum_of_parts = sum_of_parts ? sum_of_parts + part : part;
    }
    return sum_of_parts;
  }

  /// Steps begin_ to end_ - 1 of a node.
  Tensor stretch(Node* node) { return slice(batched(node), 0, begin_, end_); }

  /// The sum over steps begin_ to end_ - 1; linear operations commute with it.
  Tensor summed_part(Node* node) {
    if (!inside(node)) return Tensor(node) * constant_like(Tensor(node), static_cast<double>(end_ - begin_));
    switch (node->op) {
      case Op::neg: return -summed_part(node->inputs[0]);
      case Op::reshape: return reshape(summed_part(node->inputs[0]), node->shape);
      case Op::transpose: return transpose(summed_part(node->inputs[0]), {node->ints.begin(), node->ints.end()});
      case Op::matmul: return deep_product(node);
      case Op::scatter_add: return scatter_add(stretch(node->inputs[0]), stretch(node->inputs[1]), node->ints[0]);
      case Op::sum: {
        std::vector<int> axes = shifted(node->ints);
        axes.insert(axes.begin(), 0);
        return sum(stretch(node->inputs[0]), axes);
      }
      default: return sum(stretch(node), {0});
    }
  }

  /// sum_t a_t b_t as one product whose inner axis is (t, k): [.., M, T K] [.., T K, N].
  Tensor deep_product(Node* node) {
    const int rank = node->shape.rank();
    const std::int64_t M = node->shape[-2], N = node->shape[-1], K = node->inputs[0]->shape[-1];
    std::vector<int> rows, columns;
    for (int axis = 1; axis <= rank - 2; ++axis) rows.push_back(axis);
    columns = rows;
    rows.insert(rows.end(), {rank - 1, 0, rank});
    columns.insert(columns.end(), {0, rank - 1, rank});
    std::vector<std::int64_t> lead(node->shape.dims().begin(), node->shape.dims().end() - 2);
    const auto matrix = [&](std::int64_t r, std::int64_t c) {
      std::vector<std::int64_t> dims = lead;
      dims.insert(dims.end(), {r, c});
      return Shape(dims);
    };
    const std::int64_t depth = (end_ - begin_) * K;
    const Tensor a = reshape(transpose(stretch(node->inputs[0]), rows), matrix(M, depth));
    const Tensor b = reshape(transpose(stretch(node->inputs[1]), columns), matrix(depth, N));
    return matmul(a, b);
  }

  Scan* scan_;
  std::vector<Node*> order_;
  std::unordered_set<const Node*> after_state_, before_state_, moved_;
  std::unordered_map<const Node*, Tensor> batched_;
  std::unordered_map<const Node*, Node*> elements_;
  std::int64_t begin_ = 0, end_ = 0;
};

}  // namespace

std::vector<std::string> hoist(LiveGraph& live) {
  std::vector<std::string> moved;
  for (Scan& scan : live.graph->scans) {
    const auto names = Hoister(&scan).run(live);
    moved.insert(moved.end(), names.begin(), names.end());
  }
  sweep(live);
  return moved;
}

}  // namespace volute
