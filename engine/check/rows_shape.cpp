// Rows of operations that only change how elements are read: reshape, transpose, slice, concat, broadcast.
#include "engine/check/table.hpp"

#include <algorithm>

namespace volute::check {
namespace {

// Some of these no strides can express, since rows are padded.
Row reshapes() {
  const Build build = [](Inputs in) {
    const Tensor a = in[0];
    const std::int64_t n = a.shape().elements();
    std::vector<Tensor> outputs = {reshape(a, {-1}), reshape(a, {n, 1}), reshape(a, {1, 1, n}) * 2.0f,
                                   reshape(transpose(reshape(a, {-1, 3})), {-1})};
    outputs.push_back(reshape(reshape(a, {3, -1}), a.shape()) + a);
    outputs.push_back(reshape(reshape(a, {3, -1}) * 2.0f, {-1, 3}));
    return outputs;
  };
  return {"reshape", build, {{real({3})}, {real({7, 33})}, {real({2, 3, 5})}, {real({33, 1})}, {real({3, 4, 8})}}};
}

Row transposes() {
  const Build build = [](Inputs in) {
    std::vector<int> order(in[0].rank());
    for (int i = 0; i < in[0].rank(); ++i) order[i] = i;
    std::vector<Tensor> outputs;
    do outputs.push_back(transpose(in[0], order));
    while (std::next_permutation(order.begin(), order.end()));
    outputs.push_back(transpose(in[0]) * 2.0f);
    return outputs;
  };
  return {"transpose", build, {{real({7, 33})}, {real({1, 65})}, {real({127, 1})}, {real({3, 5, 7})}}};
}

// Four axes: some orders of the 24.
Row transposes_of_four() {
  const Build build = [](Inputs in) {
    return std::vector{transpose(in[0], {3, 1, 0, 2}), transpose(in[0], {0, 2, 1, 3}), transpose(in[0], {-1, 0, 1, 2}),
                       transpose(transpose(in[0], {1, 2, 3, 0}), {1, 2, 3, 0})};
  };
  return {"transpose_4", build, {{real({2, 3, 4, 5})}, {real({3, 1, 7, 1})}}};
}

// Every axis, from its start, to its end, from the middle, aligned to 4 and not.
Row slices() {
  const Build build = [](Inputs in) {
    std::vector<Tensor> outputs;
    for (int axis = 0; axis < in[0].rank(); ++axis) {
      const std::int64_t n = in[0].dim(axis);
      if (n > 1) outputs.push_back(slice(in[0], axis, 0, n - 1));
      if (n > 1) outputs.push_back(slice(in[0], axis, 1, n));
      if (n > 4) outputs.push_back(slice(in[0], axis, 4, n) * 2.0f);
      if (n > 8) outputs.push_back(slice(in[0], axis, -5, -2));
    }
    outputs.push_back(slice(in[0], 0, 0, in[0].dim(0)));
    return outputs;
  };
  return {"slice", build, {{real({127})}, {real({7, 33})}, {real({5, 3, 7})}, {real({3, 9, 1})}, {real({1})}}};
}

// Overlapping slices, slices of slices, one element of many: their gradients must add up.
Row overlapping_slices() {
  const Build build = [](Inputs in) {
    const Tensor a = in[0];
    return std::vector{slice(a, 1, 0, 5) * slice(a, 1, 2, 7), slice(slice(a, 1, 1, 7), 1, 2, 3),
                       slice(slice(a, 0, 1, 3), 1, 3, 6), slice(a, 0, 0, 1) + slice(a, 0, 2, 3) + a};
  };
  return {"slice_overlap", build, {{real({3, 7})}, {real({33, 9})}}};
}

Row concats() {
  const Build build = [](Inputs in) {
    const Tensor a = in[0], b = in[1];
    const int rank = a.rank();
    std::vector<Tensor> outputs = {concat({a, b, a}, -1), concat({b}, -1), concat({a, concat({b, b * 2.0f}, -1)}, -1)};
    if (rank > 1) {
      outputs.push_back(concat({transpose(a), transpose(b)}, -2));
      outputs.push_back(concat({transpose(b), transpose(b), transpose(a)}, rank - 2) * 2.0f);
    }
    outputs.push_back(concat({a, exp(a)}, 0));
    outputs.push_back(concat({broadcast_to(sum(b), {3}), reshape(a, {-1})}, 0));
    return outputs;
  };
  return {"concat",
          build,
          {{real({1}), real({2})},
           {real({7, 33}), real({7, 3})},
           {real({2, 3, 5}), real({2, 3, 65})},
           {real({3, 1}), real({3, 127})}}};
}

Row splits() {
  const Build build = [](Inputs in) {
    const auto a = split(in[0], -1, 3), b = split(in[0], 0, 3);
    return std::vector{a[0] * a[2], a[1], concat({a[2], a[0], a[1]}, -1), b[0] - b[1] * b[2], tanh(b[2])};
  };
  return {"split", build, {{real({3, 3})}, {real({3, 21})}, {real({33, 99})}, {real({6, 2, 12})}, {real({9})}}};
}

Row broadcasts() {
  const Build build = [](Inputs in) {
    const Tensor a = in[0], b = in[1], c = in[2];
    return std::vector{broadcast_to(a, {7}),
                       broadcast_to(a, {3, 33}),
                       broadcast_to(b, {5, 33}),
                       broadcast_to(b, {2, 3, 33}),
                       broadcast_to(c, {7, 5}) * 2.0f,
                       broadcast_to(c, {65, 7, 1}),
                       transpose(broadcast_to(c, {7, 127})),
                       reshape(broadcast_to(b, {3, 33}), {-1})};
  };
  return {"broadcast_to", build, {{real({}), real({33}), real({7, 1})}, {real({1}), real({1, 33}), real({7, 1})}}};
}

// Views of views: orders of slicing, transposing, reshaping and spreading.
Row views_of_views() {
  const Build build = [](Inputs in) {
    const Tensor a = in[0];  // [2, 6, 5]
    return std::vector{slice(transpose(slice(a, 1, 1, 5)), 1, 1, 4),
                       reshape(slice(transpose(a, {1, 0, 2}), 2, 1, 3), {-1, 4}),
                       transpose(reshape(slice(a, 1, 2, 5), {6, 5})),
                       broadcast_to(reshape(slice(a, 2, 3, 4), {2, 1, 6}), {2, 3, 6}) * 2.0f,
                       slice(reshape(transpose(a, {2, 0, 1}), {10, 6}), 0, 3, 8),
                       reshape(reshape(transpose(a, {0, 2, 1}), {4, 15}), {5, 12}),
                       transpose(reshape(a, {4, 15})),
                       slice(reshape(a, {4, 15}), 1, 4, 9) + slice(reshape(a, {4, 15}), 1, 10, 15)};
  };
  return {"views_of_views", build, {{real({2, 6, 5})}}};
}

Row counting() {
  const Build build = [](Inputs in) {
    const Graph graph = graph_of(in[0]);
    const Tensor n = Graph(graph).iota(in[0].dim(0));
    const Tensor column = reshape(n, {-1, 1});
    return std::vector{n,
                       broadcast_to(column, {in[0].dim(0), 3}),
                       in[0] * to_f32(n),
                       slice(n, 0, 1, in[0].dim(0)),
                       equal(column, broadcast_to(n, {in[0].dim(0), in[0].dim(0)})),
                       Graph(graph).full({3, 7}, 2.5f)};
  };
  return {"iota_full", build, {{real({3})}, {real({33})}, {real({65})}}};
}

}  // namespace

std::vector<Row> shape_rows() {
  return {reshapes(), transposes(), transposes_of_four(), slices(),         overlapping_slices(),
          concats(),  splits(),     broadcasts(),         views_of_views(), counting()};
}

}  // namespace volute::check
