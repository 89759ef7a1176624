// Rows of reductions over every set of axes, and of what is composed from them.
#include "engine/check/table.hpp"

namespace volute::check {
namespace {

using Reduce = Tensor (*)(Tensor, std::vector<int>, bool);

/// Every subset of the axes of a tensor of rank `rank`, the empty one (all of them) included.
std::vector<std::vector<int>> axis_sets(int rank) {
  std::vector<std::vector<int>> sets;
  for (int bits = 0; bits < 1 << rank; ++bits) {
    auto& axes = sets.emplace_back();
    for (int axis = 0; axis < rank; ++axis)
      if (bits >> axis & 1) axes.push_back(axis - (axis % 2 ? rank : 0));  // some counted from the end
  }
  return sets;
}

Row every_axes(const char* name, Reduce reduce, Leaf (*make)(Shape), const std::vector<Shape>& shapes) {
  const Build build = [reduce](Inputs in) {
    std::vector<Tensor> outputs;
    for (const auto& axes : axis_sets(in[0].rank())) outputs.push_back(reduce(in[0], axes, outputs.size() % 2));
    return outputs;
  };
  Row row{name, build, {}};
  for (const Shape& shape : shapes) row.variants.push_back({make(shape)});
  return row;
}

// Long enough for the two-stage reduction, with and without something to compute in front.
Row long_columns() {
  const Build build = [](Inputs in) {
    return std::vector{sum(in[0], {0}), max(in[0] * in[1], {0}), mean(exp(in[0]) * in[1], {0}), sum(in[0] * in[0])};
  };
  return {"reduce_long", build, {{distinct({512, 3}), real({3})}, {distinct({288, 33}), real({288, 1})}}};
}

// The operand is computed, sliced, transposed, or spread, not stored.
Row with_prologue() {
  const Build build = [](Inputs in) {
    const Tensor a = in[0], b = in[1];
    return std::vector{sum(tanh(a * b), {-1}),
                       sum(transpose(a) * 2.0f, {-1}),
                       max(slice(a, 1, 1, 6), {0}),
                       sum(slice(transpose(a), 0, 2, 5), {1}),
                       sum(broadcast_to(b, {3, a.dim(0), a.dim(1)}), {0, 2}),
                       mean(reshape(a, {-1}) * 3.0f),
                       sum(sum(a * a, {0}, true) * a, {1})};
  };
  return {"reduce_prologue", build, {{distinct({33, 7}), real({7})}, {distinct({5, 65}), real({5, 1})}}};
}

template <Tensor (*F)(Tensor, int)>
std::vector<Tensor> every_axis(Inputs in) {
  std::vector<Tensor> outputs;
  for (int axis = 0; axis < in[0].rank(); ++axis) outputs.push_back(F(in[0], axis - in[0].rank()));
  return outputs;
}

const std::vector<Leaves> softmax_variants = {
    {real({127})}, {between({7, 33}, -5, 5)}, {real({3, 1})}, {between({3, 5, 65}, -60, 60)}};

Row losses() {
  const Build build = [](Inputs in) { return std::vector{cross_entropy(in[0], in[1])}; };
  return {"cross_entropy",
          build,
          {{between({7, 3, 33}, -5, 5), indices({7, 3}, 33)},
           {between({65, 127}, -50, 50), indices({65}, 127)},
           {real({1}), indices({}, 1)},
           {real({33, 3}), indices({33}, 3)}}};
}

Row largest() {
  const Build build = [](Inputs in) { return std::vector{argmax(in[0]), argmax(in[0] * 0.0f), argmax(-in[0])}; };
  return {"argmax", build, {{distinct({127})}, {distinct({7, 33})}, {distinct({3, 7, 1})}, {distinct({2, 3, 65})}}};
}

}  // namespace

std::vector<Row> reduction_rows() {
  return {every_axes("sum", sum, real, {{}, {127}, {1, 33}, {65, 1}, {7, 3, 5}, {3, 2, 3, 7}}),
          every_axes("mean", mean, real, {{127}, {7, 3, 5}}),
          every_axes("max", max, distinct, {{7, 3, 5}, {127}, {}, {1, 33}, {65, 1}}),
          long_columns(),
          with_prologue(),
          {"softmax", every_axis<softmax>, softmax_variants},
          {"log_softmax", every_axis<log_softmax>, softmax_variants},
          losses(),
          largest()};
}

}  // namespace volute::check
