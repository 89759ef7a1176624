// Wrong uses of layers, losses, decoders and metrics: each a typed error that names the layer, the option
// and the shapes, thrown before anything runs.

#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include <volute/volute.hpp>

#include "tests/support/mistakes.hpp"
#include "tests/support/device.hpp"

namespace volute::test {
namespace {

using Tokens = std::vector<std::uint32_t>;
constexpr DType u32 = DType::u32;

const nn::Seq2SeqOptions small = {.source_vocabulary = 5, .target_vocabulary = 5, .embed = 3, .hidden = 4};

nn::Seq2SeqOptions with(const std::function<void(nn::Seq2SeqOptions&)>& change) {
  nn::Seq2SeqOptions options = small;
  change(options);
  return options;
}

// clang-format off
const std::vector<Mistake>& layer_mistakes() {
  static const std::vector<Mistake> all = {
      {"embedding_padding", [](Graph&) { nn::Embedding(4, 3, {.padding = 4}); }, {"embedding", "padding", "4"}},
      {"embedding_padding_negative", [](Graph&) { nn::Embedding(4, 3, {.padding = -2}); }, {"embedding", "padding", "-2"}},
      {"tied_head_x", [](Graph& g) { nn::Linear(nn::Embedding(7, 3))(g.input("x", {2, 4})); }, {"linear", "[2, 4]", "[7, 3]"}},
      {"layer_norm_size", [](Graph&) { nn::LayerNorm(0); }, {"layer_norm", "size", "0"}},
      {"layer_norm_eps", [](Graph&) { nn::LayerNorm(3, {.eps = -1}); }, {"layer_norm", "eps"}},
      {"layer_norm_eps_nan", [](Graph&) { nn::LayerNorm(3, {.eps = NAN}); }, {"layer_norm", "eps"}},
      {"layer_norm_x", [](Graph& g) { nn::LayerNorm(3)(g.input("x", {5, 4})); }, {"layer_norm", "[..., 3]", "[5, 4]"}},
      {"layer_norm_type", [](Graph& g) { nn::LayerNorm(3)(g.input("x", {5, 3}, u32)); }, {"layer_norm", "f32", "u32"}},
      {"layer_norm_empty", [](Graph&) { nn::LayerNorm(3)(Tensor()); }, {"layer_norm", "empty"}},
      {"rms_norm_size", [](Graph&) { nn::RMSNorm(-1); }, {"rms_norm", "-1"}},
      {"rms_norm_x", [](Graph& g) { nn::RMSNorm(3)(g.input("x", {})); }, {"rms_norm", "[..., 3]"}},
      {"batch_norm_size", [](Graph&) { nn::BatchNorm(0); }, {"batch_norm", "size"}},
      {"batch_norm_momentum", [](Graph&) { nn::BatchNorm(3, {.momentum = 1.5f}); }, {"batch_norm", "momentum", "1.5"}},
      {"batch_norm_x", [](Graph& g) { nn::BatchNorm(3)(g.input("x", {5, 4})); }, {"batch_norm", "[5, 4]"}},
      {"batch_norm_single", [](Graph& g) { nn::BatchNorm(3)(g.input("x", {1, 3})); }, {"batch_norm", "more than one", "[1, 3]"}},
      {"batch_norm_mask", [](Graph& g) { nn::BatchNorm(3)(g.input("x", {5, 2, 3}), g.input("m", {2, 5})); }, {"batch_norm", "mask", "[5, 2]", "[2, 5]"}},
      {"batch_norm_twice", [](Graph& g) { nn::BatchNorm n(3); n(n(g.input("x", {5, 3}))); }, {"running_mean", "already"}},
      {"dropout_p", [](Graph&) { nn::Dropout(1.0f); }, {"dropout", "[0, 1)"}},
      {"dropout_p_nan", [](Graph&) { nn::Dropout(NAN, true); }, {"dropout", "[0, 1)"}},
      {"dropout_rank", [](Graph& g) { nn::Dropout(0.5f, true)(g.input("x", {4})); }, {"dropout", "over time", "[4]"}},
      {"attention_size", [](Graph&) { nn::Attention(nn::Score::additive, 3, 0); }, {"attention", "memory", "0"}},
      {"attention_dot_sizes", [](Graph&) { nn::Attention(nn::Score::dot, 3, 4); }, {"attention", "query 3", "memory 4"}},
      {"attention_memory", [](Graph& g) { nn::Attention(nn::Score::general, 3, 4).prepare(g.input("m", {5, 2, 3})); }, {"attention", "[S, N, 4]", "[5, 2, 3]"}},
      {"attention_mask", [](Graph& g) { nn::Attention(nn::Score::general, 3, 4).prepare(g.input("m", {5, 2, 4}), g.input("k", {2, 5})); }, {"attention", "mask", "[5, 2]", "[2, 5]"}},
      {"attention_query", [](Graph& g) { nn::Attention a(nn::Score::general, 3, 4); a(g.input("q", {3, 3}), a.prepare(g.input("m", {5, 2, 4}))); }, {"attention", "query", "[2, 3]", "[3, 3]"}},
      {"attention_unprepared", [](Graph& g) { nn::Attention(nn::Score::dot, 3, 3)(g.input("q", {3, 3}), {}); }, {"attention", "prepare"}},
      {"heads", [](Graph&) { nn::MultiHeadAttention(6, 4); }, {"multi_head_attention", "4 heads", "6"}},
      {"heads_zero", [](Graph&) { nn::MultiHeadAttention(6, 0); }, {"multi_head_attention", "heads", "0"}},
      {"heads_memory", [](Graph& g) { nn::MultiHeadAttention(6, 2).prepare(g.input("m", {5, 6})); }, {"multi_head_attention", "[S, N, 6]", "[5, 6]"}},
      {"heads_query", [](Graph& g) { nn::MultiHeadAttention a(6, 2); a(g.input("q", {4, 3, 6}), a.prepare(g.input("m", {5, 2, 6}))); }, {"multi_head_attention", "N = 2", "[4, 3, 6]"}},
      {"heads_mask", [](Graph& g) { nn::MultiHeadAttention a(6, 2); a(g.input("q", {4, 2, 6}), a.prepare(g.input("m", {5, 2, 6})), g.input("k", {5, 4})); }, {"multi_head_attention", "[4, 5]", "[5, 4]"}},
      {"masked_softmax", [](Graph& g) { masked_softmax(g.input("s", {2, 3}), g.input("m", {2, 4})); }, {"masked_softmax", "[2, 4]", "[2, 3]"}},
      {"sdpa", [](Graph& g) { scaled_dot_product_attention(g.input("q", {2, 3}), g.input("k", {2, 4}), g.input("v", {2, 4})); }, {"scaled_dot_product_attention", "[2, 3]", "[2, 4]"}},
      {"regroup", [](Graph& g) { nn::regroup(g.input("x", {5, 4}), 2); }, {"regroup", "[5, 4]"}},
      {"seq2seq_hidden", [](Graph&) { nn::Seq2Seq(with([](auto& o) { o.hidden = 0; })); }, {"seq2seq", "hidden", "0"}},
      {"seq2seq_score", [](Graph&) { nn::Seq2Seq(with([](auto& o) { o.score = nn::Score::dot; })); }, {"seq2seq", "dot", "4", "8"}},
      {"seq2seq_end", [](Graph&) { nn::Seq2Seq(with([](auto& o) { o.end = 5; })); }, {"seq2seq", "end", "5"}},
      {"seq2seq_source", [](Graph& g) { nn::Seq2Seq(small).encode(g.input("x", {3, 2})); }, {"seq2seq", "source", "f32 [3, 2]"}},
      {"seq2seq_inputs", [](Graph& g) { nn::Seq2Seq m(small); m.decode(m.encode(g.input("x", {3, 2}, u32)), g.input("y", {3, 4}, u32)); }, {"seq2seq", "inputs", "[T, 2]", "[3, 4]"}},
      {"seq2seq_sampling", [](Graph& g) { nn::Seq2Seq m(small); m.decode(m.encode(g.input("x", {3, 2}, u32)), g.input("y", {3, 2}, u32), g.input("p", {2})); }, {"seq2seq", "sampling", "[2]"}},
      {"translator_rows", [](Graph&) { nn::Translator(device(), nn::Seq2Seq(small), 3, 0, 5); }, {"translator", "rows", "0"}},
  };
  return all;
}

const std::vector<Mistake>& loss_mistakes() {
  static const std::vector<Mistake> all = {
      {"ce_targets", [](Graph& g) { cross_entropy(g.input("x", {3, 4}), g.input("y", {4}, u32), ClassOptions{}); }, {"cross_entropy", "[3, 4]", "[4]"}},
      {"ce_type", [](Graph& g) { cross_entropy(g.input("x", {3, 4}), g.input("y", {3}), ClassOptions{}); }, {"cross_entropy", "u32", "f32 [3]"}},
      {"ce_smoothing", [](Graph& g) { cross_entropy(g.input("x", {3, 4}), g.input("y", {3}, u32), {.label_smoothing = 1.5f}); }, {"cross_entropy", "label_smoothing", "1.5"}},
      {"ce_weights", [](Graph& g) { cross_entropy(g.input("x", {3, 4}), g.input("y", {3}, u32), {.class_weights = g.input("w", {3})}); }, {"cross_entropy", "class_weights", "[4]", "[3]"}},
      {"nll_smoothing", [](Graph& g) { nll_loss(g.input("x", {3, 4}), g.input("y", {3}, u32), {.label_smoothing = 0.1f}); }, {"nll_loss", "label_smoothing"}},
      {"mse", [](Graph& g) { mse_loss(g.input("x", {3}), g.input("y", {3, 1})); }, {"mse_loss", "[3]", "[3, 1]"}},
      {"l1_type", [](Graph& g) { l1_loss(g.input("x", {3}), g.input("y", {3}, u32)); }, {"l1_loss", "u32"}},
      {"huber_delta", [](Graph& g) { huber_loss(g.input("x", {3}), g.input("y", {3}), 0.0f); }, {"huber_loss", "delta"}},
      {"smooth_l1_beta", [](Graph& g) { smooth_l1_loss(g.input("x", {3}), g.input("y", {3}), -1.0f); }, {"smooth_l1_loss", "beta"}},
      {"bce_shape", [](Graph& g) { bce_with_logits(g.input("x", {3, 2}), g.input("y", {3})); }, {"bce_with_logits", "[3, 2]"}},
      {"bce_pos_weight", [](Graph& g) { bce_with_logits(g.input("x", {3, 2}), g.input("y", {3, 2}), {.pos_weight = g.input("p", {3})}); }, {"bce_with_logits", "pos_weight", "[3]"}},
      {"ctc_scores", [](Graph& g) { ctc_loss(g.input("x", {5, 4}), g.input("y", {2, 3}, u32), g.input("i", {2}, u32), g.input("t", {2}, u32)); }, {"ctc_loss", "[T, N, C]", "[5, 4]"}},
      {"ctc_targets", [](Graph& g) { ctc_loss(g.input("x", {5, 2, 4}), g.input("y", {3, 2}, u32), g.input("i", {2}, u32), g.input("t", {2}, u32)); }, {"ctc_loss", "targets", "[2, S]", "[3, 2]"}},
      {"ctc_lengths", [](Graph& g) { ctc_loss(g.input("x", {5, 2, 4}), g.input("y", {2, 3}, u32), g.input("i", {5}, u32), g.input("t", {2}, u32)); }, {"ctc_loss", "input_lengths", "[5]"}},
      {"ctc_blank", [](Graph& g) { ctc_loss_from_logits(g.input("x", {5, 2, 4}), g.input("y", {2, 3}, u32), g.input("i", {2}, u32), g.input("t", {2}, u32), {.blank = 4}); }, {"ctc_loss_from_logits", "blank 4", "[5, 2, 4]"}},
      {"targets_range", [](Graph&) { check_targets(Tokens{1, 9}, 9); }, {"check_targets", "target 9 at 1", "9 classes"}},
      {"lengths_range", [](Graph&) { check_lengths(Tokens{3, 7}, 6); }, {"check_lengths", "length 7 at 1", "6"}},
      {"ctc_greedy_count", [](Graph&) { ctc_greedy(std::vector<float>(5), {2, 1, 3}, Tokens{2}); }, {"ctc_greedy", "5 values", "[2, 1, 3]"}},
      {"ctc_greedy_length", [](Graph&) { ctc_greedy(std::vector<float>(6), {2, 1, 3}, Tokens{3}); }, {"ctc_greedy", "length 3", "[2, 1, 3]"}},
      {"ctc_beam_width", [](Graph&) { ctc_beam(std::vector<float>(6), {2, 1, 3}, Tokens{2}, 0); }, {"ctc_beam", "width", "0"}},
      {"beam_length", [](Graph&) { beam_search({}, {.width = 2}); }, {"beam_search", "max_length", "0"}},
      {"beam_step", [](Graph&) { beam_search([](auto, auto) { return std::vector<float>(3); }, {.width = 2, .max_length = 1}); }, {"beam_search", "[2, V]", "3"}},
      {"confusion", [](Graph&) { metrics::ConfusionMatrix(0); }, {"confusion_matrix", "classes", "0"}},
      {"confusion_range", [](Graph&) { metrics::ConfusionMatrix(3).add(Tokens{0, 3}, Tokens{1, 1}); }, {"confusion_matrix", "prediction 3", "at 1", "3 classes"}},
      {"accuracy", [](Graph&) { metrics::accuracy(Tokens{1, 2}, Tokens{1}); }, {"accuracy", "2 predictions", "1 targets"}},
  };
  return all;
}
// clang-format on

TEST(LayerErrors, NameTheLayerTheOptionAndTheShapes) { expect_refused(layer_mistakes()); }
TEST(LayerErrors, LossesDecodersAndMetricsToo) { expect_refused(loss_mistakes()); }

}  // namespace
}  // namespace volute::test
