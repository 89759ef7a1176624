// See layer_rows.hpp.
#include "engine/check/layer_rows.hpp"

namespace volute::check {
namespace {

constexpr std::pair<const char*, Reduction> reductions[] = {
    {"mean", Reduction::mean}, {"sum", Reduction::sum}, {"none", Reduction::none}};

// Losses. -----------------------------------------------------------------------------------------------------

void add_class_losses(std::vector<LayerRow>& rows) {
  for (const auto& [word, reduction] : reductions)
    for (const float smoothing : {0.0f, 0.25f})
      for (const bool weighted : {false, true})
        rows.push_back({std::string("losses: cross_entropy, ") + word + (smoothing > 0 ? ", smoothing" : "") +
                            (weighted ? ", weights" : ""),
                        [=, reduction = reduction](Composition& c) {
                          ClassOptions options{.label_smoothing = smoothing, .reduction = reduction};
                          if (weighted) options.class_weights = c.leaf("weights", {5}, 0.5f, 2.0f);
                          const Tensor logits = c.leaf("logits", {3, 2, 5}, -3, 3);
                          const std::uint32_t ignored = ClassOptions{}.ignore_index;
                          return cross_entropy(logits, c.indices("targets", {3, 2}, {4, ignored, 0, 2, 2, 1}), options);
                        }});
  rows.push_back({"losses: nll", [](Composition& c) {
                    const Tensor log_p = c.leaf("log_p", {4, 3}, -3, 0);
                    return nll_loss(log_p, c.indices("targets", {4}, {2, 0, 1, 1}), {.ignore_index = 1});
                  }});
}

void add_element_losses(std::vector<LayerRow>& rows) {
  using Make = std::function<Tensor(Tensor, Tensor, Reduction)>;
  const std::pair<const char*, Make> losses[] = {
      {"mse", [](Tensor p, Tensor y, Reduction r) { return mse_loss(p, y, r); }},
      {"l1", [](Tensor p, Tensor y, Reduction r) { return l1_loss(p, y, r); }},
      {"huber", [](Tensor p, Tensor y, Reduction r) { return huber_loss(p, y, 0.5f, r); }},
      {"smooth_l1", [](Tensor p, Tensor y, Reduction r) { return smooth_l1_loss(p, y, 0.3f, r); }},
      {"smooth_l1 of beta 0", [](Tensor p, Tensor y, Reduction r) { return smooth_l1_loss(p, y, 0.0f, r); }},
      {"bce", [](Tensor p, Tensor y, Reduction r) { return bce_with_logits(p, y, {.reduction = r}); }},
  };
  for (const auto& [name, make] : losses)
    for (const auto& [word, reduction] : reductions)
      rows.push_back({std::string("losses: ") + name + ", " + word,
                      [make = make, reduction = reduction](Composition& c) {
                        const Tensor prediction = c.leaf("prediction", {3, 7});
                        return make(prediction, c.leaf("target", {3, 7}, 0, 1), reduction);
                      }});
}

// Attention. --------------------------------------------------------------------------------------------------

struct Scored {
  const char* name;
  nn::Score score;
};

constexpr Scored scores[] = {{"additive", nn::Score::additive},
                             {"dot", nn::Score::dot},
                             {"general", nn::Score::general},
                             {"scaled", nn::Score::scaled}};

Tensor keep_mask(Composition& c) { return c.constant("mask", {4, 2}, {1, 1, 1, 0, 0, 1, 1, 0}); }

Tensor attend(Composition& c, nn::Score score, bool masked) {
  const nn::Attention attention(score, 5, 5, 3);
  const Tensor memory = c.leaf("memory", {4, 2, 5}), query = c.leaf("query", {2, 5});
  c.parameters(attention);
  return attention(query, attention.prepare(memory, masked ? keep_mask(c) : Tensor())).context;
}

// A decoder of its own: the query of a step is the state, and the context changes it.
Tensor attend_in_scan(Composition& c, nn::Score score) {
  const nn::Attention attention(score, 5, 5, 3);
  const Tensor values = c.leaf("memory", {4, 2, 5}), xs = c.leaf("xs", {3, 2, 5}), h0 = c.leaf("h0", {2, 5});
  c.parameters(attention);
  const nn::Memory memory = attention.prepare(values, keep_mask(c));
  return scan(xs, h0, [&](Tensor x, Tensor h) { return tanh(x + attention(h, memory).context + h); }).first;
}

Tensor attend_with_heads(Composition& c, bool in_scan) {
  const nn::MultiHeadAttention attention(4, 2);
  const Tensor q = c.leaf("q", {2, 2, 4}), values = c.leaf("memory", {3, 2, 4});
  c.parameters(attention);
  const nn::Memory memory = attention.prepare(values, c.constant("mask", {3, 2}, {1, 1, 1, 1, 0, 1}));
  if (!in_scan) return attention(q, memory, nn::causal_mask(c.graph, 2, 3)).context;
  const ScanResult stepped = scan({q}, {c.graph.full({2, 4}, 0)}, [&](std::span<const Tensor> xs, auto states) {
    const Tensor out = attention(xs[0] + states[0], memory).context;
    return ScanStep{{out}, {out}};
  });
  return stepped.outputs[0];
}

Tensor batch_norm(Composition& c, bool masked) {
  const nn::BatchNorm norm(3);
  const Tensor x = c.leaf("x", {4, 2, 3}, -2, 3);
  return masked ? norm(x, c.constant("mask", {4, 2}, {1, 0, 1, 1, 1, 0, 1, 1})) : norm(x);
}

template <class Norm>
Tensor row_norm(Composition& c, bool affine) {
  const Norm norm(5, {.affine = affine});
  c.parameters(norm);
  return norm(c.leaf("x", {3, 2, 5}));
}

}  // namespace

std::vector<LayerRow> loss_rows() {
  std::vector<LayerRow> rows;
  add_class_losses(rows);
  add_element_losses(rows);
  return rows;
}

std::vector<LayerRow> norm_rows() {
  std::vector<LayerRow> rows;
  for (const bool affine : {true, false}) {
    const std::string word = affine ? ", affine" : "";
    rows.push_back({"norms: layer norm" + word, [=](Composition& c) { return row_norm<nn::LayerNorm>(c, affine); }});
    rows.push_back({"norms: RMS norm" + word, [=](Composition& c) { return row_norm<nn::RMSNorm>(c, affine); }});
  }
  const auto batch = [](Composition& c) { return batch_norm(c, false); };
  rows.push_back({"norms: batch norm", batch, 1e-4});
  rows.push_back({"norms: batch norm, inference", batch, 1e-4, Mode::inference});
  rows.push_back({"norms: batch norm, masked", [](Composition& c) { return batch_norm(c, true); }, 1e-4});
  return rows;
}

std::vector<LayerRow> attention_rows() {
  std::vector<LayerRow> rows;
  for (const Scored& s : scores) {
    const std::string name = std::string("attention: ") + s.name;
    rows.push_back({name, [score = s.score](Composition& c) { return attend(c, score, false); }});
    rows.push_back({name + ", masked", [score = s.score](Composition& c) { return attend(c, score, true); }});
    rows.push_back({name + ", in a scan", [score = s.score](Composition& c) { return attend_in_scan(c, score); }});
  }
  rows.push_back({"attention: heads", [](Composition& c) { return attend_with_heads(c, false); }, 5e-5});
  rows.push_back({"attention: heads, in a scan", [](Composition& c) { return attend_with_heads(c, true); }, 5e-5});
  return rows;
}

const std::vector<CtcProblem>& ctc_problems() {
  static const std::vector<CtcProblem> all = {
      {6, 3, 4, 2, 0, {1, 2, 3, 3, 2, 1}, {6, 5, 3}, {2, 2, 1}},   // a repeat, an unused target
      {5, 2, 3, 3, 2, {0, 1, 0, 1, 1, 0}, {5, 5}, {3, 3}},         // blank last
      {1, 2, 3, 1, 0, {2, 1}, {1, 1}, {1, 0}},                     // a single step; an empty target
      {4, 1, 5, 4, 1, {0, 2, 3, 4}, {4}, {4}},                     // exactly one alignment
  };
  return all;
}

CtcFeeds feed(Composition& c, const CtcProblem& p) {
  return {c.indices("targets", {p.N, p.S}, p.targets), c.indices("input_lengths", {p.N}, p.input_lengths),
          c.indices("target_lengths", {p.N}, p.target_lengths)};
}

std::vector<LayerRow> ctc_rows() {
  std::vector<LayerRow> rows;
  for (std::size_t i = 0; i < ctc_problems().size(); ++i) {
    const CtcProblem& p = ctc_problems()[i];
    const std::string name = "CTC: problem " + std::to_string(i);
    for (const auto& [word, reduction] : reductions)
      rows.push_back({name + ", logits, " + word, [&p, reduction = reduction](Composition& c) {
                        const Tensor logits = c.leaf("logits", {p.T, p.N, p.C}, -2, 2);
                        const CtcFeeds f = feed(c, p);
                        return ctc_loss_from_logits(logits, f.targets, f.input_lengths, f.target_lengths,
                                                    {.blank = p.blank, .reduction = reduction});
                      }});
    // Differences move one log-probability alone: the gradient is minus the posterior, not softmax minus it.
    rows.push_back({name + ", log-probabilities", [&p](Composition& c) {
                      const Tensor log_p = c.leaf("log_p", {p.T, p.N, p.C}, -4, 0);
                      const CtcFeeds f = feed(c, p);
                      return ctc_loss(log_p, f.targets, f.input_lengths, f.target_lengths, {.blank = p.blank});
                    }});
  }
  return rows;
}

std::vector<LayerRow> layer_rows() {
  std::vector<LayerRow> all;
  for (const auto group : {loss_rows, norm_rows, attention_rows, ctc_rows})
    for (LayerRow& row : group()) all.push_back(std::move(row));
  return all;
}

void check_layer(const Device& device, const LayerRow& row, Findings& findings) {
  manual_seed(4);
  Composition c;
  c.graph = Graph(row.mode);
  const Tensor out = row.build(c);
  c.check(device, out, row.tolerance, findings);
}

}  // namespace volute::check
