// Products of looked-up rows. Rows of a table times a matrix are looked-up rows of their product, and a sum over
// positions of outer products with table rows is the table times the sums by row. With a vocabulary smaller than the
// number of positions, products as deep or as high as the positions become products as high as the table.
// Invariant: values are equal up to the order of a gradient's sum. Long scans, whose sums are taken segment by
// segment, keep theirs, so that recomputing gives the same bits.

#include <optional>

#include "engine/compile/passes.hpp"
#include "engine/graph/build.hpp"
#include "engine/graph/operation.hpp"

namespace volute {
namespace {

/// A matrix of rows looked up in a table: element (r, e), or (e, r) if `columns`, is table[index[r]][e].
struct Lookup {
  Tensor table, index;  ///< [V, E], [R]
  bool columns = false;
};

/// Axes of `order` but `gone`, renumbered.
std::vector<int> without(const std::vector<std::int64_t>& order, std::int64_t gone) {
  std::vector<int> rest;
  for (std::int64_t axis : order)
    if (axis != gone) rest.push_back(static_cast<int>(axis > gone ? axis - 1 : axis));
  return rest;
}

/// What views make of rows looked up: where the axis of their elements is, and the indices of the others.
class ViewedLookup {
 public:
  static std::optional<Lookup> of(const Node* node) {
    ViewedLookup lookup;
    if (node->shape.rank() != 2 || !lookup.follow(const_cast<Node*>(node))) return std::nullopt;
    return Lookup{lookup.table_, lookup.index_, lookup.axis_ == 0};
  }

 private:
  bool follow(Node* node) {
    if (node->op == Op::embedding) {
      table_ = Tensor(node->inputs[0]);
      const auto last = static_cast<double>(table_.dim(0) - 1);
      const Tensor index(node->inputs[1]);  // beyond the last row means the last row
      index_ = to_u32(minimum(to_f32(index), constant_like(index, last)));
      axis_ = node->shape.rank() - 1;
      return true;
    }
    if (operation(node->op).kind != Kind::view || !follow(node->inputs[0])) return false;
    if (node->op == Op::transpose) return permute(node);
    if (node->op == Op::slice) return cut(node);
    return node->op == Op::reshape && reshaped(node);
  }

  bool permute(const Node* node) {
    const std::vector<int> rest = without(node->ints, axis_);
    bool same = true;
    for (std::size_t i = 0; i < rest.size(); ++i) same &= rest[i] == static_cast<int>(i);
    if (!same) index_ = transpose(index_, rest);
    for (std::size_t i = 0; i < node->ints.size(); ++i)
      if (node->ints[i] == axis_) return axis_ = static_cast<int>(i), true;
    return false;
  }

  bool cut(const Node* node) {
    const int axis = static_cast<int>(node->ints[0]);
    if (axis == axis_) return false;
    index_ = slice(index_, axis > axis_ ? axis - 1 : axis, node->ints[1], node->ints[2]);
    return true;
  }

  /// The axis of elements must stay an axis of its own.
  bool reshaped(const Node* node) {
    std::int64_t before = 1, reached = 1;
    for (int i = 0; i < axis_; ++i) before *= node->inputs[0]->shape[i];
    for (int i = 0; i < node->shape.rank(); ++i) {
      if (reached == before && node->shape[i] == table_.dim(1)) {
        std::vector<std::int64_t> dims = node->shape.dims();
        dims.erase(dims.begin() + i);
        index_ = reshape(index_, Shape(dims));
        axis_ = i;
        return true;
      }
      reached *= node->shape[i];
    }
    return false;
  }

  Tensor table_, index_;
  int axis_ = 0;
};

/// Whether sums over this tensor's rows are taken in one go, with recomputation and without.
bool sums_at_once(const Node* node) {
  while (operation(node->op).kind == Kind::view) node = node->inputs[0];
  return node->op != Op::concat && !(node->op == Op::stack && has_segments(node->scan->length));
}

// A product with the table must be worth the passes over memory around it.
bool is_smaller(std::int64_t rows, std::int64_t positions) { return 4 * rows <= positions; }
constexpr std::int64_t kDeep = 16;

class LookupRules {
 public:
  explicit LookupRules(LiveGraph& live) : live_(live) {
    for (const Node& node : live.graph->nodes)
      for (const Node* input : node.inputs) ++uses_[input];
    for (const Node* node : live.outputs) ++uses_[node];
    for (const auto& [target, value] : live.updates) ++uses_[value];
  }

  bool run() {
    std::unordered_map<const Node*, Node*> forward;
    const std::size_t count = live_.graph->nodes.size();
    for (std::size_t id = 0; id < count; ++id) {
      Node* node = &live_.graph->nodes[id];
      if (node->scope || node->shape.rank() != 2) continue;
      Tensor better;
      if (node->op == Op::matmul) better = product(node);
      if (node->op == Op::scatter_add) better = sums(node);
      if (better) forward[node] = better.node();
    }
    redirect(live_, forward);
    return !forward.empty();
  }

 private:
  static Tensor product(const Node* node) {
    const Tensor a(node->inputs[0]), b(node->inputs[1]);
    if (a.rank() != 2 || b.rank() != 2 || a.dtype() != DType::f32 || b.dtype() != DType::f32) return {};
    if (const auto left = ViewedLookup::of(a.node()); left && is_smaller(left->table.dim(0), left->index.dim(0))) {
      if (!left->columns) return embedding(matmul(left->table, b), left->index);
      if (sums_at_once(b.node()))
        return matmul(transpose(left->table), scatter_add(left->index, b, left->table.dim(0)));
    }
    const auto right = ViewedLookup::of(b.node());
    if (!right || right->columns || !is_smaller(right->table.dim(0), right->index.dim(0)) || !sums_at_once(a.node()))
      return {};
    return matmul(transpose(scatter_add(right->index, transpose(a), right->table.dim(0))), right->table);
  }

  /// The gradient of a table whose rows went into a product: sums by row before the product, not after it.
  Tensor sums(const Node* node) const {
    const std::int64_t V = node->shape[0], positions = node->inputs[0]->shape.elements();
    const Node* values = node->inputs[1];
    while (values->op == Op::reshape && uses_.at(values) == 1 && values->shape[-1] == node->shape[1])
      values = values->inputs[0];
    if (values->op != Op::matmul || values->shape.rank() != 2 || values->shape[0] != positions || uses_.at(values) != 1)
      return {};
    const Tensor a(values->inputs[0]), b(values->inputs[1]);
    if (a.dtype() != DType::f32 || b.dtype() != DType::f32) return {};
    if (!is_smaller(V, positions) || node->shape[1] < kDeep || !sums_at_once(a.node())) return {};
    return matmul(scatter_add(reshape(Tensor(node->inputs[0]), {positions}), a, V), b);
  }

  LiveGraph& live_;
  std::unordered_map<const Node*, int> uses_;
};

}  // namespace

void look_up_products(LiveGraph& live) {
  if (LookupRules(live).run()) sweep(live);
}

}  // namespace volute
