// Table lookup and its adjoint. Invariant: scatter_add sums in ascending order of the index position,
// so its result does not depend on how work is spread.

#include <algorithm>

#include "engine/graph/build.hpp"
#include "engine/graph/operation.hpp"

namespace volute {

Tensor embedding(Tensor table, Tensor indices) {
  const Tensor both[] = {table, indices};
  require_tensors("embedding", both);
  if (table.dtype() != DType::f32 || table.rank() != 2 || indices.dtype() != DType::u32)
    invalid("embedding", "needs a f32 table [V, E] and u32 indices", both);
  std::vector<std::int64_t> dims = indices.shape().dims();
  dims.push_back(table.dim(1));
  return add_node(Op::embedding, {table, indices}, Shape(std::move(dims)), DType::f32);
}

Tensor scatter_add(Tensor indices, Tensor values, std::int64_t rows) {
  const Tensor both[] = {indices, values};
  require_tensors("scatter_add", both);
  bool fits = indices.dtype() == DType::u32 && values.dtype() == DType::f32 && values.rank() == indices.rank() + 1;
  for (int i = 0; fits && i < indices.rank(); ++i) fits = indices.dim(i) == values.dim(i);
  if (!fits || rows <= 0)
    invalid("scatter_add", "needs u32 indices [...], f32 values [..., E] and a positive row count", both);
  return add_node(Op::scatter_add, {indices, values}, {rows, values.dim(-1)}, DType::f32, {.ints = {rows}});
}

namespace {

using Inputs = std::span<const Values* const>;

Values embedding_reference(const Node& n, Inputs in) {
  const std::int64_t V = n.inputs[0]->shape[0], E = n.inputs[0]->shape[1];
  Values out;
  out.reserve(n.shape.elements());
  for (double index : *in[1]) {
    const auto row = in[0]->begin() + std::min(static_cast<std::int64_t>(index), V - 1) * E;
    out.insert(out.end(), row, row + E);
  }
  return out;
}

Values scatter_reference(const Node& n, Inputs in) {
  const std::int64_t rows = n.shape[0], E = n.shape[1];
  Values out(rows * E, 0);
  for (std::size_t i = 0; i < in[0]->size(); ++i) {
    const auto row = static_cast<std::int64_t>((*in[0])[i]);
    if (row >= rows) continue;
    for (std::int64_t e = 0; e < E; ++e) out[row * E + e] += (*in[1])[i * E + e];
  }
  return out;
}

/// Indices as the lookup takes them: beyond the last row means the last row.
Tensor clamped(Tensor indices, std::int64_t rows) {
  return to_u32(minimum(to_f32(indices), constant_like(indices, static_cast<double>(rows - 1))));
}

/// [..., 1]: 1 where an index names a row, 0 where scatter_add drops it.
Tensor names_row(Tensor indices, std::int64_t rows) {
  std::vector<std::int64_t> column = indices.shape().dims();
  column.push_back(1);
  return reshape(less(indices, to_u32(constant_like(indices, static_cast<double>(rows)))), Shape(std::move(column)));
}

}  // namespace

Operation lookup_operation(Op op) {
  if (op == Op::embedding) {
    return {Kind::kernel,
            [](const GradientContext& c) -> std::vector<Tensor> {
              const std::int64_t rows = c.node->inputs[0]->shape[0];
              return {scatter_add(clamped(c.in[1], rows), c.grad, rows), Tensor()};
            },
            embedding_reference};
  }
  return {Kind::kernel,
          [](const GradientContext& c) -> std::vector<Tensor> {
            return {Tensor(), embedding(c.grad, c.in[0]) * names_row(c.in[0], c.node->shape[0])};
          },
          scatter_reference};
}

}  // namespace volute
