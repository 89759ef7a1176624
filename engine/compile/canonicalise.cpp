// Rewrites towards the forms kernels have; see passes.hpp.
// Invariant: every rewrite is local and leaves the old node without users.

#include <algorithm>

#include "engine/compile/passes.hpp"
#include "engine/graph/build.hpp"
#include "engine/graph/operation.hpp"
#include "engine/kernels/expression.hpp"
#include "engine/kernels/fused.hpp"

namespace volute {
namespace {

using Users = std::unordered_map<const Node*, std::vector<Node*>>;

/// Users of each node; a null user stands for being an output, an update, a state or a kept value.
Users users_of(LiveGraph& live) {
  Users users;
  for (Node& node : live.graph->nodes) {
    for (const Node* input : node.inputs) users[input].push_back(&node);
    if (node.body) users[node.body].push_back(nullptr);
  }
  for (const Scan& scan : live.graph->scans)
    for (const Node* next : scan.next) users[next].push_back(nullptr);
  for (const Node* node : live.outputs) users[node].push_back(nullptr);
  for (const auto& [target, value] : live.updates) users[value].push_back(nullptr);
  return users;
}

/// Not copies: they are where they are for a reason, and may carry an operand that only orders them.
bool plain_pointwise(const Node* node) { return operation(node->op).kind == Kind::pointwise && node->op != Op::copy; }

Tensor apply_view(const Node* view, Tensor input) {
  if (view->op == Op::slice) return slice(input, static_cast<int>(view->ints[0]), view->ints[1], view->ints[2]);
  return reshape(input, view->shape);
}

/// view(f(a, b)) -> f(view(a), view(b)) where f's result is only ever read through slices, or through
/// the reshape of a split reduction: the intermediate is never stored.
bool push_views(LiveGraph& live) {
  const Users users = users_of(live);
  std::unordered_map<const Node*, Node*> forward;
  const std::size_t count = live.graph->nodes.size();
  for (std::size_t id = 0; id < count; ++id) {
    Node* node = &live.graph->nodes[id];
    if (node->op != Op::slice && node->op != Op::reshape) continue;
    const Node* inner = node->inputs[0];
    if (!plain_pointwise(inner) || inner->scope != node->scope || !users.contains(node)) continue;
    const auto& readers = users.at(inner);
    const bool only_slices =
        std::all_of(readers.begin(), readers.end(), [](const Node* n) { return n && n->op == Op::slice; });
    const auto& mine = users.at(node);
    const bool split =
        readers.size() == 1 && mine.size() == 1 && mine[0] && (mine[0]->op == Op::sum || mine[0]->op == Op::max);
    if (!(node->op == Op::slice ? only_slices : split)) continue;
    std::vector<Tensor> in;
    for (Node* input : inner->inputs) in.push_back(apply_view(node, Tensor(input)));
    forward[node] =
        add_node(inner->op, in, node->shape, node->dtype, {.ints = inner->ints, .scope = node->scope}).node();
  }
  redirect(live, forward);
  sweep(live);
  return !forward.empty();
}

/// Chunks for a long column reduction whose result alone gives too few invocations. The chunk count
/// depends on extents only, so the order of summation is fixed.
std::int64_t chunks_for(std::int64_t length, std::int64_t out_texels) {
  if (length < 256 || out_texels >= 1024) return 1;
  for (std::int64_t chunks : {32, 16, 8, 4, 2})
    if (length % chunks == 0) return chunks;
  return 1;
}

Tensor reduce(Op op, Tensor a, int begin, int end) {
  std::vector<int> axes;
  for (int axis = begin; axis < end; ++axis) axes.push_back(axis);
  return op == Op::sum ? sum(a, axes) : max(a, axes);
}

/// Longest run one invocation walks: some drivers bound the iterations of loops (KernelTarget::max_iterations).
constexpr std::int64_t kLongest = 32768, kPiece = 4096;

Tensor with_dims(Tensor a, int begin, int end, const std::vector<std::int64_t>& middle) {
  std::vector<std::int64_t> dims(a.shape().dims().begin(), a.shape().dims().begin() + begin);
  dims.insert(dims.end(), middle.begin(), middle.end());
  dims.insert(dims.end(), a.shape().dims().begin() + end, a.shape().dims().end());
  return reshape(a, Shape(dims));
}

/// One axis longer than kLongest: pieces, what is left of the last, and the results of both.
Tensor reduce_long(Op op, Tensor a, int axis) {
  const std::int64_t length = a.dim(axis), pieces = length / kPiece, even = pieces * kPiece;
  const Tensor cut = with_dims(slice(a, axis, 0, even), axis, axis + 1, {pieces, kPiece});
  const Tensor partial = reduce(op, cut, axis + 1, axis + 2);
  const Tensor whole = pieces > kLongest ? reduce_long(op, partial, axis) : reduce(op, partial, axis, axis + 1);
  if (even == length) return whole;
  const Tensor rest = reduce(op, slice(a, axis, even, length), axis, axis + 1);
  return op == Op::sum ? whole + rest : maximum(whole, rest);
}

/// One run of leading axes, in two stages if it is long.
Tensor reduce_columns(Op op, Tensor a, int begin, int end) {
  std::int64_t length = 1;
  for (int axis = begin; axis < end; ++axis) length *= a.dim(axis);
  if (length > kLongest) return reduce_long(op, with_dims(a, begin, end, {length}), begin);
  const std::int64_t chunks = chunks_for(length, a.shape().elements() / length / 4);
  if (chunks == 1) return reduce(op, a, begin, end);
  const Tensor partial = reduce(op, with_dims(a, begin, end, {chunks, length / chunks}), begin + 1, begin + 2);
  return reduce(op, partial, begin, begin + 1);
}

/// Reductions over one run of axes each: leading runs first, the last axis alone at the end.
Tensor split_reduction(const Node* node) {
  Tensor value(node->inputs[0]);
  std::vector<std::int64_t> axes = node->ints;
  const int last = value.rank() - 1;
  const bool over_last = axes.back() == last;
  if (over_last) axes.pop_back();
  while (!axes.empty()) {  // the last remaining run, so that earlier axes keep their numbers
    int end = static_cast<int>(axes.back()) + 1, begin = end - 1;
    axes.pop_back();
    while (!axes.empty() && axes.back() == begin - 1) {
      --begin;
      axes.pop_back();
    }
    value = reduce_columns(node->op, value, begin, end);
  }
  if (!over_last) return value;
  const int axis = value.rank() - 1;
  return value.dim(axis) > kLongest ? reduce_long(node->op, value, axis) : reduce(node->op, value, axis, axis + 1);
}

void split_reductions(LiveGraph& live) {
  std::unordered_map<const Node*, Node*> forward;
  const std::size_t count = live.graph->nodes.size();
  for (std::size_t id = 0; id < count; ++id) {
    const Node* node = &live.graph->nodes[id];
    if (node->op != Op::sum && node->op != Op::max) continue;
    Node* better = split_reduction(node).node();
    if (better->inputs != node->inputs || better->ints != node->ints) forward[node] = better;
  }
  redirect(live, forward);
  sweep(live);
}

/// Simple operations needed to compute a node again from what is in memory anyway; large if that is much.
int repeat_cost(const Node* node, const Users& users, int depth = 0) {
  const Kind kind = operation(node->op).kind;
  if (node->op == Op::random) return 0;
  if (depth > 0 && users.contains(node) && std::count(users.at(node).begin(), users.at(node).end(), nullptr)) return 0;
  if (node->op == Op::broadcast) return 0;  // of another shape, so another kernel leaves it in memory
  if (kind == Kind::view && node->op != Op::reshape) return repeat_cost(node->inputs[0], users, depth);
  if (kind != Kind::pointwise) return 0;
  int cost = expression_cost(node->op);
  if (depth > 4) return 100;
  for (const Node* input : node->inputs) cost += repeat_cost(input, users, depth + 1);
  return cost;
}

/// Gives every user of a cheap value its own copy of the computation. Returns whether there was one: the copies
/// share their operands, which may be cheap too.
bool repeat_cheap(LiveGraph& live) {
  bool changed = false;
  const Users users = users_of(live);
  const std::size_t count = live.graph->nodes.size();
  for (std::size_t id = 0; id < count; ++id) {
    Node* node = &live.graph->nodes[id];
    const bool repeatable = plain_pointwise(node) || node->op == Op::random;
    if (!repeatable || !users.contains(node) || users.at(node).size() < 2 || repeat_cost(node, users) > 3) continue;
    std::vector<Node*> readers = users.at(node);
    std::sort(readers.begin(), readers.end());
    readers.erase(std::unique(readers.begin(), readers.end()), readers.end());
    bool first = true;
    for (Node* reader : readers) {
      if (!reader || first) {  // the original stays with the first user, and wherever it must be kept
        first = false;
        continue;
      }
      Node* copy = live.graph->add(*node);
      for (Node*& input : reader->inputs)
        if (input == node) input = copy;
      changed = true;
    }
  }
  sweep(live);
  return changed;
}

}  // namespace

void canonicalise(LiveGraph& live) {
  while (push_views(live)) {}
  split_reductions(live);
  while (push_views(live)) {}
  while (repeat_cheap(live)) {}
}

}  // namespace volute
