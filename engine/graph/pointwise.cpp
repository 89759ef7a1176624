// Pointwise operations: builders with NumPy broadcasting, gradients, references.
// Invariant: a pointwise node's inputs have exactly its shape; broadcasting is a node of its own.

#include <algorithm>
#include <cmath>

#include "engine/graph/build.hpp"
#include "engine/graph/operation.hpp"

namespace volute {
namespace {

Tensor unary(Op op, Tensor a) {
  require_f32(name_of(op), {a});
  return add_node(op, {a}, a.shape(), DType::f32);
}

Tensor binary(Op op, Tensor a, Tensor b) {
  require_f32(name_of(op), {a, b});
  const Shape shape = broadcast_shape(name_of(op), a, b);
  return add_node(op, {broadcast_to(a, shape), broadcast_to(b, shape)}, shape, DType::f32);
}

Tensor compare(Op op, Tensor a, Tensor b) {
  const Tensor both[] = {a, b};
  require_tensors(name_of(op), both);
  if (a.dtype() != b.dtype()) invalid(name_of(op), "operands must have the same type", both);
  const Shape shape = broadcast_shape(name_of(op), a, b);
  return add_node(op, {broadcast_to(a, shape), broadcast_to(b, shape)}, shape, DType::f32);
}

Tensor binary(Op op, Tensor a, double b) {
  require_f32(name_of(op), {a});
  return binary(op, a, constant_like(a, b));
}

Tensor binary(Op op, double a, Tensor b) {
  require_f32(name_of(op), {b});
  return binary(op, constant_like(b, a), b);
}

}  // namespace

Tensor operator+(Tensor a, Tensor b) { return binary(Op::add, a, b); }
Tensor operator-(Tensor a, Tensor b) { return binary(Op::sub, a, b); }
Tensor operator*(Tensor a, Tensor b) { return binary(Op::mul, a, b); }
Tensor operator/(Tensor a, Tensor b) { return binary(Op::div, a, b); }
Tensor operator+(Tensor a, float b) { return binary(Op::add, a, b); }
Tensor operator-(Tensor a, float b) { return binary(Op::sub, a, b); }
Tensor operator*(Tensor a, float b) { return binary(Op::mul, a, b); }
Tensor operator/(Tensor a, float b) { return binary(Op::div, a, b); }
Tensor operator+(float a, Tensor b) { return binary(Op::add, a, b); }
Tensor operator-(float a, Tensor b) { return binary(Op::sub, a, b); }
Tensor operator*(float a, Tensor b) { return binary(Op::mul, a, b); }
Tensor operator/(float a, Tensor b) { return binary(Op::div, a, b); }
Tensor operator-(Tensor a) { return unary(Op::neg, a); }
Tensor maximum(Tensor a, Tensor b) { return binary(Op::maximum, a, b); }
Tensor minimum(Tensor a, Tensor b) { return binary(Op::minimum, a, b); }
Tensor exp(Tensor a) { return unary(Op::exp, a); }
Tensor expm1(Tensor a) { return unary(Op::expm1, a); }
Tensor log(Tensor a) { return unary(Op::log, a); }
Tensor sqrt(Tensor a) { return unary(Op::sqrt, a); }
Tensor abs(Tensor a) { return unary(Op::abs, a); }
Tensor tanh(Tensor a) { return unary(Op::tanh, a); }
Tensor sigmoid(Tensor a) { return unary(Op::sigmoid, a); }
Tensor relu(Tensor a) { return unary(Op::relu, a); }
Tensor less(Tensor a, Tensor b) { return compare(Op::less, a, b); }
Tensor equal(Tensor a, Tensor b) { return compare(Op::equal, a, b); }

Tensor where(Tensor condition, Tensor a, Tensor b) {
  require_f32("where", {condition, a, b});
  const Shape pair = broadcast_shape("where", a, b);
  const Shape shape = broadcast_shape("where", condition, broadcast_to(a, pair));
  return add_node(Op::where, {broadcast_to(condition, shape), broadcast_to(a, shape), broadcast_to(b, shape)}, shape,
                  DType::f32);
}

Tensor to_u32(Tensor a) {
  require_f32("to_u32", {a});
  return add_node(Op::to_u32, {a}, a.shape(), DType::u32);
}

Tensor to_f32(Tensor a) {
  require_tensors("to_f32", std::span<const Tensor>(&a, 1));
  if (a.dtype() == DType::f32) return a;
  return add_node(Op::to_f32, {a}, a.shape(), DType::f32);
}

Tensor to_half(Tensor a, DType dtype) {
  require_f32("to_half", {a});
  return add_node(dtype == DType::f16 ? Op::to_f16 : Op::to_bf16, {a}, a.shape(), dtype);
}

namespace {

using Context = const GradientContext&;
using Grads = std::vector<Tensor>;
using Row = const Node&;
using Inputs = std::span<const Values* const>;

Tensor sign(Tensor a) {
  const Tensor zero = constant_like(a, 0);
  return less(zero, a) - less(a, zero);
}

/// 1 where a < b, 1/2 where equal: ties share the gradient.
Tensor share(Tensor a, Tensor b) { return less(a, b) + 0.5f * equal(a, b); }

template <class F>
Values map1(Inputs in, F f) {
  Values out(in[0]->size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = f((*in[0])[i]);
  return out;
}

template <class F>
Values map2(Inputs in, F f) {
  Values out(in[0]->size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = f((*in[0])[i], (*in[1])[i]);
  return out;
}

/// To the nearest number with `digits` binary digits behind the first and exponents from `least` on (below it,
/// subnormal numbers), ties to even; infinity beyond `largest`.
double rounded(double x, int digits, int least, double largest) {
  if (x == 0 || !std::isfinite(x)) return x;
  const int last_digit = std::max(std::ilogb(x), least) - digits;
  const double nearest = std::ldexp(std::nearbyint(std::ldexp(x, -last_digit)), last_digit);
  return std::abs(nearest) > largest ? std::copysign(HUGE_VAL, x) : nearest;
}

Values where_reference(Row, Inputs in) {
  Values out(in[0]->size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = (*in[0])[i] != 0 ? (*in[1])[i] : (*in[2])[i];
  return out;
}

/// u32 sums wrap, as they do on the device.
Values add_reference(Row n, Inputs in) {
  if (n.dtype == DType::u32) {
    return map2(in, [](double a, double b) {
      return static_cast<double>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
    });
  }
  return map2(in, [](double a, double b) { return a + b; });
}

#define VOLUTE_UNARY(grad, value)                                                    \
  {                                                                                  \
    Kind::pointwise, [](Context c) -> Grads { return {grad}; }, [](Row, Inputs in) { \
      return map1(in, [](double a) { return static_cast<double>(value); });          \
    }                                                                                \
  }
#define VOLUTE_BINARY(grad_a, grad_b, value)                                                   \
  {                                                                                            \
    Kind::pointwise, [](Context c) -> Grads { return {grad_a, grad_b}; }, [](Row, Inputs in) { \
      return map2(in, [](double a, double b) { return static_cast<double>(value); });          \
    }                                                                                          \
  }

Operation unary_operation(Op op) {
  switch (op) {
    case Op::neg: return VOLUTE_UNARY(-c.grad, -a);
    case Op::exp: return VOLUTE_UNARY(c.grad * c.out, std::exp(a));
    case Op::expm1: return VOLUTE_UNARY(c.grad * (c.out + 1.0f), std::expm1(a));
    case Op::log: return VOLUTE_UNARY(c.grad / c.in[0], std::log(a));
    case Op::sqrt: return VOLUTE_UNARY(c.grad * 0.5f / c.out, std::sqrt(a));
    case Op::abs:
      return VOLUTE_UNARY(c.grad * sign(c.in[0]), std::abs(a));
    case Op::tanh: return VOLUTE_UNARY(c.grad * (1.0f - c.out * c.out), std::tanh(a));
    case Op::sigmoid: return VOLUTE_UNARY(c.grad * (c.out * (1.0f - c.out)), 1 / (1 + std::exp(-a)));
    case Op::relu: return VOLUTE_UNARY(c.grad * less(constant_like(c.out, 0), c.out), a > 0 ? a : 0);
    case Op::copy: return VOLUTE_UNARY(c.grad, a);
    case Op::to_f16: return VOLUTE_UNARY(c.grad, rounded(a, 10, -14, 65504));
    case Op::to_bf16: return VOLUTE_UNARY(c.grad, rounded(a, 7, -126, 0x1.FEp127));
    case Op::to_u32:
      return {Kind::pointwise, nullptr,
              [](Row, Inputs in) {
                // Values out of range are the caller's mistake; they must not become indices before the first.
                return map1(in, [](double a) { return a > 0 ? std::min(std::trunc(a), 4294967295.0) : 0.0; });
              }};
    default:
      return {Kind::pointwise, nullptr, [](Row, Inputs in) { return *in[0]; }};  // to_f32
  }
}

}  // namespace

Operation pointwise_operation(Op op) {
  switch (op) {
    case Op::add: return {Kind::pointwise, [](Context c) -> Grads { return {c.grad, c.grad}; }, add_reference};
    case Op::sub: return VOLUTE_BINARY(c.grad, -c.grad, a - b);
    case Op::mul: return VOLUTE_BINARY(c.grad * c.in[1], c.grad * c.in[0], a * b);
    case Op::div: return VOLUTE_BINARY(c.grad / c.in[1], -(c.grad * c.out / c.in[1]), a / b);
    case Op::maximum:
      return VOLUTE_BINARY(c.grad * share(c.in[1], c.in[0]), c.grad * share(c.in[0], c.in[1]), a > b ? a : b);
    case Op::minimum:
      return VOLUTE_BINARY(c.grad * share(c.in[0], c.in[1]), c.grad * share(c.in[1], c.in[0]), a < b ? a : b);
    case Op::less:
      return {Kind::pointwise, nullptr, [](Row, Inputs in) {
                return map2(in, [](double a, double b) { return a < b ? 1.0 : 0.0; });
              }};
    case Op::equal:
      return {Kind::pointwise, nullptr, [](Row, Inputs in) {
                return map2(in, [](double a, double b) { return a == b ? 1.0 : 0.0; });
              }};
    case Op::where:
      return {Kind::pointwise,
              [](Context c) -> Grads {
                const Tensor zero = constant_like(c.grad, 0);
                return {Tensor(), where(c.in[0], c.grad, zero), where(c.in[0], zero, c.grad)};
              },
              where_reference};
    default: return unary_operation(op);
  }
}

#undef VOLUTE_UNARY
#undef VOLUTE_BINARY

}  // namespace volute
