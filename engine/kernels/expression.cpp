// GLSL of each pointwise operation.

#include "engine/kernels/expression.hpp"

namespace volute {

std::string expression(Op op, const std::vector<std::string>& in) {
  const auto infix = [&](const char* symbol) { return in[0] + " " + symbol + " " + in[1]; };
  const auto call = [&](const char* name) {
    std::string text = std::string(name) + "(" + in[0];
    for (std::size_t i = 1; i < in.size(); ++i) text += ", " + in[i];
    return text + ")";
  };
  switch (op) {
    case Op::neg: return "-" + in[0];
    case Op::exp: return call("exp");
    case Op::expm1: return call("volute_expm1");
    case Op::log: return call("log");
    case Op::sqrt: return call("sqrt");
    case Op::abs: return call("abs");
    case Op::tanh: return call("volute_tanh");
    case Op::sigmoid: return call("volute_sigmoid");
    case Op::relu: return "max(" + in[0] + ", vec4(0.0))";
    case Op::to_f32: return call("vec4");
    case Op::to_u32: return call("uvec4");
    case Op::to_f16: return call("round_f16");
    case Op::to_bf16: return call("round_bf16");
    case Op::add: return infix("+");
    case Op::sub: return infix("-");
    case Op::mul: return infix("*");
    case Op::div: return infix("/");
    case Op::maximum: return call("max");
    case Op::minimum: return call("min");
    case Op::less: return "vec4(" + call("lessThan") + ")";
    case Op::equal: return "vec4(" + call("equal") + ")";
    case Op::where: return "mix(" + in[2] + ", " + in[1] + ", notEqual(" + in[0] + ", vec4(0.0)))";
    default: throw Unsupported(std::string("no kernel expression for ") + name_of(op));
  }
}

int expression_cost(Op op) {
  switch (op) {
    case Op::random: case Op::copy: return 0;
    case Op::exp: case Op::expm1: case Op::log: case Op::tanh: case Op::sigmoid: case Op::embedding: return 16;
    case Op::to_f16: case Op::to_bf16: return 16;  // and 16 bits in memory are what it is for
    case Op::sqrt: case Op::div: return 4;
    default: return 1;
  }
}

}  // namespace volute
