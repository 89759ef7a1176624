// Volute against PyTorch: values and gradients of operations and cells, then whole training runs.
// Invariant: the float64 reference is held to 1e-9, so it means what users expect, and everything else in
// the tests may be compared with it; the device is held to PyTorch's own 5e-5.

#include <map>
#include <memory>

#include <gtest/gtest.h>

#include <volute/reference.hpp>
#include <volute/volute.hpp>

#include "tests/support/device.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/golden_case.hpp"
#include "tests/support/reference_run.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

std::unique_ptr<nn::Recurrent> make_cell(const std::string& kind, std::int64_t inputs, std::int64_t hidden,
                                         int layers) {
  const nn::RecurrentOptions options{.layers = layers};
  if (kind == "lstm") return std::make_unique<nn::LSTM>(inputs, hidden, options);
  if (kind == "gru") return std::make_unique<nn::GRU>(inputs, hidden, options);
  return std::make_unique<nn::RNN>(inputs, hidden, options);
}

void set_parameters(const nn::Module& module, const Golden& golden, const std::string& prefix) {
  for (Parameter p : module.parameters()) p.set(golden.values<float>(prefix + p.name()));
}

/// A golden case of a cell or an operation, with losses weighed by factors of the file.
struct Case : GoldenCase {
  explicit Case(const std::string& file_name) : GoldenCase(file_name), file(file_name) {}

  std::string file;

  /// sum(out * the file's factor of that name)
  Tensor weighed(const std::string& factor, Tensor out) { return sum(out * input(factor)); }
};

// Builders, one per golden file. ------------------------------------------------------------------

void build_cell(Case& c) {
  const Shape x = c.golden.shape("x"), h = c.golden.shape("h0");  // [T, N, I], [L, N, H]
  const auto kind = c.golden.setting<std::string>("cell");
  auto cell = make_cell(kind, x[2], h[2], static_cast<int>(h[0]));
  set_parameters(*cell, c.golden, "");
  for (const Parameter& p : cell->parameters()) c.leaves[p.name()] = c.graph.parameter(p);
  std::vector<Tensor> initial = {c.input("h0")};
  if (kind == "lstm") initial.push_back(c.input("c0"));
  nn::RecurrentResult result = cell->run(c.input("x"), initial);
  c.expect("out", result.outputs);
  c.expect("last.h", result.last.at(0));
  Tensor loss = c.weighed("factor.out", result.outputs) + c.weighed("factor.h", result.last[0]);
  if (kind == "lstm") {
    c.expect("last.c", result.last.at(1));
    loss = loss + c.weighed("factor.c", result.last[1]);
  }
  c.expect_loss(loss);
  c.modules.push_back(std::move(cell));
}

/// The layer an option_* file holds the formulas of.
nn::Recurrent layer_with_options(const std::string& name, std::int64_t I, std::int64_t H) {
  using nn::Activation, nn::Bias;
  if (name == "option_lstm_clips")
    return nn::LSTM(I, H, {.bias = Bias::single, .peepholes = true, .projection = 3, .clip_inputs = 0.6875f,
                           .clip_cell = 0.40625f, .clip_state = {{-0.1875f, 0.3125f}}});
  if (name == "option_lstm_norm") return nn::LSTM(I, H, {.layer_norm = true});
  if (name == "option_lstm_coupled")
    return nn::LSTM(I, H, {.peepholes = true, .coupled = true, .activation = Activation::elu,
                           .gate_activation = Activation::hard_sigmoid, .output_activation = Activation::softsign,
                           .zoneout = 0.25f, .zoneout_cell = 0.125f});
  if (name == "option_gru_before") return nn::GRU(I, H, {.reset_after = false, .layer_norm = true});
  if (name == "option_indrnn") return nn::IndRNN(I, H);
  if (name == "option_mingru") return nn::MinGRU(I, H);
  return nn::MinLSTM(I, H);
}

void build_options(Case& c) {
  c.graph = Graph(Mode::inference);  // zoneout's expected value
  const Shape x = c.golden.shape("x");
  const nn::Recurrent layer = layer_with_options(c.file, x[2], c.golden.setting<std::int64_t>("hidden"));
  set_parameters(layer, c.golden, "");
  for (const Parameter& p : layer.parameters()) c.leaves[p.name()] = c.graph.parameter(p);
  std::vector<Tensor> initial;
  for (const char* state : {"h0", "c0"}) {
    if (!c.golden.has(state)) continue;
    Tensor s = c.input(state);
    initial.push_back(reshape(s, {1, s.dim(0), s.dim(1)}));
  }
  const nn::RecurrentResult result = layer.run(c.input("x"), initial);
  c.expect("out", result.outputs);
  c.expect("last.h", reshape(result.last[0], c.golden.shape("last.h")));
  Tensor loss = c.weighed("factor.out", result.outputs) + c.weighed("factor.h", result.last_output);
  if (initial.size() > 1) loss = loss + c.weighed("factor.c", reshape(result.last[1], c.golden.shape("c0")));
  c.expect_loss(loss);
}

// r, z as in nn::GRU; n = tanh(a_n + (r h) U_n^T + b_n)
void build_reset_before(Case& c) {
  Tensor x = c.input("x"), h0 = c.input("h0");        // [T, N, I], [N, H]
  Tensor w = c.input("w_ih"), u = c.input("w_hh");    // [3H, I], [3H, H]
  Tensor bi = c.input("b_ih"), bh = c.input("b_hh");  // [3H]
  const std::int64_t H = h0.dim(1);
  auto [out, last] = scan(x, h0, [&](Tensor xt, Tensor h) {                              // [N, I], [N, H]
    auto a = split(matmul(xt, w, false, true) + bi, 1, 3);                               // [N, H] each
    Tensor rz = matmul(h, slice(u, 0, 0, 2 * H), false, true) + slice(bh, 0, 0, 2 * H);  // [N, 2H]
    Tensor r = sigmoid(a[0] + slice(rz, 1, 0, H)), z = sigmoid(a[1] + slice(rz, 1, H, 2 * H));
    Tensor n = tanh(a[2] + matmul(r * h, slice(u, 0, 2 * H, 3 * H), false, true) + slice(bh, 0, 2 * H, 3 * H));
    return (1.0f - z) * n + z * h;
  });
  c.expect("out", out);
  c.expect_loss(c.weighed("factor", out));
}

void build_cross_entropy(Case& c) {
  Tensor logits = c.input("logits");
  c.expect_loss(cross_entropy(logits, c.input("targets", DType::u32)));
}

void build_log_softmax(Case& c) {
  Tensor out = log_softmax(c.input("a"), 0);
  c.expect("out", out);
  c.expect_loss(c.weighed("factor", out));
}

void build_matmul(Case& c) {
  Tensor a = c.input("a");
  Tensor out = matmul(a, c.input("b"), false, true);
  c.expect("out", out);
  c.expect_loss(c.weighed("factor", out));
}

void build_embedding(Case& c) {
  Tensor table = c.input("table");
  Tensor out = embedding(table, c.input("indices", DType::u32));
  c.expect("out", out);
  c.expect_loss(c.weighed("factor", out));
}

struct Row {
  const char* name;
  void (*build)(Case&);
  double tolerance = 1e-9;  ///< of the reference; a layer norm divides by a float
};

constexpr Row rows[] = {
    {"cell_lstm", build_cell},
    {"cell_gru", build_cell},
    {"cell_rnn", build_cell},
    {"gru_reset_before", build_reset_before},
    {"option_lstm_clips", build_options},
    {"option_lstm_norm", build_options, 1e-6},
    {"option_lstm_coupled", build_options},
    {"option_gru_before", build_options, 1e-6},
    {"option_indrnn", build_options},
    {"option_mingru", build_options},
    {"option_minlstm", build_options},
    {"op_cross_entropy", build_cross_entropy},
    {"op_log_softmax", build_log_softmax},
    {"op_matmul", build_matmul},
    {"op_embedding", build_embedding},
};

class Conformance : public ::testing::TestWithParam<Row> {};

TEST_P(Conformance, ReferenceMeansWhatPyTorchMeans) {
  Case c(GetParam().name);
  GetParam().build(c);
  Reference reference;
  for (const std::string& name : c.fed) reference.set(c.leaves[name], c.golden.values(name));
  const auto got = reference.evaluate(c.results);
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(c.results[i].shape(), c.golden.shape(c.names[i])) << c.names[i];
    EXPECT_TRUE(close(got[i], c.golden.values(c.names[i]), GetParam().tolerance, GetParam().tolerance / 10)) << c.names[i];
  }
}

TEST_P(Conformance, DeviceAgrees) {
  Case c(GetParam().name);
  GetParam().build(c);
  Program program = device().compile(c.graph, Targets(c.results));
  std::map<std::string, std::vector<float>> values;
  std::map<std::string, std::vector<std::uint32_t>> indices;
  std::vector<Feed> feeds;
  for (const std::string& name : c.fed) {
    if (c.leaves[name].dtype() == DType::u32)
      feeds.emplace_back(c.leaves[name], indices[name] = c.golden.values<std::uint32_t>(name));
    else
      feeds.emplace_back(c.leaves[name], values[name] = c.golden.values<float>(name));
  }
  program.run(feeds);
  for (std::size_t i = 0; i < c.results.size(); ++i)
    EXPECT_TRUE(close(program.read(c.results[i]), c.golden.values(c.names[i]), 5e-5, 5e-5)) << c.names[i];
}

std::string row_name(const ::testing::TestParamInfo<Row>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(PyTorch, Conformance, ::testing::ValuesIn(rows), row_name);

// Training runs. ----------------------------------------------------------------------------------

class Parity : public ::testing::TestWithParam<const char*> {};

Targets optimizer(const Golden& golden, Tensor loss) {
  const MinimizeOptions clip{.clip_norm = golden.setting<float>("clip_norm")};
  const auto lr = golden.setting<float>("lr");
  if (golden.setting<std::string>("optimizer") == "adam") return minimize(loss, Adam{.lr = lr}, clip);
  return minimize(
      loss, SGD{.lr = lr, .momentum = golden.setting<float>("momentum"), .nesterov = golden.setting<bool>("nesterov")},
      clip);
}

/// The model of a parity file, its weights set, and the tensors of its training step.
struct Training {
  explicit Training(const std::string& name)
      : golden("parity_" + name),
        table(golden.shape("embed.weight")),
        batch{golden.shape("x")[1], golden.shape("x")[2]},
        embed(table[0], table[1]),
        cell(make_cell(golden.setting<std::string>("cell"), table[1], golden.shape("head.weight")[1],
                       golden.setting<int>("layers"))),
        head(golden.shape("head.weight")[1], table[0]) {
    set_parameters(embed, golden, "embed.");
    set_parameters(*cell, golden, "cell.");
    set_parameters(head, golden, "head.");
    x = g.input("x", batch, DType::u32);
    y = g.input("y", batch, DType::u32);
    targets = optimizer(golden, cross_entropy(head((*cell)(embed(x), g.carried())), y));
  }
  /// Values of "x" or "y" at a step: the batches repeat.
  std::vector<std::uint32_t> at(const std::string& name, int step) const {
    const auto all = golden.values<std::uint32_t>(name);
    const auto count = static_cast<std::size_t>(batch.elements());
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(step * count % all.size());
    return {first, first + static_cast<std::ptrdiff_t>(count)};
  }
  int steps() const { return golden.setting<int>("steps"); }

  Golden golden;
  Shape table, batch;  // [V, E], [T, N]
  nn::Embedding embed;
  std::unique_ptr<nn::Recurrent> cell;
  nn::Linear head;
  Graph g;
  Tensor x, y;
  Targets targets;  // outputs: loss, norm
};

// The scalars of the optimiser are floats (0.999 is not): that is the whole difference to PyTorch's doubles.
TEST_P(Parity, ReferenceFollowsPyTorchStepByStep) {
  const Training training(GetParam());
  ReferenceRun run(training.g, training.targets);
  std::vector<double> losses, norms;
  for (int step = 0; step < training.steps(); ++step) {
    run.set(training.x, widen(training.at("x", step)));
    run.set(training.y, widen(training.at("y", step)));
    const auto values = run.run();
    losses.push_back(values[0][0]);
    norms.push_back(values[1][0]);
  }
  EXPECT_TRUE(close(losses, training.golden.values("losses"), 1e-6, 0));
  EXPECT_TRUE(close(norms, training.golden.values("norms"), 1e-6, 0)) << "gradient norms before clipping";
}

TEST_P(Parity, DeviceFollowsPyTorchStepByStep) {
  const Training training(GetParam());
  Program program = device().compile(training.g, training.targets);
  std::vector<float> losses, norms;
  for (int step = 0; step < training.steps(); ++step) {
    const auto xs = training.at("x", step), ys = training.at("y", step);
    program.run({{training.x, xs}, {training.y, ys}});
    losses.push_back(program.value(training.targets.outputs[0]));
    norms.push_back(program.value(training.targets.outputs[1]));
  }
  EXPECT_TRUE(close(losses, training.golden.values("losses_f32"), 1e-4, 0));
  EXPECT_TRUE(close(losses, training.golden.values("losses"), 1e-4, 0)) << "against the float64 run";
  EXPECT_TRUE(close(norms, training.golden.values("norms"), 1e-4, 0)) << "gradient norms before clipping";
}

INSTANTIATE_TEST_SUITE_P(PyTorch, Parity, ::testing::Values("lstm", "gru", "rnn", "sgd"),
                         [](const auto& row) { return std::string(row.param); });

}  // namespace
}  // namespace volute::test
