// Rows of compositions: what fusion, views and reductions do to each other in one program.
#include "engine/check/table.hpp"

namespace volute::check {
namespace {

// A long chain with many users of its middle, cut and joined on the way.
Row long_chain() {
  const Build build = [](Inputs in) {
    Tensor a = in[0];
    const Tensor b = in[1];
    std::vector<Tensor> outputs;
    for (int round = 0; round < 6; ++round) {
      const std::int64_t n = a.dim(-1), k = 1 + round;
      const Tensor left = sigmoid(slice(a, -1, 0, k)) * 0.7f, right = tanh(slice(a, -1, k, n)) + 0.1f;
      a = concat({right, left}, -1) * b + a * 0.5f;
      if (round % 2) outputs.push_back(slice(a, 0, 0, 1));
    }
    outputs.push_back(a);
    return outputs;
  };
  return {"long_chain", build, {{real({3, 33}), real({33})}, {real({7, 7}), real({7, 1})}}};
}

// More operands than one kernel may bind.
Row many_operands() {
  const Build build = [](Inputs in) {
    Tensor total = in[0];
    for (std::size_t i = 1; i < in.size(); ++i) total = total * 0.9f + in[i] * in[i - 1];
    std::vector<Tensor> outputs = {total};
    for (std::size_t i = 0; i < in.size(); i += 8) outputs.push_back(tanh(in[i] + total));
    return outputs;
  };
  return {"many_operands", build, {Leaves(40, real({3, 7}))}};
}

// Two dozen slices of one tensor at different places: as many push words.
Row many_slices() {
  const Build build = [](Inputs in) {
    Tensor total = slice(in[0], -1, 0, 7);
    for (int k = 1; k < 26; ++k) total = total * 0.8f + slice(in[0], -1, k, k + 7) * slice(in[0], -1, 26 - k, 33 - k);
    return std::vector{total};
  };
  return {"many_slices", build, {{real({3, 33})}}};
}

// One tensor in two places of one kernel through different views.
Row same_tensor_twice() {
  const Build build = [](Inputs in) {
    const Tensor a = in[0], b = tanh(a);  // square
    return std::vector{a + transpose(a),
                       b * transpose(b),
                       a - slice(a, 0, 0, 1),
                       b + max(b, {1}, true),
                       a / (sum(exp(a), {0}, true) + 1.0f),
                       matmul(a, transpose(b)) + b,
                       concat({b, transpose(b)}, 1),
                       sum(b * transpose(b), {-1})};
  };
  return {"same_tensor_twice", build, {{distinct({7, 7})}, {distinct({33, 33})}, {distinct({1, 1})}}};
}

// Layer normalisation: reductions whose results spread over the operands again.
Row layer_norm() {
  const Build build = [](Inputs in) {
    const auto norm = [&](Tensor a) {
      const Tensor centred = a - mean(a, {-1}, true);
      return centred / sqrt(mean(centred * centred, {-1}, true) + 1e-2f) * in[1] + in[2];
    };
    return std::vector{norm(in[0]), norm(tanh(norm(in[0] * 2.0f)))};
  };
  return {"layer_norm",
          build,
          {{real({7, 33}), positive({33}), real({33})},
           {real({3, 5, 65}), positive({65}), real({65})},
           {real({2, 3}), positive({}), real({1})}}};
}

// Two layers and a loss: products with pointwise ends, biases, shared weights, a slice of the hidden layer.
Row perceptron() {
  const Build build = [](Inputs in) {
    const Tensor x = in[0], w = in[1], b = in[2], y = in[3];  // [N, C] [C, H] [H] [N]
    const Tensor h = relu(matmul(x, w) + b), back = matmul(h, w, false, true);
    const Tensor both = concat({back, x}, -1);
    return std::vector{h, cross_entropy(both, y), mean(abs(back - x)), softmax(slice(both, 1, 1, 4))};
  };
  return {"perceptron",
          build,
          {{real({7, 5}), real({5, 33}), real({33}), indices({7}, 10)},
           {real({33, 7}), real({7, 3}), real({3}), indices({33}, 14)}}};
}

// Outputs that are each other's operands, an input, a view of another output, and the same tensor twice.
Row outputs_of_all_kinds() {
  const Build build = [](Inputs in) {
    const Tensor a = in[0], b = exp(a), c = sum(b, {0}), d = matmul(b, transpose(a));
    return std::vector{a, b, c, d, b, transpose(b), slice(d, 1, 0, 1), reshape(a, {-1}), c * 1.0f, concat({c, c}, 0)};
  };
  return {"outputs", build, {{real({3, 7})}, {real({33, 1})}}};
}

// Joined pieces that are products, reductions, lookups, views and constants, and what reads the whole.
Row pieces() {
  const Build build = [](Inputs in) {
    const Tensor a = in[0], b = in[1];  // [5, 7] [7, 3]
    const Tensor whole = concat({matmul(a, b), sum(a, {1}, true), graph_of(a).full({5, 2}, 1.5f), slice(b, 0, 1, 6),
                                 embedding(b, in[2]), tanh(slice(a, 1, 2, 3))},
                                1);  // [5, 13]
    return std::vector{whole, matmul(whole, transpose(whole)), slice(whole, 1, 2, 9) * 2.0f, sum(whole, {0}),
                       concat({whole, whole * 2.0f}, 0)};
  };
  return {"pieces", build, {{real({5, 7}), real({7, 3}), indices({5}, 7)}}};
}

}  // namespace

std::vector<Row> composition_rows() {
  return {long_chain(), many_operands(), many_slices(),          same_tensor_twice(),
          layer_norm(), perceptron(),    outputs_of_all_kinds(), pieces()};
}

}  // namespace volute::check
