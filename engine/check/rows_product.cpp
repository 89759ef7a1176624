// Rows of matrix products (every transposition and batching) and of lookups.
#include "engine/check/table.hpp"

namespace volute::check {
namespace {

const Build all_transposes = [](Inputs in) {
  const Tensor a = in[0], b = in[1];  // [.., M, K] [.., K, N]
  const Tensor at = transpose(a) * 1.5f, bt = transpose(b) * 1.5f;
  return std::vector{matmul(a, b), matmul(at, b, true, false), matmul(a, bt, false, true), matmul(at, bt, true, true)};
};

Row products() {
  Row row{"matmul", all_transposes, {}};
  const std::int64_t sizes[][3] = {{1, 1, 1}, {1, 33, 7},  {7, 1, 65}, {33, 127, 3},
                                   {3, 7, 1}, {65, 3, 33}, {8, 64, 32}};
  for (const auto& [m, k, n] : sizes) row.variants.push_back({real({m, k}), real({k, n})});
  return row;
}

// Equal batches, two axes of them, each operand spread over the other's.
Row batched() {
  Row row{"matmul_batched", all_transposes, {}};
  row.variants = {{real({3, 5, 7}), real({3, 7, 33})},   {real({2, 3, 1, 7}), real({2, 3, 7, 3})},
                  {real({3, 1, 5, 3}), real({2, 3, 1})}, {real({1, 7, 3}), real({5, 3, 1})},
                  {real({7, 3}), real({3, 3, 5})},       {real({2, 1, 3, 4}), real({1, 3, 4, 5})}};
  return row;
}

// One matrix for all batches: a single product of all rows.
Row shared_b() {
  const Build build = [](Inputs in) {
    return std::vector{matmul(in[0], in[1]), matmul(in[0], transpose(in[1]) * 2.0f, false, true),
                       matmul(transpose(in[0]), in[1], true, false)};
  };
  return {"matmul_shared_b", build, {{real({3, 5, 7}), real({7, 33})}, {real({2, 3, 1, 33}), real({33, 1})}}};
}

// Operands that are views: slices off the texel grid, transposed slices, spread rows, computed values.
Row of_views() {
  const Build build = [](Inputs in) {
    const Tensor a = in[0], b = in[1];  // [9, 13] [13, 11]
    return std::vector{matmul(slice(a, 1, 4, 12), slice(b, 0, 4, 12)),
                       matmul(slice(a, 1, 1, 6), slice(b, 0, 3, 8)),
                       matmul(slice(a, 0, 2, 7), slice(b, 1, 4, 11)),
                       matmul(slice(a, 0, 1, 4), slice(b, 1, 3, 8)),
                       matmul(transpose(slice(b, 1, 4, 11)), transpose(slice(a, 0, 4, 9))),
                       matmul(tanh(a), exp(b)) * 0.5f + 1.0f,
                       matmul(broadcast_to(slice(a, 0, 3, 4), {3, 13}), b),
                       matmul(reshape(slice(a, 0, 0, 4), {13, 4}), reshape(slice(b, 0, 1, 5), {4, 11})),
                       matmul(a, matmul(b, a))};
  };
  return {"matmul_of_views", build, {{real({11, 13}), real({13, 11})}}};
}

Row squares() {
  const Build build = [](Inputs in) {
    const Tensor a = in[0];
    return std::vector{matmul(a, a), matmul(a, a, true, false), matmul(a, a, false, true),
                       transpose(matmul(a, a, true, true))};
  };
  return {"matmul_with_itself", build, {{real({7, 7})}, {real({3, 33, 33})}}};
}

Row lookups() {
  const Build build = [](Inputs in) {
    return std::vector{embedding(in[0], in[1]), embedding(in[0] * 2.0f, in[2]),
                       embedding(transpose(transpose(in[0]) + 1.0f), in[1])};
  };
  return {"embedding",
          build,
          {{real({5, 7}), indices({7, 3}, 5), indices({}, 5)},
           {real({1, 33}), indices({33}, 1), indices({3, 1, 5}, 1)},
           {real({65, 1}), indices({127}, 65), indices({1}, 65)},
           {real({3, 4}), indices({9}, 7), indices({2, 3}, 4)}}};  // some indices name no row
}

// Indices that are computed, sliced, transposed or counted.
Row computed_indices() {
  const Build build = [](Inputs in) {
    const Tensor table = in[0], index = in[1];  // [7, 5] [3, 9]
    return std::vector{embedding(table, transpose(index)),
                       embedding(table, slice(index, 1, 1, 6)),
                       embedding(table, to_u32(to_f32(index) * 0.5f)),
                       embedding(table, graph_of(table).iota(7)),
                       embedding(slice(table, 0, 1, 6), slice(index, 0, 1, 2)),
                       embedding(slice(table, 1, 1, 4), index)};
  };
  return {"embedding_of_views", build, {{real({7, 5}), indices({3, 9}, 5)}}};
}

Row scatters() {
  const Build build = [](Inputs in) {
    const std::int64_t rows = 5;
    return std::vector{scatter_add(in[0], in[1], rows), scatter_add(in[0], in[1] * 2.0f, rows + 33),
                       tanh(scatter_add(in[0], exp(in[1]), 1))};
  };
  return {"scatter_add",
          build,
          {{indices({33}, 5), real({33, 7})},
           {indices({7, 3}, 40), real({7, 3, 33})},
           {indices({}, 5), real({1})},
           {indices({3, 1, 5}, 2), real({3, 1, 5, 65})},
           {indices({127}, 9), real({127, 1})}}};
}

Row scatters_of_views() {
  const Build build = [](Inputs in) {
    return std::vector{scatter_add(slice(in[0], 0, 1, 6), slice(in[1], 0, 2, 7), 4),
                       scatter_add(transpose(in[2]), transpose(in[3], {1, 0, 2}), 3),
                       scatter_add(in[0], broadcast_to(slice(in[1], 0, 0, 1), {7, 3}), 4)};
  };
  return {"scatter_add_of_views", build, {{indices({7}, 4), real({7, 3}), indices({3, 5}, 3), real({3, 5, 2})}}};
}

}  // namespace

std::vector<Row> product_rows() { return {products(), batched(), shared_b(), of_views(), squares()}; }

std::vector<Row> lookup_rows() { return {lookups(), computed_indices(), scatters(), scatters_of_views()}; }

}  // namespace volute::check
