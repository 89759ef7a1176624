// Reductions, norms and products of imported models. See onnx_builder.hpp.
#include "engine/interchange/onnx_builder.hpp"

namespace volute::onnx {
namespace {

using Ints = std::vector<std::int64_t>;

Tensor sum_over(Tensor a, std::vector<int> axes, bool keep) { return sum(a, std::move(axes), keep); }
Tensor mean_over(Tensor a, std::vector<int> axes, bool keep) { return mean(a, std::move(axes), keep); }
Tensor max_over(Tensor a, std::vector<int> axes, bool keep) { return max(a, std::move(axes), keep); }
Tensor min_over(Tensor a, std::vector<int> axes, bool keep) { return -max(-a, std::move(axes), keep); }

template <Tensor (*f)(Tensor, std::vector<int>, bool)>
Results reduce(const Call& c) {
  const Tensor x = c.real(0);
  std::vector<int> axes;
  for (const std::int64_t axis : c.axes("axes", 1)) axes.push_back(c.axis(axis, x.rank()));
  if (axes.empty() && attribute(c.node, "noop_with_empty_axes", std::int64_t{0})) return {like(c, x)};
  return {like(c, f(x, axes, attribute(c.node, "keepdims", std::int64_t{1}) != 0))};
}

Results arg_max(const Call& c) {
  Tensor x = c.real(0);
  if (attribute(c.node, "select_last_index", std::int64_t{0})) c.refuse("select_last_index is not supported");
  const int axis = c.axis(attribute(c.node, "axis", std::int64_t{0}), x.rank());
  std::vector<int> order;
  for (int i = 0; i < x.rank(); ++i)
    if (i != axis) order.push_back(i);
  order.push_back(axis);
  Ints dims = x.shape().dims();
  const bool keep = attribute(c.node, "keepdims", std::int64_t{1}) != 0;
  if (keep) dims[static_cast<std::size_t>(axis)] = 1;
  else dims.erase(dims.begin() + axis);
  const Tensor found = argmax(x.rank() < 2 ? x : transpose(x, order));
  return {{reshape(found, Shape(dims)), {}, Element::integer}};
}

/// Before opset 13 all axes from the given one on count as one, which is the same only for the last.
int softmax_axis(const Call& c, Tensor x) {
  const bool old = c.opset() < 13;
  const int axis = c.axis(attribute(c.node, "axis", old ? std::int64_t{1} : std::int64_t{-1}), x.rank());
  if (old && axis != x.rank() - 1)
    c.refuse("over several axes (opset " + std::to_string(c.opset()) + ") is not supported");
  return axis;
}

Results softmax_of(const Call& c) {
  const Tensor x = c.real(0);
  return {real(softmax(x, softmax_axis(c, x)))};
}

Results log_softmax_of(const Call& c) {
  const Tensor x = c.real(0);
  return {real(log_softmax(x, softmax_axis(c, x)))};
}

Results layer_norm(const Call& c) {
  const Tensor x = c.real(0);
  std::vector<int> axes;
  for (int i = c.axis(attribute(c.node, "axis", std::int64_t{-1}), x.rank()); i < x.rank(); ++i) axes.push_back(i);
  const Tensor centred = x - mean(x, axes, true);
  const Tensor variance = mean(centred * centred, axes, true);
  Tensor y = centred / sqrt(variance + attribute(c.node, "epsilon", 1e-5f)) * c.real(1);
  if (c.has(2)) y = y + c.real(2);
  return {real(y)};
}

/// With the running statistics, over axis 1.
Results batch_norm(const Call& c) {
  if (attribute(c.node, "training_mode", std::int64_t{0})) c.refuse("training_mode is not supported");
  const Tensor x = c.real(0);
  if (x.rank() < 2) c.broken("x must have at least two axes");
  Ints dims(static_cast<std::size_t>(x.rank()) - 1, 1);
  dims[0] = x.dim(1);
  const auto channel = [&](std::size_t i) { return reshape(c.real(i), Shape(dims)); };
  // Statistics are of the data the model was trained on: nothing trains them.
  const Tensor mean = stop_gradient(channel(3)), variance = stop_gradient(channel(4));
  const Tensor scale = channel(1) / sqrt(variance + attribute(c.node, "epsilon", 1e-5f));
  return {real((x - mean) * scale + channel(2))};
}

Results mat_mul(const Call& c) {
  Tensor a = c.real(0), b = c.real(1);
  if (a.rank() == 0 || b.rank() == 0) c.broken("operands need at least one axis");
  const bool row = a.rank() == 1, column = b.rank() == 1;
  if (row) a = reshape(a, {1, a.dim(0)});
  if (column) b = reshape(b, {b.dim(0), 1});
  const Tensor product = matmul(a, b);
  Ints dims = product.shape().dims();
  if (column) dims.pop_back();
  if (row) dims.erase(dims.end() - (column ? 1 : 2));
  return {real(reshape(product, Shape(dims)))};
}

Results gemm(const Call& c) {
  const auto flag = [&](const char* name) { return attribute(c.node, name, std::int64_t{0}) != 0; };
  const float alpha = attribute(c.node, "alpha", 1.0f), beta = attribute(c.node, "beta", 1.0f);
  Tensor y = matmul(c.real(0), c.real(1), flag("transA"), flag("transB"));
  if (alpha != 1.0f) y = y * alpha;
  if (c.has(2)) y = y + (beta == 1.0f ? c.real(2) : c.real(2) * beta);
  return {real(y)};
}

}  // namespace

void add_reductions(Handlers& to) {
  const Handlers made = {
      {"ReduceSum", {reduce<sum_over>}}, {"ReduceMean", {reduce<mean_over>}}, {"ReduceMax", {reduce<max_over>}},
      {"ReduceMin", {reduce<min_over>}}, {"ArgMax", {arg_max}}, {"Softmax", {softmax_of}},
      {"LogSoftmax", {log_softmax_of}}, {"LayerNormalization", {layer_norm}}, {"BatchNormalization", {batch_norm}},
      {"MatMul", {mat_mul}}, {"Gemm", {gemm}},
  };
  to.insert(made.begin(), made.end());
}

}  // namespace volute::onnx
