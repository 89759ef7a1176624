// Operations that only change how elements are read: reshape, transpose, slice, concat, broadcast.
// Invariant: builders return their operand unchanged where the operation is the identity.

#include <algorithm>
#include <numeric>

#include "engine/graph/build.hpp"
#include "engine/graph/operation.hpp"
#include "engine/graph/strides.hpp"

namespace volute {

Tensor broadcast_to(Tensor a, Shape shape) {
  require_tensors("broadcast_to", std::span<const Tensor>(&a, 1));
  if (a.shape() == shape) return a;
  bool fits = a.rank() <= shape.rank();
  for (int i = 1; fits && i <= a.rank(); ++i) fits = a.dim(-i) == shape[-i] || a.dim(-i) == 1;
  for (std::int64_t d : shape.dims()) fits &= d > 0;
  if (!fits) invalid("broadcast_to", "cannot broadcast to " + shape.str(), {a});
  return add_node(Op::broadcast, {a}, std::move(shape), a.dtype());
}

Tensor reshape(Tensor a, Shape shape) {
  require_tensors("reshape", std::span<const Tensor>(&a, 1));
  std::int64_t known = 1;
  int open = -1;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == -1 && open < 0) open = i;
    else if (shape[i] <= 0) invalid("reshape", "cannot become " + shape.str(), {a});
    else if (known > max_elements / shape[i]) invalid("reshape", "cannot become " + shape.str(), {a});
    else known *= shape[i];
  }
  if (open >= 0) shape[open] = a.shape().elements() / known;
  if (shape.elements() != a.shape().elements()) invalid("reshape", "cannot become " + shape.str(), {a});
  if (a.shape() == shape) return a;
  return add_node(Op::reshape, {a}, std::move(shape), a.dtype());
}

Tensor transpose(Tensor a, std::vector<int> order) {
  require_tensors("transpose", std::span<const Tensor>(&a, 1));
  if (order.empty()) {
    if (a.rank() < 2) invalid("transpose", "needs at least two axes", {a});
    order.resize(a.rank());
    std::iota(order.begin(), order.end(), 0);
    std::swap(order[a.rank() - 1], order[a.rank() - 2]);
  }
  std::vector<std::int64_t> ints, dims;
  for (int axis : order) {
    ints.push_back(checked_axis("transpose", a, axis));
    dims.push_back(a.dim(static_cast<int>(ints.back())));
  }
  std::vector<std::int64_t> sorted = ints;
  std::sort(sorted.begin(), sorted.end());
  const bool permutation = std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end();
  if (static_cast<int>(order.size()) != a.rank() || !permutation)
    invalid("transpose", "the order must name every axis once", {a});
  if (std::is_sorted(ints.begin(), ints.end())) return a;
  return add_node(Op::transpose, {a}, Shape(std::move(dims)), a.dtype(), {.ints = ints});
}

Tensor slice(Tensor a, int axis, std::int64_t begin, std::int64_t end) {
  require_tensors("slice", std::span<const Tensor>(&a, 1));
  axis = checked_axis("slice", a, axis);
  const std::int64_t extent = a.dim(axis);
  if (begin < 0) begin += extent;
  if (end < 0) end += extent;
  if (begin < 0 || end > extent || begin >= end) {
    invalid("slice", "range " + std::to_string(begin) + ".." + std::to_string(end) + " of axis " +
                         std::to_string(axis) + " is empty or outside", {a});
  }
  if (begin == 0 && end == extent) return a;
  Shape shape = a.shape();
  shape[axis] = end - begin;
  return add_node(Op::slice, {a}, std::move(shape), a.dtype(), {.ints = {axis, begin, end}});
}

Tensor concat(const std::vector<Tensor>& parts, int axis) {
  if (parts.empty()) throw InvalidGraph("concat: needs at least one part");
  require_tensors("concat", parts);
  axis = checked_axis("concat", parts[0], axis);
  Shape frame = parts[0].shape();  // every extent but the joined one
  frame[axis] = 0;
  std::int64_t extent = 0;
  for (const Tensor& part : parts) {
    Shape other = part.shape();
    if (other.rank() == frame.rank()) other[axis] = 0;
    if (other != frame || part.dtype() != parts[0].dtype())
      invalid("concat", "parts must agree in type and every other extent", parts);
    extent += part.dim(axis);
  }
  if (parts.size() == 1) return parts[0];
  Shape shape = frame;
  shape[axis] = extent;
  return add_node(Op::concat, parts, std::move(shape), parts[0].dtype(), {.ints = {axis}});
}

std::vector<Tensor> split(Tensor a, int axis, int count) {
  require_tensors("split", std::span<const Tensor>(&a, 1));
  axis = checked_axis("split", a, axis);
  if (count <= 0 || a.dim(axis) % count) {
    invalid("split", std::to_string(count) + " parts do not divide axis " + std::to_string(axis), {a});
  }
  const std::int64_t size = a.dim(axis) / count;
  std::vector<Tensor> parts;
  for (int i = 0; i < count; ++i) parts.push_back(slice(a, axis, i * size, (i + 1) * size));
  return parts;
}

Tensor stop_gradient(Tensor a) {
  require_f32("stop_gradient", {a});
  return add_node(Op::stop_gradient, {a}, a.shape(), a.dtype());
}

namespace {

using Context = const GradientContext&;
using Grads = std::vector<Tensor>;
using Inputs = std::span<const Values* const>;

Grads broadcast_gradient(Context c) {
  const Shape& from = c.node->inputs[0]->shape;
  const int lead = c.node->shape.rank() - from.rank();
  std::vector<int> axes;
  for (int i = 0; i < c.node->shape.rank(); ++i)
    if (i < lead || (from[i - lead] == 1 && c.node->shape[i] != 1)) axes.push_back(i);
  return {reshape(axes.empty() ? c.grad : sum(c.grad, axes), from)};
}

Grads transpose_gradient(Context c) {
  std::vector<int> inverse(c.node->ints.size());
  for (std::size_t i = 0; i < inverse.size(); ++i) inverse[c.node->ints[i]] = static_cast<int>(i);
  return {transpose(c.grad, inverse)};
}

Grads concat_gradient(Context c) {
  const int axis = static_cast<int>(c.node->ints[0]);
  Grads grads;
  std::int64_t begin = 0;
  for (const Node* part : c.node->inputs) {
    grads.push_back(slice(c.grad, axis, begin, begin + part->shape[axis]));
    begin += part->shape[axis];
  }
  return grads;
}

/// out[index] = in[index . strides + offset]
Values gather(const Node& node, const Values& in, const std::vector<std::int64_t>& strides, std::int64_t offset) {
  Values out(node.shape.elements());
  for_each_index(node.shape,
                 [&](std::int64_t flat, const auto& index) { out[flat] = in[offset + dot(index, strides)]; });
  return out;
}

Values broadcast_reference(const Node& n, Inputs in) {
  const Shape& from = n.inputs[0]->shape;
  const auto dense = dense_strides(from);
  std::vector<std::int64_t> strides(n.shape.rank(), 0);
  for (int i = 1; i <= from.rank(); ++i) strides[n.shape.rank() - i] = from[-i] == 1 ? 0 : dense[from.rank() - i];
  return gather(n, *in[0], strides, 0);
}

Values transpose_reference(const Node& n, Inputs in) {
  const auto dense = dense_strides(n.inputs[0]->shape);
  std::vector<std::int64_t> strides;
  for (std::int64_t axis : n.ints) strides.push_back(dense[axis]);
  return gather(n, *in[0], strides, 0);
}

Values slice_reference(const Node& n, Inputs in) {
  const auto dense = dense_strides(n.inputs[0]->shape);
  return gather(n, *in[0], dense, n.ints[1] * dense[n.ints[0]]);
}

Values concat_reference(const Node& n, Inputs in) {
  const std::int64_t axis = n.ints[0];
  const auto dense = dense_strides(n.shape);
  Values out(n.shape.elements());
  std::int64_t begin = 0;
  for (std::size_t p = 0; p < n.inputs.size(); ++p) {
    for_each_index(n.inputs[p]->shape, [&](std::int64_t flat, const auto& index) {
      out[dot(index, dense) + begin * dense[axis]] = (*in[p])[flat];
    });
    begin += n.inputs[p]->shape[static_cast<int>(axis)];
  }
  return out;
}

Values same_reference(const Node&, Inputs in) { return *in[0]; }

}  // namespace

Operation shape_operation(Op op) {
  switch (op) {
    case Op::broadcast: return {Kind::view, broadcast_gradient, broadcast_reference};
    case Op::reshape:
      return {Kind::view, [](Context c) -> Grads { return {reshape(c.grad, c.node->inputs[0]->shape)}; },
              same_reference};
    case Op::transpose: return {Kind::view, transpose_gradient, transpose_reference};
    case Op::slice: return {Kind::view, nullptr, slice_reference};  // gradient: placed by backpropagation itself
    case Op::concat: return {Kind::kernel, concat_gradient, concat_reference};
    default: return {Kind::view, nullptr, same_reference};  // stop_gradient
  }
}

}  // namespace volute
