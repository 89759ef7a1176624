// Elementwise functions by name, made of public operations, so each fuses into the kernel around it.

#include <volute/nn.hpp>

namespace volute::nn {
namespace {

Tensor scalar(Tensor like, float value) { return graph_of(like).full({}, value); }

Tensor hard_sigmoid(Tensor x) { return maximum(minimum(x / 6.0f + 0.5f, scalar(x, 1.0f)), scalar(x, 0.0f)); }

/// log(1 + exp(x)) without overflow: max(x, 0) + log(1 + exp(-|x|)).
Tensor softplus(Tensor x) { return volute::relu(x) + log(1.0f + exp(-abs(x))); }

/// The function of min(x, 0) where x is negative, so that the branch not taken stays finite.
Tensor elu(Tensor x) {
  Tensor zero = scalar(x, 0.0f);
  return where(less(x, zero), expm1(minimum(x, zero)), x);
}

}  // namespace

Tensor Activation::operator()(Tensor x) const {
  if (custom_) {
    Tensor y = custom_(x);
    if (!y || y.shape() != x.shape() || y.dtype() != DType::f32)
      throw InvalidGraph("activation: must be elementwise; made " + (y ? y.shape().str() : "an empty tensor") + " of " +
                         x.shape().str());
    return y;
  }
  switch (function_) {
    case tanh:
      return volute::tanh(x);
    case sigmoid:
      return volute::sigmoid(x);
    case relu:
      return volute::relu(x);
    case leaky_relu:
      return where(less(x, scalar(x, 0.0f)), x * 0.01f, x);
    case elu:
      return nn::elu(x);
    case silu:
      return x * volute::sigmoid(x);
    case softplus:
      return nn::softplus(x);
    case softsign:
      return x / (1.0f + abs(x));
    case hard_sigmoid:
      return nn::hard_sigmoid(x);
    default:
      return x;
  }
}

}  // namespace volute::nn
