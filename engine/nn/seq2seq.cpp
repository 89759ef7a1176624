// Encoder-decoder: a bidirectional GRU reads the source, a GRU with additive or other attention writes the
// target, attending inside its scan (Bahdanau et al. 2015).
// Invariant: padding in the source changes no state and gets no attention; what a step needs of the fed
// tokens alone stands apart from what needs the state, so the compiler hoists it out of the loop.

#include <cmath>

#include <volute/layers.hpp>

#include "engine/nn/affine.hpp"
#include "engine/nn/check.hpp"
#include "engine/nn/init.hpp"

namespace volute::nn {
namespace {

// Places in parameters_; the attention's own follow.
enum Place {
  source_weight,
  forward_ih, forward_hh, forward_bi, forward_bh,
  reverse_ih, reverse_hh, reverse_bi, reverse_bh,
  bridge_weight, bridge_bias,
  target_weight,
  decoder_ih, decoder_ch, decoder_hh, decoder_bi, decoder_bh,
  head_weight, head_bias
};

/// One GRU step from the input's part of the gates a [N, 3H]; see gru.cpp.
Tensor gru_step(Tensor a, Tensor h, Tensor w_hh, Tensor b_hh) {
  std::vector<Tensor> x = split(a, 1, 3), u = split(affine(h, w_hh, b_hh), 1, 3);  // [N, H] each
  Tensor r = sigmoid(x[0] + u[0]), z = sigmoid(x[1] + u[1]);                       // [N, H]
  return (1.0f - z) * tanh(x[2] + r * u[2]) + z * h;
}

Attention make_attention(const Seq2SeqOptions& o) {
  const std::int64_t memory = 2 * o.hidden;
  for (auto [name, value] : {std::pair("source_vocabulary", o.source_vocabulary),
                             {"target_vocabulary", o.target_vocabulary}, {"embed", o.embed}, {"hidden", o.hidden}})
    require_positive("seq2seq", name, value);
  if (o.score == Score::dot || o.score == Score::scaled)
    refuse("seq2seq", "dot scores need a memory as wide as the decoder's state " + std::to_string(o.hidden) +
                          ", it is " + std::to_string(memory) + "; use additive or general");
  if (o.padding >= o.source_vocabulary || o.padding >= o.target_vocabulary || o.begin >= o.target_vocabulary ||
      o.end >= o.target_vocabulary)
    refuse("seq2seq", "padding, begin and end must be below the vocabularies, got " + std::to_string(o.padding) +
                          ", " + std::to_string(o.begin) + ", " + std::to_string(o.end));
  return Attention(o.score, o.hidden, memory, o.hidden);
}

}  // namespace

Seq2Seq::Seq2Seq(const Seq2SeqOptions& o) : options_(o), attention_(make_attention(o)) {
  const std::int64_t E = o.embed, H = o.hidden, M = 2 * H;
  auto add = [&](const std::string& name, Shape shape, std::int64_t inputs) {
    const std::int64_t count = shape.elements();
    parameters_.emplace_back(name, std::move(shape), uniform(count, 1.0 / std::sqrt(static_cast<double>(inputs))));
  };
  auto table = [&](const char* name, std::int64_t V) { parameters_.emplace_back(name, Shape{V, E}, normal(V * E)); };
  table("source.weight", o.source_vocabulary);
  for (const std::string suffix : {"", "_reverse"}) {
    add("encoder.weight_ih_l0" + suffix, {3 * H, E}, H);
    add("encoder.weight_hh_l0" + suffix, {3 * H, H}, H);
    add("encoder.bias_ih_l0" + suffix, {3 * H}, H);
    add("encoder.bias_hh_l0" + suffix, {3 * H}, H);
  }
  add("bridge.weight", {H, M}, M);
  add("bridge.bias", {H}, M);
  table("target.weight", o.target_vocabulary);
  add("decoder.weight_ih", {3 * H, E}, H);
  add("decoder.weight_ch", {3 * H, M}, H);
  add("decoder.weight_hh", {3 * H, H}, H);
  add("decoder.bias_ih", {3 * H}, H);
  add("decoder.bias_hh", {3 * H}, H);
  add("head.weight", {o.target_vocabulary, H + M + E}, H + M + E);
  add("head.bias", {o.target_vocabulary}, H + M + E);
  parameters_.insert(parameters_.end(), attention_.parameters().begin(), attention_.parameters().end());
}

Tensor Seq2Seq::at(Tensor any, int index) const { return graph_of(any).parameter(parameters_[index]); }

// h_s = m_s GRU(x_s, h) + (1 - m_s) h in both directions;  memory = [h>; h<];  state = tanh(B [last>; last<])
Seq2Seq::Encoded Seq2Seq::encode(Tensor source) const {
  if (!source || source.dtype() != DType::u32 || source.rank() != 2)
    refuse("seq2seq", "source must be u32 [S, N]", {source});
  Graph g = graph_of(source);
  const std::int64_t S = source.dim(0), N = source.dim(1);
  Tensor mask = 1.0f - equal(source, g.full_u32({}, options_.padding));  // [S, N]
  Tensor x = embedding(at(source, source_weight), source);               // [S, N, E]
  Tensor zero = g.full({N, options_.hidden}, 0.0f);                      // [N, H]
  auto direction = [&](int ih, bool reverse) {
    Tensor w_hh = at(source, ih + 1), b_hh = at(source, ih + 3);
    Tensor a = affine(x, at(source, ih), at(source, ih + 2));  // [S, N, 3H]
    return scan({a, reshape(mask, {S, N, 1})}, {zero},
                [&](std::span<const Tensor> xs, std::span<const Tensor> h) {
                  Tensor next = where(xs[1], gru_step(xs[0], h[0], w_hh, b_hh), h[0]);  // [N, H]
                  return ScanStep{{next}, {next}};
                },
                {.reverse = reverse});
  };
  ScanResult forward = direction(forward_ih, false), reverse = direction(reverse_ih, true);
  Tensor both = concat({forward.outputs[0], reverse.outputs[0]}, 2);  // [S, N, 2H]
  Tensor last = concat({forward.last[0], reverse.last[0]}, 1);        // [N, 2H]
  return {attention_.prepare(both, mask), tanh(affine(last, at(source, bridge_weight), at(source, bridge_bias)))};
}

/// embedded [N, E], state [N, H] -> next state [N, H], context [N, M].
std::vector<Tensor> Seq2Seq::advance(Tensor embedded, Tensor state, const Memory& memory) const {
  Tensor context = attention_(state, memory).context;                                            // [N, M]
  Tensor a = affine(embedded, at(state, decoder_ih), at(state, decoder_bi)) +
             matmul(context, at(state, decoder_ch), false, true);                                // [N, 3H]
  return {gru_step(a, state, at(state, decoder_hh), at(state, decoder_bh)), context};
}

/// [..., H], [..., M], [..., E] -> [..., V].
Tensor Seq2Seq::head(Tensor state, Tensor context, Tensor embedded) const {
  return affine(concat({state, context, embedded}, -1), at(state, head_weight), at(state, head_bias));
}

Tensor Seq2Seq::decode(const Encoded& encoded, Tensor inputs, Tensor sampling) const {
  const std::int64_t N = encoded.state.dim(0);
  if (!inputs || inputs.dtype() != DType::u32 || inputs.rank() != 2 || inputs.dim(1) != N)
    refuse("seq2seq", "inputs must be u32 [T, " + std::to_string(N) + "]", {inputs});
  if (sampling) require_shape("seq2seq", "sampling", sampling, {});
  Tensor table = at(inputs, target_weight);  // [V, E]
  if (!sampling || !graph_of(inputs).training()) {
    Tensor embedded = embedding(table, inputs);  // [T, N, E]
    ScanResult out = scan({embedded}, {encoded.state}, [&](std::span<const Tensor> xs, std::span<const Tensor> h) {
      std::vector<Tensor> next = advance(xs[0], h[0], encoded.memory);
      return ScanStep{{next[0]}, next};
    });
    return head(out.outputs[0], out.outputs[1], embedded);  // [T, N, V]
  }
  // The guess before the first step is the first input itself, so the coin does not matter there.
  Tensor first = reshape(slice(inputs, 0, 0, 1), {N});  // [N]
  auto body = [&](std::span<const Tensor> xs, std::span<const Tensor> states) {
    Tensor given = to_f32(xs[0]);                                                      // [N]
    Tensor guess = less(random_like(given), sampling);                                 // [N]
    Tensor token = to_u32(where(guess, to_f32(states[1]), given));                     // [N]
    Tensor embedded = embedding(table, token);                                         // [N, E]
    std::vector<Tensor> next = advance(embedded, states[0], encoded.memory);
    Tensor logits = head(next[0], next[1], embedded);                                  // [N, V]
    return ScanStep{{next[0], argmax(logits)}, {logits}};
  };
  return scan({inputs}, {encoded.state, first}, body).outputs[0];
}

Seq2Seq::Step Seq2Seq::step(Tensor token, Tensor state, const Memory& memory) const {
  if (!token || token.dtype() != DType::u32 || token.rank() != 1)
    refuse("seq2seq", "token must be u32 [N]", {token});
  require_shape("seq2seq", "state", state, {token.dim(0), options_.hidden});
  Tensor embedded = embedding(at(token, target_weight), token);  // [N, E]
  std::vector<Tensor> next = advance(embedded, state, memory);
  return {head(next[0], next[1], embedded), next[0]};
}

Tensor Seq2Seq::loss(Tensor source, Tensor inputs, Tensor targets, Tensor sampling) const {
  ClassOptions options;
  options.ignore_index = options_.padding;
  return cross_entropy(decode(encode(source), inputs, sampling), targets, options);
}

}  // namespace volute::nn
