// Reductions over axes and what is composed from them: mean, softmax, losses.
// Invariant: a sum or max node drops its axes (sorted in `ints`); keepdims is a reshape behind it.

#include <algorithm>
#include <limits>

#include "engine/graph/build.hpp"
#include "engine/graph/operation.hpp"
#include "engine/graph/strides.hpp"

namespace volute {
namespace {

std::vector<std::int64_t> sorted_axes(const char* name, Tensor a, const std::vector<int>& axes) {
  std::vector<std::int64_t> sorted;
  for (int axis : axes) sorted.push_back(checked_axis(name, a, axis));
  if (axes.empty())
    for (int i = 0; i < a.rank(); ++i) sorted.push_back(i);
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) invalid(name, "an axis is given twice", {a});
  return sorted;
}

/// The shape with the axes dropped, or kept with extent 1.
Shape reduced_shape(const Shape& shape, const std::vector<std::int64_t>& axes, bool keep) {
  std::vector<std::int64_t> dims;
  for (int i = 0; i < shape.rank(); ++i) {
    const bool reduced = std::binary_search(axes.begin(), axes.end(), i);
    if (!reduced) dims.push_back(shape[i]);
    if (reduced && keep) dims.push_back(1);
  }
  return Shape(std::move(dims));
}

Tensor reduce(Op op, Tensor a, const std::vector<int>& axes, bool keepdims) {
  require_f32(name_of(op), {a});
  const auto sorted = sorted_axes(name_of(op), a, axes);
  Tensor out = a;
  if (!sorted.empty()) {
    out = add_node(op, {a}, reduced_shape(a.shape(), sorted, false), DType::f32, {.ints = sorted});
  }
  return keepdims ? reshape(out, reduced_shape(a.shape(), sorted, true)) : out;
}

/// A reduced gradient spread back over the input.
Tensor spread(const Node* node, Tensor reduced) {
  const Shape& shape = node->inputs[0]->shape;
  return broadcast_to(reshape(reduced, reduced_shape(shape, node->ints, true)), shape);
}

std::vector<Tensor> sum_gradient(const GradientContext& c) { return {spread(c.node, c.grad)}; }

std::vector<Tensor> max_gradient(const GradientContext& c) {
  std::vector<int> axes(c.node->ints.begin(), c.node->ints.end());
  const Tensor hit = equal(c.in[0], spread(c.node, c.out));
  return {hit * spread(c.node, c.grad / sum(hit, axes))};
}

template <class F>
Values reduce_reference(const Node& node, const Values& in, double start, F combine) {
  const Shape& shape = node.inputs[0]->shape;
  auto strides = dense_strides(reduced_shape(shape, node.ints, true));
  for (std::int64_t axis : node.ints) strides[axis] = 0;
  Values out(node.shape.elements(), start);
  for_each_index(shape, [&](std::int64_t flat, const std::vector<std::int64_t>& index) {
    double& slot = out[dot(index, strides)];
    slot = combine(slot, in[flat]);
  });
  return out;
}

}  // namespace

Tensor sum(Tensor a, std::vector<int> axes, bool keepdims) { return reduce(Op::sum, a, axes, keepdims); }
Tensor max(Tensor a, std::vector<int> axes, bool keepdims) { return reduce(Op::max, a, axes, keepdims); }

Tensor mean(Tensor a, std::vector<int> axes, bool keepdims) {
  require_f32("mean", {a});
  sorted_axes("mean", a, axes);
  const Tensor total_sum = sum(a, std::move(axes), keepdims);
  const double count = static_cast<double>(a.shape().elements()) / static_cast<double>(total_sum.shape().elements());
  return total_sum * constant_like(a, 1.0 / count);
}

// log softmax(x) = (x - max x) - log sum exp(x - max x); the maximum only shifts, so it has no gradient.
Tensor log_softmax(Tensor a, int axis) {
  require_f32("log_softmax", {a});
  axis = checked_axis("log_softmax", a, axis);
  const Tensor shifted = a - stop_gradient(max(a, {axis}, true));
  return shifted - log(sum(exp(shifted), {axis}, true));
}

Tensor softmax(Tensor a, int axis) {
  require_f32("softmax", {a});
  axis = checked_axis("softmax", a, axis);
  const Tensor e = exp(a - stop_gradient(max(a, {axis}, true)));
  return e / sum(e, {axis}, true);
}

// The smallest index among the maxima is V - 1 minus the largest of V - 1 - index.
Tensor argmax(Tensor a) {
  require_f32("argmax", {a});
  if (a.rank() < 1) invalid("argmax", "needs an axis", {a});
  const double last = static_cast<double>(a.dim(-1) - 1);
  const Tensor from_end = constant_like(a, last) - to_f32(graph_of(a).iota(a.dim(-1)));  // [V]
  const Tensor hit = equal(a, max(a, {-1}, true));                                       // [..., V]
  return to_u32(constant_like(a, last) - max(hit * from_end, {-1}));
}

Tensor cross_entropy(Tensor logits, Tensor targets) {
  const Tensor both[] = {logits, targets};
  require_tensors("cross_entropy", both);
  const bool types = logits.dtype() == DType::f32 && targets.dtype() == DType::u32;
  if (!types || logits.rank() != targets.rank() + 1) {
    invalid("cross_entropy", "logits must be f32 [..., V] and targets u32 [...]", both);
  }
  for (int i = 0; i < targets.rank(); ++i)
    if (logits.dim(i) != targets.dim(i)) invalid("cross_entropy", "leading extents differ", both);
  std::vector<std::int64_t> column = targets.shape().dims();
  column.push_back(1);
  const Tensor classes = graph_of(logits).iota(logits.dim(-1));                                       // [V]
  const Tensor hit = equal(broadcast_to(classes, logits.shape()), reshape(targets, Shape(column)));  // [..., V]
  return -mean(sum(log_softmax(logits) * hit, {-1}));
}

Operation reduce_operation(Op op) {
  if (op == Op::sum) {
    return {Kind::kernel, sum_gradient, [](const Node& n, std::span<const Values* const> in) {
              return reduce_reference(n, *in[0], 0, [](double a, double b) { return a + b; });
            }};
  }
  return {Kind::kernel, max_gradient, [](const Node& n, std::span<const Values* const> in) {
            return reduce_reference(n, *in[0], -std::numeric_limits<double>::infinity(),
                                    [](double a, double b) { return a > b ? a : b; });
          }};
}

}  // namespace volute
