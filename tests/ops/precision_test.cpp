// Programs in f16 and bf16 against the reference rounded at the same places, and loosely against f32: layers,
// their gradients and training; what they keep; which products are rounded.
// Invariant: the tight bounds explain a few values near a tie that round the other way, the loose ones the format.
#include <gtest/gtest.h>

#include <volute/volute.hpp>

#include "engine/compile/program_data.hpp"
#include "tests/support/device.hpp"
#include "tests/support/reference_run.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

struct Setting {
  const char* name;
  nn::Recurrent (*make)(std::int64_t, std::int64_t);
  std::int64_t T, N, V, E, H;
};

nn::Recurrent lstm(std::int64_t E, std::int64_t H) { return nn::LSTM(E, H, {.layers = 2}); }
nn::Recurrent gru(std::int64_t E, std::int64_t H) { return nn::GRU(E, H); }
nn::Recurrent rnn(std::int64_t E, std::int64_t H) { return nn::RNN(E, H, {.bidirectional = true}); }

// Rows of whole texels, and odd ones.
const Setting settings[] = {{"lstm", lstm, 5, 3, 11, 8, 12}, {"lstm_odd", lstm, 4, 5, 7, 3, 7},
                            {"gru", gru, 6, 2, 9, 8, 16},    {"gru_odd", gru, 4, 3, 13, 5, 9},
                            {"rnn", rnn, 5, 4, 11, 4, 8},    {"rnn_odd", rnn, 7, 1, 5, 3, 5}};

/// A character model with its batch.
struct Model {
  explicit Model(const Setting& s)
      : embed((manual_seed(11), nn::Embedding(s.V, s.E))), layer(s.make(s.E, s.H)),
        head(layer.options().bidirectional ? 2 * s.H : s.H, s.V) {
    x = g.input("x", {s.T, s.N}, DType::u32);
    y = g.input("y", {s.T, s.N}, DType::u32);
    const auto n = static_cast<std::size_t>(s.T * s.N);
    xs = random_indices(n, 1, static_cast<std::uint32_t>(s.V));
    ys = random_indices(n, 2, static_cast<std::uint32_t>(s.V));
    loss = cross_entropy(head(layer(embed(x))), y);
    for (const nn::Module* m : std::initializer_list<const nn::Module*>{&embed, &layer, &head})
      for (const Parameter& p : m->parameters()) parameters.push_back(p);
  }
  std::vector<Feed> feeds() const { return {{x, xs}, {y, ys}}; }

  Graph g;
  nn::Embedding embed;
  nn::Recurrent layer;
  nn::Linear head;
  Tensor x, y, loss;
  std::vector<std::uint32_t> xs, ys;
  std::vector<Parameter> parameters;
};

double largest(const std::vector<double>& values) {
  double most = 0;
  for (double v : values) most = std::max(most, std::abs(v));
  return most;
}

double digits_of(Precision precision) { return precision == Precision::f16 ? 0x1p-11 : 0x1p-8; }

using Param = std::tuple<Setting, Precision>;

class Layers : public ::testing::TestWithParam<Param> {
 protected:
  const Setting& setting() const { return std::get<0>(GetParam()); }
  Precision precision() const { return std::get<1>(GetParam()); }
};

std::string name_of_case(const ::testing::TestParamInfo<Param>& row) {
  return std::string(std::get<0>(row.param).name) + "_" + name_of(std::get<1>(row.param));
}

TEST_P(Layers, LossAndGradientsMatchTheRoundedReference) {
  Model m(setting());
  std::vector<Tensor> wrt;
  for (const Parameter& p : m.parameters) wrt.push_back(m.g.parameter(p));
  std::vector<Tensor> wanted = gradients(m.loss * 1024.0f, wrt);
  wanted.insert(wanted.begin(), m.loss);
  Reference reference;
  reference.set(m.x, widen(m.xs));
  reference.set(m.y, widen(m.ys));
  const auto exact = reference.evaluate(wanted);
  reference.precision(precision());
  const auto rounded = reference.evaluate(wanted);
  Targets targets(wanted);
  targets.precision = precision();
  for (const bool texel_loads : {true, false}) {
    Program program = compile_program(device().data(), m.g, targets,
                                      {.matmul = texel_loads ? "texel" : "shared", .texel_loads = texel_loads});
    program.run(m.feeds());
    for (std::size_t k = 0; k < wanted.size(); ++k) {
      SCOPED_TRACE(k ? m.parameters[k - 1].name() : "loss");
      const auto got = program.read(wanted[k]);
      const double size = largest(exact[k]), digits = digits_of(precision());
      EXPECT_TRUE(close(got, rounded[k], digits, digits / 2 * size));
      EXPECT_TRUE(close(got, exact[k], 16 * digits, 16 * digits * size));
      EXPECT_TRUE(k == 0 || !close(got, exact[k], 1e-6, 1e-6 * size)) << "nothing was rounded";
    }
  }
}

TEST_P(Layers, TrainingFollowsTheRoundedReference) {
  Model m(setting());
  const Targets targets = minimize(m.loss, SGD{.lr = 0.1f, .momentum = 0.9f},
                                   {.clip_norm = 1.0f, .precision = precision(), .loss_scale = LossScale{}});
  ReferenceRun reference(m.g, targets);
  reference.set(m.x, widen(m.xs));
  reference.set(m.y, widen(m.ys));
  for (const Parameter& p : m.parameters) reference.set(m.g.parameter(p), widen(p.values()));
  Program program = compile_program(device().data(), m.g, targets);
  for (int step = 0; step < 5; ++step) {
    program.run(m.feeds());
    const auto want = reference.run();
    EXPECT_NEAR(program.value(m.loss), want[0][0], digits_of(precision()) * want[0][0]) << "step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Table, Layers,
                         ::testing::Combine(::testing::ValuesIn(settings),
                                            ::testing::Values(Precision::f16, Precision::bf16)),
                         name_of_case);

const Setting wide = {"lstm", [](std::int64_t E, std::int64_t H) -> nn::Recurrent { return nn::LSTM(E, H); },
                      128, 4, 32, 16, 32};

Program compile(Model& m, Precision precision, const CompileOptions& options = {}) {
  return compile_program(device().data(), m.g, minimize(m.loss, Adam{}, {.precision = precision}), options);
}

TEST(Precision, EveryProductIsRoundedAndALoopTakesNoMoreDispatches) {
  Model f32(wide), f16(wide), bf16(wide);
  const CompileOptions options{.scans = Scans::unrolled};
  const Program whole = compile(f32, Precision::f32, options);
  for (auto* m : {&f16, &bf16}) {
    const Program half = compile(*m, m == &f16 ? Precision::f16 : Precision::bf16, options);
    const std::string plan = half.explain(), label = m == &f16 ? "matmul f16 " : "matmul bf16 ";
    std::size_t products = 0;
    for (std::size_t at = plan.find("    matmul "); at != std::string::npos; at = plan.find("    matmul ", at + 1)) {
      EXPECT_EQ(plan.substr(at + 4, label.size()), label);
      ++products;
    }
    // Of input, state and head: the value and two gradients each; and what ends the backward loop.
    EXPECT_EQ(products, 10u) << plan;
    ASSERT_EQ(half.stats().loops.size(), whole.stats().loops.size());
    for (std::size_t i = 0; i < half.stats().loops.size(); ++i)
      EXPECT_EQ(half.stats().loops[i].dispatches_per_step, whole.stats().loops[i].dispatches_per_step);
  }
  EXPECT_EQ(whole.explain().find("f16"), std::string::npos);
}

TEST(Precision, KeepsLess) {
  Model f32(wide), f16(wide);
  const auto whole = compile(f32, Precision::f32).stats(), half = compile(f16, Precision::f16).stats();
  EXPECT_LT(static_cast<double>(half.arena_bytes), 0.75 * static_cast<double>(whole.arena_bytes));
}

std::vector<std::vector<float>> trained(Precision precision, std::uint64_t memory_bytes, double seconds, Setting s) {
  Model m(s);
  Program program = compile(m, precision, {.memory_bytes = memory_bytes, .submission_seconds = seconds});
  for (int step = 0; step < 4; ++step) program.run(m.feeds());
  std::vector<std::vector<float>> values;
  for (const Parameter& p : m.parameters) values.push_back(p.values());
  return values;
}

TEST(Precision, BitsAreEqualFromRunToRunAndHoweverCut) {
  for (const Precision precision : {Precision::f16, Precision::bf16}) {
    const auto first = trained(precision, 0, 0.1, wide);
    EXPECT_EQ(trained(precision, 0, 0.1, wide), first);
    EXPECT_EQ(trained(precision, 0, 1e-3, wide), first);
  }
}

TEST(Precision, RecomputationGivesTheSameBits) {
  Setting longer = wide;
  longer.T = 256;
  Model m(longer);
  const std::uint64_t plain = compile(m, Precision::f16).stats().arena_bytes;
  EXPECT_EQ(trained(Precision::f16, plain - 1, 0.1, longer), trained(Precision::f16, 0, 0.1, longer));
}

// Log probabilities of -1e30 and less would be infinite in f16, and 0 times infinity is NaN.
TEST(Precision, LeavesProductsAloneThatAreToKeepF32) {
  Graph g;
  const Tensor a = g.input("a", {3, 5}), b = g.input("b", {5, 2});
  const Tensor c = matmul(a, b, false, false, true);
  const auto grads = gradients(sum(c * c), {a, b});
  std::vector<float> as = random_values(15, 1), bs(10, 0.0f);
  as[4] = -1e30f;
  bs[3] = 1;
  for (const bool rounded : {false, true}) {
    Targets targets({c, grads[0], grads[1]});
    if (rounded) targets.precision = Precision::f16;
    Program program = device().compile(g, targets);
    program.run({{a, as}, {b, bs}});
    EXPECT_EQ(program.explain().find("matmul f16"), std::string::npos);
    EXPECT_EQ(program.read(c)[1], as[1]);
  }
}

TEST(Precision, EvaluationAloneTakesIt) {
  Model m(settings[0]);
  Targets targets(m.loss);
  targets.precision = Precision::bf16;
  Program program = device().compile(m.g, targets);
  program.run(m.feeds());
  Reference reference;
  reference.set(m.x, widen(m.xs));
  reference.set(m.y, widen(m.ys));
  reference.precision(Precision::bf16);
  const double want = reference.evaluate({m.loss})[0][0];
  EXPECT_NEAR(program.value(m.loss), want, 1e-4 * want);
}

}  // namespace
}  // namespace volute::test
