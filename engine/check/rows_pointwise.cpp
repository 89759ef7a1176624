// Rows of pointwise operations: alone over several ranks, in pairs under every kind of broadcasting.
#include "engine/check/table.hpp"

namespace volute::check {
namespace {

using Unary = Tensor (*)(Tensor);
using Binary = Tensor (*)(Tensor, Tensor);
using Make = Leaf (*)(Shape);

const std::vector<Shape> unary_shapes = {{}, {1}, {127}, {3, 7}, {7, 33}, {3, 1, 65}};

Row unary(const char* name, Unary f, Make make) {
  Row row{name, [f](Inputs in) { return std::vector{f(in[0])}; }, {}};
  for (const Shape& shape : unary_shapes) row.variants.push_back({make(shape)});
  return row;
}

Row wide(Row row, float lo, float hi, double tolerance = 4e-6) {
  row.variants.push_back({between({3, 33}, lo, hi)});
  row.tolerance = tolerance;
  return row;
}

Leaf from_minus_3(Shape shape) { return between(std::move(shape), -3, 3); }
Leaf in_unit(Shape shape) { return between(std::move(shape), 0, 1); }

// Two operands: equal shapes, a row, a column and a scalar spread over the other.
Row binary(const char* name, Binary f, Make a, Make b) {
  Row row{name, [f](Inputs in) { return std::vector{f(in[0], in[1])}; }, {}};
  row.variants = {{a({7, 33}), b({7, 33})}, {a({3, 1, 65}), b({7, 1})}, {a({127}), b({})}, {a({33}), b({3, 33})}};
  return row;
}

// Every way in which shapes may spread, for one operation.
Row broadcasting() {
  Row row{"broadcasting", [](Inputs in) { return std::vector{in[0] * in[1], in[0] - in[1]}; }, {}};
  const std::pair<Shape, Shape> pairs[] = {{{}, {}},
                                           {{1}, {127}},
                                           {{1, 1}, {}},
                                           {{65, 1}, {1, 33}},
                                           {{33, 1}, {33, 1}},
                                           {{3, 7, 5}, {7, 1}},
                                           {{3, 1, 7}, {1, 33, 1}},
                                           {{1, 3}, {33, 1, 1}},
                                           {{2, 3, 4, 5}, {3, 1, 5}},
                                           {{7, 3, 1}, {1, 1, 4}}};
  for (const auto& [a, b] : pairs) row.variants.push_back({real(a), real(b)});
  return row;
}

// Values around the branches of expm1, tanh and sigmoid, and where the naive formulas overflow or cancel.
Row branches() {
  const Build build = [](Inputs in) { return std::vector{expm1(in[0]), tanh(in[0]), sigmoid(in[0])}; };
  return {"branches", build, {{between({127}, -0.6f, 0.6f)}, {between({33}, -1e-4f, 1e-4f)}, {between({65}, -90, 5)}}};
}

Row comparisons() {
  const Build build = [](Inputs in) {
    const Tensor same = in[0] * 1.0f;
    return std::vector{less(in[0], in[1]), equal(in[0], in[1]), less(in[1], in[0]),
                       equal(same, in[0]), less(in[2], in[3]),  equal(in[2], in[3])};
  };
  return {"less_equal",
          build,
          {{distinct({7, 33}), distinct({33}), indices({7, 33}, 4), indices({7, 1}, 4)},
           {distinct({127}), real({}), indices({1}, 2), indices({65}, 2)}}};
}

Row choice() {
  const Build build = [](Inputs in) {
    return std::vector{where(less(in[0], in[1]), in[0], in[2]), where(in[0], in[1], in[2]),
                       where(equal(in[0], in[0]), in[2], in[1])};
  };
  const auto condition = [](Shape shape) { return away_from_0(std::move(shape)); };
  return {"where",
          build,
          {{condition({7, 33}), between({33}, 2, 3), real({7, 1})},
           {condition({127}), between({}, 2, 3), real({3, 1, 1})},
           {condition({1, 3}), between({65, 1}, -3, -2), real({65, 3})}}};
}

Row conversions() {
  const Build build = [](Inputs in) {
    const Tensor whole = to_u32(in[1]);
    return std::vector{to_f32(in[0]), whole, to_f32(whole) * in[1], to_u32(in[2]), to_u32(to_f32(in[3]))};
  };
  return {"conversions",
          build,
          {{indices({7, 33}, 9), between({3, 7}, 0.01f, 9), between({127}, 1e5f, 1.6e7f), indices({65}, 1u << 24)},
           {indices({}, 9), between({33}, 1, 9), between({}, 1e8f, 4e9f), indices({3, 1}, 1u << 24)}}};
}

// Constants on either side of every arithmetic operator.
Row constants() {
  const Build build = [](Inputs in) {
    const Tensor a = in[0];
    return std::vector{a + 0.1f, a - 0.1f, a * 0.3f, a / 0.3f, 0.1f + a, 0.1f - a, 0.3f * a,
                       0.3f / a, a * 1.0f, a + 0.0f, a - 0.0f, a / 1.0f, 0.0f - a};
  };
  return {"constants", build, {{away_from_0({7, 33})}, {away_from_0({})}}};
}

Row cut_gradient() {
  const Build build = [](Inputs in) {
    return std::vector{stop_gradient(in[0]), in[1] * stop_gradient(in[0] * 2.0f), stop_gradient(exp(in[0])) + in[1]};
  };
  return {"stop_gradient", build, {{cut({7, 33}), real({33})}, {cut({1}), real({3, 1})}}};
}

}  // namespace

std::vector<Row> pointwise_rows() {
  std::vector<Row> rows = {
      unary(
          "neg", [](Tensor a) { return -a; }, real),
      wide(unary("exp", exp, from_minus_3), -20, 5),
      wide(unary("expm1", expm1, from_minus_3), -20, 3),
      wide(unary("log", log, positive), 1e-6f, 100),
      wide(unary("sqrt", sqrt, positive), 0.01f, 1000),
      unary("abs", abs, away_from_0),
      wide(unary("tanh", tanh, from_minus_3), -30, 30),
      wide(unary("sigmoid", sigmoid, from_minus_3), -30, 30),
      unary("relu", relu, away_from_0),
      binary(
          "add", [](Tensor a, Tensor b) { return a + b; }, real, real),
      binary(
          "sub", [](Tensor a, Tensor b) { return a - b; }, real, real),
      binary(
          "mul", [](Tensor a, Tensor b) { return a * b; }, real, real),
      binary(
          "div", [](Tensor a, Tensor b) { return a / b; }, real, away_from_0),
      binary("maximum", maximum, distinct, in_unit),
      binary("minimum", minimum, distinct, in_unit),
  };
  for (auto make : {broadcasting, branches, comparisons, choice, conversions, constants, cut_gradient})
    rows.push_back(make());
  return rows;
}

}  // namespace volute::check
