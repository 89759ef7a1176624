// Whole models to be exported: embeddings, heads, norms, attention, loops of one's own, and every operation that has a
// place in a model for inference.
#pragma once

#include "engine/graph/node.hpp"
#include "tests/interchange/export_cases.hpp"

namespace volute::test {

using BuildModel = std::function<void(BuiltModel&)>;

inline void word_model(BuiltModel& m) {
  nn::Embedding embed(7, 4);
  nn::LSTM lstm(4, 3, {.layers = 2});
  nn::Linear head(3, 7);
  Tensor x = m.feed_indices("x", {5, 2}, {0, 1, 2, 3, 4, 5, 6, 0, 1, 2});
  Tensor logits = head(lstm(embed(x), m.graph.carried()));
  m.outputs = {{"logits", logits}, {"log_probabilities", log_softmax(logits)}, {"best", argmax(logits)}};
  for (const Update& update : m.graph.data()->carried)
    m.fed.emplace_back(update.target, std::vector<double>(12, 0.25));
}

inline void norms(BuiltModel& m) {
  nn::LayerNorm layer(4);
  nn::RMSNorm rms(4);
  nn::BatchNorm batch(4);
  Tensor x = m.feed("x", {3, 2, 4});
  m.outputs = {{"layer", layer(x)}, {"rms", rms(x)}, {"batch", batch(x)}, {"softmax", softmax(x, 1)},
               {"scaled", x * m.graph.scalar("scale", 0.5f)}};
}

/// A decoder of one's own: additive attention over a masked, bidirectional encoder, inside a scan.
inline void attending_decoder(BuiltModel& m) {
  nn::GRU encoder(3, 2, {.bidirectional = true});
  nn::Attention attention(nn::Score::additive, 3, 4, 5);
  nn::Linear next(7, 3), out(3, 2);
  Tensor x = m.feed("x", {5, 2, 3}), h = m.feed("h", {2, 3});
  Tensor lengths = m.feed_indices("lengths", {2}, {5, 3});
  Tensor values = encoder(x, nn::RecurrentInputs{.lengths = lengths});
  Tensor mask = less(reshape(m.graph.iota(5), {5, 1}), reshape(lengths, {1, 2}));
  const nn::Memory memory = attention.prepare(values, mask);
  const ScanResult decoded = scan({}, {h}, [&](std::span<const Tensor>, std::span<const Tensor> state) -> ScanStep {
    const nn::Attended seen = attention(state[0], memory);
    Tensor then = tanh(next(concat({seen.context, state[0]}, -1)));
    return {{then}, {out(then), seen.weights}};
  }, {.length = 4});
  m.outputs = {{"y", decoded.outputs[0]}, {"weights", decoded.outputs[1]}, {"last", decoded.last[0]}};
}

inline void self_attention(BuiltModel& m) {
  nn::MultiHeadAttention attention(6, 2);
  Tensor x = m.feed("x", {4, 2, 6});
  const nn::Attended seen = attention(x, attention.prepare(x), nn::causal_mask(m.graph, 4, 4));
  m.outputs = {{"context", seen.context}, {"weights", seen.weights}};
}

inline void functions(BuiltModel& m) {
  using nn::Activation;
  Tensor x = m.feed("x", {3, 4}), row = m.feed("row", {4}), positive = exp(x);
  for (const auto f : {Activation::leaky_relu, Activation::elu, Activation::silu, Activation::softplus,
                       Activation::softsign, Activation::hard_sigmoid, Activation::relu})
    m.outputs.emplace_back("activation" + std::to_string(m.outputs.size()), Activation(f)(x));
  m.outputs.emplace_back("arithmetic", (x + row) * 2.0f - row / positive);
  m.outputs.emplace_back("functions", log(positive) + sqrt(positive) + abs(-x) + expm1(x) + stop_gradient(sigmoid(x)));
  m.outputs.emplace_back("choice", where(less(x, row), maximum(x, row), minimum(x, row)) + equal(x, x));
  m.outputs.emplace_back("reductions", sum(x, {0}) + max(x, {0}) + mean(x, {0, 1}));
}

inline void shapes(BuiltModel& m) {
  Tensor x = m.feed("x", {2, 3, 4}), w = m.feed("w", {4, 5}), indices = m.feed_indices("i", {3}, {2, 0, 1});
  m.outputs = {{"views", reshape(transpose(x, {2, 0, 1}), {4, 6})},
               {"parts", concat({slice(x, 1, 1, 3), slice(x, 1, 0, 1)}, 1)},
               {"broadcast", broadcast_to(slice(x, 0, 0, 1), {2, 3, 4})},
               {"product", matmul(x, w)},
               {"transposed", matmul(x, x, false, true)},
               {"left", matmul(w, slice(reshape(x, {6, 4}), 0, 0, 4), true, true)},
               {"rows", embedding(transpose(w), indices)},
               {"places", to_f32(indices)},
               {"whole", to_u32(exp(x))},
               {"same", x}};
}

/// States that pass through, outputs that are states, a step that ignores its input.
inline void odd_loops(BuiltModel& m) {
  Tensor xs = m.feed("xs", {4, 2}), a = m.feed("a", {2}), b = m.feed("b", {2});
  const ScanResult run = scan({xs, xs * 2.0f}, {a, b}, [&](std::span<const Tensor> x, std::span<const Tensor> s) {
    return ScanStep{{s[1], s[0] + x[0]}, {x[1], s[0], s[0] + b}};
  }, {.reverse = true});
  m.outputs = {{"first", run.last[0]}, {"second", run.last[1]}, {"element", run.outputs[0]},
               {"state", run.outputs[1]}, {"sum", run.outputs[2]}};
}

inline std::vector<std::pair<std::string, BuildModel>> export_models() {
  return {{"model_words", word_model},         {"model_norms", norms},         {"model_decoder", attending_decoder},
          {"model_attention", self_attention}, {"model_functions", functions}, {"model_shapes", shapes},
          {"model_loops", odd_loops}};
}

}  // namespace volute::test
