// Operators of imported models that only change which elements are read, and those that make constants.
// See onnx_builder.hpp.
#include <algorithm>
#include <numeric>

#include "engine/interchange/onnx_builder.hpp"

namespace volute::onnx {
namespace {

using Ints = std::vector<std::int64_t>;

Results reshape_to(const Call& c) {
  Ints dims = c.integers(1);
  const Shape& from = c.operand(0).shape();
  if (!attribute(c.node, "allowzero", std::int64_t{0}))
    for (std::size_t i = 0; i < dims.size(); ++i)
      if (dims[i] == 0 && static_cast<int>(i) < from.rank()) dims[i] = from[static_cast<int>(i)];
  return {like(c, reshape(c.tensor(0), Shape(dims)))};
}

Results transpose_of(const Call& c) {
  const Tensor x = c.tensor(0);
  Ints reversed(static_cast<std::size_t>(x.rank()));
  for (std::size_t i = 0; i < reversed.size(); ++i) reversed[i] = static_cast<std::int64_t>(reversed.size() - 1 - i);
  std::vector<int> order;
  for (const std::int64_t axis : attribute(c.node, "perm", reversed)) order.push_back(c.axis(axis, x.rank()));
  return {like(c, x.rank() < 2 && order.size() < 2 ? x : transpose(x, order))};
}

std::vector<int> sorted_axes(const Call& c, const Ints& axes, int rank) {
  std::vector<int> sorted;
  for (const std::int64_t axis : axes) sorted.push_back(c.axis(axis, rank));
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) c.broken("an axis is given twice");
  return sorted;
}

Results squeeze(const Call& c) {
  const Tensor x = c.tensor(0);
  const std::vector<int> axes = sorted_axes(c, c.axes("axes", 1), x.rank());
  const bool all = axes.empty() && !c.has(1) && !find_attribute(c.node, "axes");
  Ints dims;
  for (int i = 0; i < x.rank(); ++i) {
    const bool drop = all ? x.dim(i) == 1 : std::binary_search(axes.begin(), axes.end(), i);
    if (drop && x.dim(i) != 1) c.broken("axis " + std::to_string(i) + " of " + x.shape().str() + " is not 1");
    if (!drop) dims.push_back(x.dim(i));
  }
  return {like(c, reshape(x, Shape(dims)))};
}

Results unsqueeze(const Call& c) {
  const Tensor x = c.tensor(0);
  const Ints given = c.axes("axes", 1);
  const int rank = x.rank() + static_cast<int>(std::min<std::size_t>(given.size(), max_rank));
  const std::vector<int> axes = sorted_axes(c, given, rank);
  Ints dims;
  for (int i = 0, from = 0; i < rank; ++i)
    dims.push_back(std::binary_search(axes.begin(), axes.end(), i) ? 1 : x.dim(from++));
  return {like(c, reshape(x, Shape(dims)))};
}

Results flatten(const Call& c) {
  const Tensor x = c.tensor(0);
  const std::int64_t given = attribute(c.node, "axis", std::int64_t{1});
  const int axis = given == x.rank() ? x.rank() : c.axis(given, x.rank());
  std::int64_t rows = 1;
  for (int i = 0; i < axis; ++i) rows *= x.dim(i);
  return {like(c, reshape(x, {rows, x.shape().elements() / rows}))};
}

Results concat_of(const Call& c) {
  std::vector<Tensor> parts;
  const auto any = [&](DType dtype) {
    return std::any_of(c.inputs.begin(), c.inputs.end(),
                       [&](const Operand& each) { return each.tensor && each.tensor.dtype() == dtype; });
  };
  // Integers that were computed are f32.
  const DType all = any(DType::u32) && !any(DType::f32) ? DType::u32 : DType::f32;
  for (std::size_t i = 0; i < c.count(); ++i) parts.push_back(c.builder().materialise(c.operand(i), all));
  if (parts.empty()) c.broken("has no inputs");
  return {like(c, concat(parts, c.axis(attribute(c.node, "axis", std::int64_t{0}), parts[0].rank())))};
}

Results slice_of(const Call& c) {
  Tensor x = c.tensor(0);
  const bool old = c.opset() < 10;
  const Ints starts = old ? attribute(c.node, "starts", Ints{}) : c.integers(1);
  const Ints ends = old ? attribute(c.node, "ends", Ints{}) : c.integers(2);
  Ints axes = c.axes("axes", 3);
  if (axes.empty()) {
    axes.resize(starts.size());
    std::iota(axes.begin(), axes.end(), 0);
  }
  if (starts.size() != ends.size() || starts.size() != axes.size()) c.broken("starts, ends and axes differ in number");
  if (c.has(4))
    for (const std::int64_t step : c.integers(4))
      if (step != 1) c.refuse("steps other than 1 are not supported");
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const int axis = c.axis(axes[i], x.rank());
    const std::int64_t extent = x.dim(axis);
    const auto bound = [&](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + extent : at, 0, extent); };
    if (bound(starts[i]) >= bound(ends[i])) c.refuse("an empty slice is not supported");
    x = slice(x, axis, bound(starts[i]), bound(ends[i]));
  }
  return {like(c, x)};
}

Results split_of(const Call& c) {
  const Tensor x = c.tensor(0);
  const int axis = c.axis(attribute(c.node, "axis", std::int64_t{0}), x.rank());
  Ints sizes = c.axes("split", 1);
  if (sizes.empty()) {
    const std::int64_t parts = c.node.output_size(), size = (x.dim(axis) + parts - 1) / parts;
    for (std::int64_t begin = 0; begin < x.dim(axis); begin += size)
      sizes.push_back(std::min(size, x.dim(axis) - begin));
  }
  Results parts;
  std::int64_t begin = 0;
  for (const std::int64_t size : sizes) {
    if (size <= 0 || size > x.dim(axis) - begin) c.broken("the parts do not fit " + x.shape().str());
    parts.push_back(like(c, slice(x, axis, begin, begin + size)));
    begin += size;
  }
  return parts;
}

Results expand(const Call& c) {
  const Tensor x = c.tensor(0);
  Ints dims = c.integers(1);
  if (dims.size() > max_rank) c.broken("has " + std::to_string(dims.size()) + " axes");
  while (static_cast<int>(dims.size()) < x.rank()) dims.insert(dims.begin(), 1);
  Shape shape(std::move(dims));
  for (int i = 1; i <= x.rank(); ++i)
    if (shape[-i] == 1) shape[-i] = x.dim(-i);
  return {like(c, broadcast_to(x, shape))};
}

/// data [..., V, ...], indices [...] -> the axis replaced by those of the indices.
Results gather(const Call& c) {
  Tensor data = c.tensor(0);
  const int axis = c.axis(attribute(c.node, "axis", std::int64_t{0}), data.rank());
  const Shape index_shape = c.operand(1).shape();
  Operand indices = c.operand(1);
  const std::int64_t V = data.dim(axis);
  if (indices.constant) {
    std::vector<double> values = indices.constant->values;
    for (double& value : values) {
      if (value < 0) value += static_cast<double>(V);
      if (!(value >= 0 && value < static_cast<double>(V))) c.broken("an index is outside " + data.shape().str());
    }
    if (values.size() == 1) {
      const auto at = static_cast<std::int64_t>(values[0]);
      data = slice(data, axis, at, at + 1);
      Ints dims = data.shape().dims();
      dims.erase(dims.begin() + axis);
      dims.insert(dims.begin() + axis, index_shape.dims().begin(), index_shape.dims().end());
      return {like(c, reshape(data, Shape(dims)))};
    }
    indices = constant_operand(index_shape, std::move(values), Element::integer);
  }
  if (data.dtype() != DType::f32) c.refuse("of integers is not supported");
  std::vector<int> front = {axis};
  for (int i = 0; i < data.rank(); ++i)
    if (i != axis) front.push_back(i);
  if (axis != 0) data = transpose(data, front);
  const Ints rest(data.shape().dims().begin() + 1, data.shape().dims().end());
  Tensor rows = embedding(reshape(data, {V, data.shape().elements() / V}),
                          c.builder().materialise(indices, DType::u32));  // [indices..., rest]
  Ints dims = index_shape.dims();
  dims.insert(dims.end(), rest.begin(), rest.end());
  rows = reshape(rows, Shape(dims));
  std::vector<int> order;  // the indices' axes back to where the axis was
  for (int i = 0; i < axis; ++i) order.push_back(index_shape.rank() + i);
  for (int i = 0; i < index_shape.rank(); ++i) order.push_back(i);
  for (int i = index_shape.rank() + axis; i < rows.rank(); ++i) order.push_back(i);
  return {like(c, axis == 0 ? rows : transpose(rows, order))};
}

Results shape_of(const Call& c) {
  const Ints& dims = c.operand(0).shape().dims();
  const auto rank = static_cast<std::int64_t>(dims.size());
  const auto bound = [&](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank); };
  const std::int64_t begin = bound(attribute(c.node, "start", std::int64_t{0}));
  const std::int64_t end = std::max(begin, bound(attribute(c.node, "end", rank)));
  return {integers_operand(Ints(dims.begin() + begin, dims.begin() + end))};
}

Results size_of(const Call& c) {
  return {constant_operand({}, {static_cast<double>(c.operand(0).shape().elements())}, Element::integer)};
}

Results constant_of_shape(const Call& c) {
  const Shape shape(c.integers(0));
  const ::onnx::AttributeProto* given = find_attribute(c.node, "value");
  const Operand value = given ? read_tensor(given->t(), described(c.node)) : constant_operand({}, {0.0}, Element::real);
  if (value.constant->values.size() != 1) c.broken("value must be one number");
  for (const std::int64_t extent : shape.dims())
    if (extent < 0) c.broken("the shape " + shape.str() + " has a negative extent");
  Graph graph = c.graph();
  const std::int64_t elements = shape.elements();
  if (elements > max_constant && value.element != Element::integer)
    return {{graph.full(shape, static_cast<float>(value.constant->values[0])), {}, value.element}};
  if (elements > max_constant) c.refuse("the shape " + shape.str() + " is too large for constant integers");
  return {constant_operand(shape, std::vector<double>(static_cast<std::size_t>(elements), value.constant->values[0]),
                           value.element)};
}

Results range(const Call& c) {
  const double start = c.number(0), limit = c.number(1), delta = c.number(2);
  const double count = delta == 0 ? -1 : (limit - start) / delta;
  if (!(delta != 0 && count <= static_cast<double>(max_constant))) c.refuse("is too long");
  std::vector<double> values;
  for (double i = 0; i < count; ++i) values.push_back(start + i * delta);
  return {constant_operand({static_cast<std::int64_t>(values.size())}, values, c.operand(0).element)};
}

Results constant(const Call& c) {
  const auto* tensor = find_attribute(c.node, "value");
  if (tensor) return {read_tensor(tensor->t(), described(c.node))};
  if (find_attribute(c.node, "value_float"))
    return {constant_operand({}, {attribute(c.node, "value_float", 0.0f)}, Element::real)};
  if (const auto* whole = find_attribute(c.node, "value_int"))
    return {constant_operand({}, {static_cast<double>(whole->i())}, Element::integer)};
  if (find_attribute(c.node, "value_ints")) return {integers_operand(attribute(c.node, "value_ints", Ints{}))};
  if (const auto* floats = find_attribute(c.node, "value_floats"))
    return {constant_operand({floats->floats_size()}, {floats->floats().begin(), floats->floats().end()},
                             Element::real)};
  c.refuse("has a value of a kind that is not supported");
}

}  // namespace

void add_shape_operators(Handlers& to) {
  const Handlers made = {
      {"Reshape", {reshape_to}}, {"Transpose", {transpose_of}}, {"Squeeze", {squeeze}}, {"Unsqueeze", {unsqueeze}},
      {"Flatten", {flatten}}, {"Concat", {concat_of}}, {"Slice", {slice_of}}, {"Split", {split_of}},
      {"Expand", {expand}}, {"Gather", {gather}}, {"Shape", {shape_of, false}}, {"Size", {size_of, false}},
      {"ConstantOfShape", {constant_of_shape, false}}, {"Range", {range, false}}, {"Constant", {constant, false}},
  };
  to.insert(made.begin(), made.end());
}

}  // namespace volute::onnx
