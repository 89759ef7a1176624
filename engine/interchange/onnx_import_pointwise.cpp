// Elementwise operators of imported models. Truth values are f32, 0 or 1. See onnx_builder.hpp.
#include <cmath>

#include "engine/interchange/onnx_builder.hpp"

namespace volute::onnx {
namespace {

using nn::Activation;

Tensor scalar(const Call& c, float value) {
  Graph graph = c.graph();
  return graph.full({}, value);
}

Operand truth(Tensor tensor) { return {tensor, {}, Element::truth}; }

template <Tensor (*f)(Tensor)>
Results unary(const Call& c) {
  return {real(f(c.real(0)))};
}

template <Activation::Function f>
Results activation(const Call& c) {
  return {real(Activation(f)(c.real(0)))};
}

template <Tensor (*f)(Tensor, Tensor)>
Results binary(const Call& c) {
  return {like(c, f(c.real(0), c.real(1)))};
}

/// Of any number of operands, from the left.
template <Tensor (*f)(Tensor, Tensor)>
Results variadic(const Call& c) {
  Tensor result = c.real(0);
  for (std::size_t i = 1; i < c.count(); ++i) result = f(result, c.real(i));
  return {like(c, result)};
}

/// Both as u32 if one is so in the graph and the other is or can be, else as f32: integers that were computed, which
/// may be negative, are f32 there.
template <class F>
Results compare(const Call& c, F f) {
  const auto is = [&](std::size_t i, DType dtype) {
    return c.operand(i).tensor && c.operand(i).tensor.dtype() == dtype;
  };
  const bool whole = is(0, DType::u32) || is(1, DType::u32), computed = is(0, DType::f32) || is(1, DType::f32);
  const DType both = whole && !computed ? DType::u32 : DType::f32;
  return {truth(f(c.builder().materialise(c.operand(0), both), c.builder().materialise(c.operand(1), both)))};
}

Results less_than(const Call& c) {
  return compare(c, [](Tensor a, Tensor b) { return less(a, b); });
}
Results greater(const Call& c) {
  return compare(c, [](Tensor a, Tensor b) { return less(b, a); });
}
Results less_or_equal(const Call& c) {
  return compare(c, [](Tensor a, Tensor b) { return maximum(less(a, b), equal(a, b)); });
}
Results greater_or_equal(const Call& c) {
  return compare(c, [](Tensor a, Tensor b) { return maximum(less(b, a), equal(a, b)); });
}
Results equal_to(const Call& c) {
  return compare(c, [](Tensor a, Tensor b) { return equal(a, b); });
}
Results not_equal(const Call& c) {
  return {truth(abs(c.real(0) - c.real(1)))};
}
Results negation(const Call& c) { return {truth(1.0f - c.real(0))}; }

Tensor add(Tensor a, Tensor b) { return a + b; }
Tensor subtract(Tensor a, Tensor b) { return a - b; }
Tensor multiply(Tensor a, Tensor b) { return a * b; }
Tensor negative(Tensor a) { return -a; }
Tensor reciprocal(Tensor a) { return 1.0f / a; }

/// The integer next to x towards zero, as f32, which has a sign.
Operand towards_zero(const Call& c, Tensor x) {
  const Tensor whole = to_f32(to_u32(abs(x)));
  return {where(less(x, scalar(c, 0.0f)), -whole, whole), {}, Element::integer};
}

Results divide(const Call& c) {
  const Tensor quotient = c.real(0) / c.real(1);
  return {c.operand(0).element == Element::integer ? towards_zero(c, quotient) : real(quotient)};
}

Results power(const Call& c) {
  const double exponent = c.number(1);
  Tensor x = c.real(0);
  if (exponent == 0.5) return {real(sqrt(x))};
  if (exponent != std::trunc(exponent) || exponent < 1 || exponent > 8)
    c.refuse("the exponent must be 0.5 or a whole number from 1 to 8, got " + std::to_string(exponent));
  Tensor result = x;
  for (int i = 1; i < static_cast<int>(exponent); ++i) result = result * x;
  return {like(c, result)};
}

Results leaky_relu(const Call& c) {
  Tensor x = c.real(0);
  return {real(where(less(x, scalar(c, 0.0f)), x * attribute(c.node, "alpha", 0.01f), x))};
}

Results elu(const Call& c) {
  Tensor x = c.real(0);
  Tensor zero = scalar(c, 0.0f);
  return {real(where(less(x, zero), attribute(c.node, "alpha", 1.0f) * expm1(minimum(x, zero)), x))};
}

Results hard_sigmoid(const Call& c) {
  Tensor x = c.real(0) * attribute(c.node, "alpha", 0.2f) + attribute(c.node, "beta", 0.5f);
  return {real(maximum(minimum(x, scalar(c, 1.0f)), scalar(c, 0.0f)))};
}

Results clip(const Call& c) {
  Tensor x = c.real(0);
  const auto bound = [&](const char* name, std::size_t i) {
    return c.has(i) ? c.real(i) : scalar(c, attribute(c.node, name, 0.0f));
  };
  if (c.has(1) || find_attribute(c.node, "min")) x = maximum(x, bound("min", 1));
  if (c.has(2) || find_attribute(c.node, "max")) x = minimum(x, bound("max", 2));
  return {like(c, x)};
}

Results where_of(const Call& c) {
  if (c.operand(1).tensor && c.operand(1).tensor.dtype() == DType::u32) c.refuse("of integers is not supported");
  return {{where(c.real(0), c.real(1), c.real(2)), {}, c.operand(1).element}};
}

Results cast(const Call& c) {
  const Operand& from = c.operand(0);
  const Element to = element_of(static_cast<int>(attribute(c.node, "to", std::int64_t{0})), described(c.node));
  if (from.element == to || (from.element == Element::truth && to == Element::real))
    return {{from.tensor, from.constant, to}};
  if (from.tensor && from.tensor.dtype() == DType::u32) {  // an integer of a run
    const Tensor value = to_f32(from.tensor);
    return {{to == Element::truth ? 1.0f - equal(value, scalar(c, 0.0f)) : value, {}, to}};
  }
  Tensor x = c.real(0);
  if (to == Element::truth) return {truth(1.0f - equal(x, scalar(c, 0.0f)))};
  if (to == Element::real) return {real(x)};
  return {from.element == Element::truth ? Operand{x, {}, to} : towards_zero(c, x)};
}

/// Constants stay constants: axes and shapes are computed by way of reals, too.
Results cast_any(const Call& c) {
  const Operand& from = c.operand(0);
  if (!from.constant) return cast(c);
  const Element to = element_of(static_cast<int>(attribute(c.node, "to", std::int64_t{0})), described(c.node));
  std::vector<double> values = from.constant->values;
  for (double& value : values)
    value = to == Element::truth ? value != 0 : to == Element::integer ? std::trunc(value) : value;
  return {constant_operand(from.shape(), std::move(values), to)};
}

Results same(const Call& c) { return {c.operand(0)}; }

Results dropout_of(const Call& c) {
  if (c.has(2) && c.number(2) != 0) c.refuse("training_mode is not supported");
  Graph graph = c.graph();
  if (c.node.output_size() < 2) return {c.operand(0)};
  return {c.operand(0), truth(graph.full(c.operand(0).shape(), 1.0f))};
}

}  // namespace

void add_pointwise(Handlers& to) {
  const Handlers made = {
      {"Neg", {[](const Call& c) -> Results { return {like(c, negative(c.real(0)))}; }}},
      {"Abs", {[](const Call& c) -> Results { return {like(c, abs(c.real(0)))}; }}},
      {"Exp", {unary<exp>}}, {"Log", {unary<log>}}, {"Sqrt", {unary<sqrt>}}, {"Tanh", {unary<tanh>}},
      {"Sigmoid", {unary<sigmoid>}}, {"Relu", {unary<relu>}}, {"Reciprocal", {unary<reciprocal>}},
      {"Softplus", {activation<Activation::softplus>}}, {"Softsign", {activation<Activation::softsign>}},
      {"LeakyRelu", {leaky_relu}}, {"Elu", {elu}}, {"HardSigmoid", {hard_sigmoid}}, {"Clip", {clip}},
      {"Add", {binary<add>}}, {"Sub", {binary<subtract>}}, {"Mul", {binary<multiply>}}, {"Div", {divide}},
      {"Pow", {power}}, {"Sum", {variadic<add>}}, {"Max", {variadic<maximum>}}, {"Min", {variadic<minimum>}},
      {"Less", {less_than}}, {"Greater", {greater}}, {"LessOrEqual", {less_or_equal}},
      {"GreaterOrEqual", {greater_or_equal}}, {"Equal", {equal_to}},
      {"And", {binary<multiply>}}, {"Or", {binary<maximum>}}, {"Xor", {not_equal}}, {"Not", {negation}},
      {"Where", {where_of}}, {"Cast", {cast_any, false}}, {"Identity", {same, false}}, {"Dropout", {dropout_of, false}},
  };
  to.insert(made.begin(), made.end());
}

}  // namespace volute::onnx
