// Layers and losses around the cell against PyTorch: values and every gradient.
// Invariant: the float64 reference is held to 1e-7 (constants such as eps are floats), the device to 5e-5.

#include <gtest/gtest.h>

#include "tests/support/golden_case.hpp"
#include "tests/support/reference_run.hpp"

namespace volute::test {
namespace {

using Case = GoldenCase;

Reduction reduction_of(const Golden& golden) {
  const auto name = golden.setting<std::string>("reduction");
  return name == "none" ? Reduction::none : name == "sum" ? Reduction::sum : Reduction::mean;
}

// Builders. ---------------------------------------------------------------------------------------

void build_layer_norm(Case& c) { c.expect_weighed(c.module(std::make_shared<nn::LayerNorm>(6))(c.input("x"))); }

void build_rms_norm(Case& c) { c.expect_weighed(c.module(std::make_shared<nn::RMSNorm>(6))(c.input("x"))); }

void build_multi_head(Case& c) {
  const auto& layer = c.module(std::make_shared<nn::MultiHeadAttention>(8, c.golden.setting<int>("heads")));
  const nn::Attended out = layer(c.input("query"), layer.prepare(c.input("memory"), c.input("mask")));
  c.expect("weights", out.weights);
  c.expect_weighed(out.context);
}

void build_causal(Case& c) {
  Tensor q = c.input("q"), k = c.input("k"), v = c.input("v");
  c.expect_weighed(scaled_dot_product_attention(q, k, v, nn::causal_mask(c.graph, 4, 4)));
}

void build_additive(Case& c) {
  const auto& layer = c.module(std::make_shared<nn::Attention>(nn::Score::additive, 5, 6, 7));
  const nn::Attended out = layer(c.input("query"), layer.prepare(c.input("memory"), c.input("mask")));
  c.expect("weights", out.weights);
  c.expect_weighed(out.context);
}

std::shared_ptr<nn::Embedding> padded_table(const Case& c) {
  return std::make_shared<nn::Embedding>(5, 3, nn::EmbeddingOptions{.padding = c.golden.setting<int>("padding")});
}

void build_padding(Case& c) { c.expect_weighed(c.module(padded_table(c))(c.input("indices", DType::u32))); }

void build_tied(Case& c) {
  const auto& table = c.module(padded_table(c));
  const auto& head = c.module(std::make_shared<nn::Linear>(table));
  c.expect_weighed(head(table(c.input("indices", DType::u32))));
}

void build_cross_entropy(Case& c) {
  ClassOptions options;
  options.ignore_index = c.golden.setting<std::uint32_t>("ignore");
  options.label_smoothing = c.golden.setting<float>("smoothing");
  options.reduction = reduction_of(c.golden);
  if (c.golden.has("class_weights")) options.class_weights = c.input("class_weights");
  Tensor loss = cross_entropy(c.input("logits"), c.input("targets", DType::u32), options);
  if (loss.rank() > 0) c.expect_weighed(loss);
  else c.expect_loss(loss);
}

void build_mse(Case& c) { c.expect_loss(mse_loss(c.input("x"), c.input("target"))); }
void build_l1(Case& c) { c.expect_loss(l1_loss(c.input("x"), c.input("target"))); }
void build_huber(Case& c) { c.expect_loss(huber_loss(c.input("x"), c.input("target"), 0.7f)); }
void build_smooth_l1(Case& c) {
  c.expect_loss(smooth_l1_loss(c.input("x"), c.input("target"), 0.4f, Reduction::sum));
}

void build_bce(Case& c) {
  BinaryOptions options;
  if (c.golden.has("weight")) options.weight = c.input("weight");
  if (c.golden.has("pos_weight")) options.pos_weight = c.input("pos_weight");
  c.expect_loss(bce_with_logits(c.input("x"), c.input("target"), options));
}

/// From the logits, and the same from normalised log-probabilities as leaves of their own.
void build_ctc(Case& c) {
  const CtcOptions options{.blank = c.golden.setting<std::uint32_t>("blank"),
                           .reduction = reduction_of(c.golden),
                           .zero_infinity = c.golden.setting<bool>("zero_infinity")};
  Tensor targets = c.input("targets", DType::u32);
  Tensor input_lengths = c.input("input_lengths", DType::u32), target_lengths = c.input("target_lengths", DType::u32);
  Tensor loss = ctc_loss_from_logits(c.input("logits"), targets, input_lengths, target_lengths, options);
  if (!c.golden.has("grad.logits")) return c.expect("out", loss);
  Tensor again = ctc_loss(c.input("log_p"), targets, input_lengths, target_lengths, options);
  if (loss.rank() > 0) {
    c.expect("out", loss);
    Tensor factor = c.input("factor");
    loss = sum(loss * factor);
    again = sum(again * factor);
  }
  c.expect("loss", loss);
  c.expect("loss", again);
  c.expect("grad.logits", gradients(loss, {c.leaves["logits"]})[0]);
  c.expect("grad.log_p", gradients(again, {c.leaves["log_p"]})[0]);
}

struct Row {
  const char* name;
  void (*build)(Case&);
};

constexpr Row rows[] = {
    {"layer_layer_norm", build_layer_norm},
    {"layer_rms_norm", build_rms_norm},
    {"layer_multi_head", build_multi_head},
    {"layer_causal", build_causal},
    {"layer_additive", build_additive},
    {"layer_embedding_padding", build_padding},
    {"layer_embedding_tied", build_tied},
    {"loss_cross_entropy_plain_mean", build_cross_entropy},
    {"loss_cross_entropy_plain_none", build_cross_entropy},
    {"loss_cross_entropy_weighted_mean", build_cross_entropy},
    {"loss_cross_entropy_smooth_mean", build_cross_entropy},
    {"loss_cross_entropy_smooth_sum", build_cross_entropy},
    {"loss_cross_entropy_all", build_cross_entropy},
    {"loss_cross_entropy_all_none", build_cross_entropy},
    {"loss_mse", build_mse},
    {"loss_l1", build_l1},
    {"loss_huber", build_huber},
    {"loss_smooth_l1", build_smooth_l1},
    {"loss_bce", build_bce},
    {"loss_bce_weighted", build_bce},
    {"ctc_blank0_mean", build_ctc},
    {"ctc_blank0_sum", build_ctc},
    {"ctc_blank0_none", build_ctc},
    {"ctc_blank3_mean", build_ctc},
    {"ctc_blank3_sum", build_ctc},
    {"ctc_blank3_none", build_ctc},
    {"ctc_impossible_none", build_ctc},
    {"ctc_impossible_zero", build_ctc},
};

class LayerConformance : public ::testing::TestWithParam<Row> {};

TEST_P(LayerConformance, ReferenceMeansWhatPyTorchMeans) {
  Case c(GetParam().name);
  GetParam().build(c);
  c.check_reference();
}

TEST_P(LayerConformance, DeviceAgrees) {
  Case c(GetParam().name);
  GetParam().build(c);
  c.check_device();
}

INSTANTIATE_TEST_SUITE_P(PyTorch, LayerConformance, ::testing::ValuesIn(rows),
                         [](const auto& row) { return std::string(row.param.name); });

// Batch normalisation: three steps that move the running statistics, then a graph that uses them. --

struct BatchNormCase {
  explicit BatchNormCase(Mode mode) : graph(mode), norm(5), x(graph.input("x", {3, 4, 5})) {
    for (const char* name : {"weight", "bias"}) parameter(name).set(golden.values<float>(name));
    Tensor factor = graph.input("factor", {3, 4, 5});
    out = norm(x);
    results = {out};
    std::vector<Tensor> wrt = {x};
    for (int i = 0; i < 2; ++i) wrt.push_back(graph.parameter(norm.parameters()[i]));
    for (Tensor gradient : gradients(sum(out * factor), wrt)) results.push_back(gradient);
    feeds = {{"x", x}, {"factor", factor}};
  }
  Parameter parameter(const std::string& name) const {
    for (const Parameter& p : norm.parameters())
      if (p.name() == name) return p;
    throw InvalidGraph("no parameter " + name);
  }

  Golden golden{"layer_batch_norm"};
  Graph graph;
  nn::BatchNorm norm;
  Tensor x, out;
  std::vector<Tensor> results;
  std::map<std::string, Tensor> feeds;
};

const char* const batch_norm_results[] = {"out", "grad.x", "grad.weight", "grad.bias"};

TEST(BatchNorm, ReferenceFollowsPyTorchForThreeSteps) {
  BatchNormCase c(Mode::training);
  ReferenceRun run(c.graph, Targets(c.results));
  for (int step = 0; step < 3; ++step) {
    for (auto& [name, tensor] : c.feeds) run.set(tensor, c.golden.values(name + std::to_string(step)));
    const auto got = run.run();
    for (std::size_t i = 0; i < got.size(); ++i)
      EXPECT_TRUE(close(got[i], c.golden.values(batch_norm_results[i] + std::to_string(step)), 1e-6, 1e-8))
          << batch_norm_results[i] << step;
  }
}

TEST(BatchNorm, DeviceFollowsPyTorchForThreeStepsAndEvaluates) {
  BatchNormCase c(Mode::training), eval(Mode::inference);
  Program train = device().compile(c.graph, Targets(c.results));
  auto check = [&](BatchNormCase& one, Program& program, int step) {
    const std::string s = std::to_string(step);
    const auto x = one.golden.values<float>("x" + s), factor = one.golden.values<float>("factor" + s);
    program.run({{one.feeds.at("x"), x}, {one.feeds.at("factor"), factor}});
    for (std::size_t i = 0; i < one.results.size(); ++i)
      EXPECT_TRUE(close(program.read(one.results[i]), one.golden.values(batch_norm_results[i] + s), 5e-5, 5e-5))
          << batch_norm_results[i] << s;
    for (const char* name : {"running_mean", "running_var"})
      EXPECT_TRUE(close(one.parameter(name).values(), one.golden.values(name + s), 1e-5, 1e-6)) << name << s;
  };
  for (int step = 0; step < 3; ++step) check(c, train, step);
  for (const char* name : {"running_mean", "running_var"}) eval.parameter(name).set(c.parameter(name).values());
  Program inference = device().compile(eval.graph, Targets(eval.results));
  check(eval, inference, 3);
}

}  // namespace
}  // namespace volute::test
