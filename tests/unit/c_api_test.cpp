// The C interface does what the C++ headers do, to the bit: models, optimisers, states, files. Its operations are in
// c_api_operations_test.cpp, wrong uses in c_api_errors_test.cpp.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <optional>

#include <volute/volute.hpp>

#include "tests/support/c_api.hpp"
#include "tests/support/device.hpp"

namespace volute {
namespace {

using test::device;
namespace c = test::c;
using namespace test::c::values;
using c::compiled;
using c::input;
using c::made;
using c::ok;
using c::tensor;

std::vector<float> read(const c::Parameter& parameter, std::size_t count) {
  std::vector<float> values(count);
  ok(volute_parameter_read(parameter.get(), values.data(), count));
  return values;
}

void expect_same_parameters(const volute_module* ours, const nn::Module& theirs) {
  std::uint32_t count = 0;
  ok(volute_module_parameter_count(ours, &count));
  ASSERT_EQ(count, theirs.parameters().size());
  for (std::uint32_t i = 0; i < count; ++i) {
    const Parameter& expected = theirs.parameters()[i];
    const auto parameter = made<c::Parameter>(volute_module_parameter, ours, i);
    EXPECT_EQ(volute_parameter_name(parameter.get()), expected.name());
    std::vector<std::int64_t> dims(8);
    std::uint32_t rank = 0;
    ok(volute_parameter_shape(parameter.get(), 8, dims.data(), &rank));
    dims.resize(rank);
    EXPECT_EQ(dims, expected.shape().dims());
    EXPECT_EQ(read(parameter, expected.values().size()), expected.values()) << expected.name();
  }
}

/// A language model in both interfaces, from the same seed.
struct Models {
  c::Module embed, lstm, norm, head;
  std::optional<nn::Embedding> embed_cpp;
  std::optional<nn::LSTM> lstm_cpp;
  std::optional<nn::LayerNorm> norm_cpp;
  std::optional<nn::Linear> head_cpp;

  Models() {
    const volute_recurrent_options options{
        .struct_size = sizeof options, .layers = 2, .dropout = 0.25f, .peepholes = 1, .has_forget_bias = 1,
        .forget_bias = 1.0f};
    volute_manual_seed(7);
    embed = made<c::Module>(volute_embedding_create, V, 8, nullptr);
    lstm = made<c::Module>(volute_recurrent_create, VOLUTE_LSTM, 8, 16, &options);
    norm = made<c::Module>(volute_layer_norm_create, 16);
    head = made<c::Module>(volute_linear_create, 16, V, nullptr);
    manual_seed(7);
    embed_cpp.emplace(V, 8);
    lstm_cpp.emplace(
        8, 16, nn::RecurrentOptions{.layers = 2, .dropout = 0.25f, .peepholes = true, .forget_bias = 1.0f});
    norm_cpp.emplace(16);
    head_cpp.emplace(16, V);
  }

  volute_tensor apply(volute_tensor x) const {
    const volute_recurrent_inputs inputs{.struct_size = sizeof inputs, .carried = 1};
    volute_recurrent_result result{.struct_size = sizeof result};
    ok(volute_recurrent_run(lstm.get(), tensor(volute_module_apply, embed.get(), x), &inputs, &result));
    EXPECT_EQ(result.last_count, 2u);
    return tensor(volute_module_apply, head.get(), tensor(volute_module_apply, norm.get(), result.outputs));
  }

  void expect_same() const {
    expect_same_parameters(embed.get(), *embed_cpp);
    expect_same_parameters(lstm.get(), *lstm_cpp);
    expect_same_parameters(norm.get(), *norm_cpp);
    expect_same_parameters(head.get(), *head_cpp);
  }
};

TEST(CApi, StopsWhereAStepIsNotFinite) {
  const auto head = made<c::Module>(volute_linear_create, 3, 2, nullptr);
  const auto graph = made<c::Graph>(volute_graph_create, VOLUTE_TRAINING);
  const volute_tensor x = input(graph, "x", VOLUTE_F32, {4, 3});
  const volute_tensor y = tensor(volute_module_apply, head.get(), x);
  const volute_tensor loss = tensor(volute_mean, y, 0u, nullptr, 0);
  const volute_minimize_options stop{.struct_size = sizeof stop, .non_finite = VOLUTE_NON_FINITE_STOP};
  const c::Program program = compiled(made<c::Targets>(volute_minimize, loss, nullptr, &stop));
  std::vector<float> values(12, 1.0f);
  values[5] = INFINITY;
  const volute_feed feed{.input = x, .f32 = values.data(), .count = values.size()};
  ok(volute_program_run(program.get(), &feed, 1));
  EXPECT_EQ(volute_program_wait(program.get()), VOLUTE_NOT_FINITE);
  EXPECT_NE(std::string(volute_last_error()).find("input \"x\""), std::string::npos) << volute_last_error();
}

TEST(CApi, TrainsToTheBitsOfCpp) {
  const Models m;
  m.expect_same();
  const auto graph = made<c::Graph>(volute_graph_create, VOLUTE_TRAINING);
  const volute_tensor x = input(graph, "x", VOLUTE_U32, {T, N}), y = input(graph, "y", VOLUTE_U32, {T, N});
  const volute_tensor loss = tensor(volute_cross_entropy, m.apply(x), y, nullptr);
  const volute_optimizer adam{.struct_size = sizeof adam, .lr = 1e-2f};
  const volute_minimize_options clip{.struct_size = sizeof clip, .clip_norm = 0.5f};
  const c::Program program = compiled(made<c::Targets>(volute_minimize, loss, &adam, &clip));

  Graph g;
  Tensor xs = g.input("x", {T, N}, DType::u32), ys = g.input("y", {T, N}, DType::u32);
  Tensor expected = cross_entropy(
      (*m.head_cpp)((*m.norm_cpp)((*m.lstm_cpp)((*m.embed_cpp)(xs), g.carried()))), ys);
  Program other = device().compile(g, minimize(expected, Adam{.lr = 1e-2f}, {.clip_norm = 0.5f}));

  ok(volute_program_seed(program.get(), 11));
  other.seed(11);
  for (std::uint32_t step = 0; step < 20; ++step) {
    const auto in = indices(T * N, step + 1), out = indices(T * N, step + 2);
    const volute_feed feeds[] = {{.input = x, .u32 = in.data(), .count = in.size()},
                                 {.input = y, .u32 = out.data(), .count = out.size()}};
    ok(volute_program_run(program.get(), feeds, 2));
    other.run({{xs, in}, {ys, out}});
    float value = 0;
    ok(volute_program_value(program.get(), loss, &value));
    ASSERT_EQ(value, other.value(expected)) << step;
    if (step == 10) {
      ok(volute_program_set(program.get(), "lr", 3e-3f));
      other.set("lr", 3e-3f);
      ok(volute_program_reset(program.get(), "lstm."));
      other.reset("lstm.");
    }
  }
  m.expect_same();
  std::vector<float> state(2 * N * 16);
  ok(volute_program_read_state(program.get(), "lstm.c", state.data(), state.size()));
  EXPECT_EQ(state, other.read_state("lstm.c"));
  EXPECT_NE(state, std::vector<float>(state.size()));
  ok(volute_program_write_state(program.get(), "lstm.c", std::vector<float>(state.size(), 2.0f).data(), state.size()));
  ok(volute_program_read_state(program.get(), "lstm.c", state.data(), state.size()));
  EXPECT_EQ(state, std::vector<float>(state.size(), 2.0f));
  const char* text = nullptr;
  ok(volute_program_explain(program.get(), &text));
  EXPECT_EQ(text, other.explain());
}

/// A recurrent layer with every result an output, in both interfaces.
void expect_same_layer(volute_cell cell, volute_recurrent_options options, const nn::Recurrent& theirs,
                       std::int64_t states) {
  options.struct_size = sizeof options;
  const bool batch_first = options.batch_first != 0;
  const Shape shape = batch_first ? Shape{N, T, 4} : Shape{T, N, 4};
  volute_manual_seed(3);
  const auto ours = made<c::Module>(volute_recurrent_create, cell, 4, 6, &options);
  expect_same_parameters(ours.get(), theirs);
  const auto graph = made<c::Graph>(volute_graph_create, VOLUTE_TRAINING);
  const volute_tensor x = input(graph, "x", VOLUTE_F32, shape.dims());
  volute_recurrent_inputs inputs{.struct_size = sizeof inputs};
  inputs.lengths = input(graph, "lengths", VOLUTE_U32, {N});
  volute_recurrent_result result{.struct_size = sizeof result};
  ok(volute_recurrent_run(ours.get(), x, &inputs, &result));
  ASSERT_EQ(result.last_count, static_cast<std::uint32_t>(states));
  std::vector<volute_tensor> outputs = {result.outputs, result.last_output};
  outputs.insert(outputs.end(), result.last, result.last + states);
  const auto count = static_cast<std::uint32_t>(outputs.size());
  const c::Program program = compiled(made<c::Targets>(volute_targets_create, outputs.data(), count));

  Graph g;
  Tensor xs = g.input("x", shape), lengths = g.input("lengths", {N}, DType::u32);
  const nn::RecurrentResult run = theirs.run(xs, {.lengths = lengths});
  std::vector<Tensor> expected = {run.outputs, run.last_output};
  expected.insert(expected.end(), run.last.begin(), run.last.end());
  Program other = device().compile(g, Targets(expected));

  const std::vector<float> values = numbers(T * N * 4);
  const std::vector<std::uint32_t> valid = {5, 2, 0};
  const volute_feed feeds[] = {{.input = x, .f32 = values.data(), .count = values.size()},
                               {.input = inputs.lengths, .u32 = valid.data(), .count = valid.size()}};
  ok(volute_program_run(program.get(), feeds, 2));
  other.run({{xs, values}, {lengths, valid}});
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    std::vector<float> read(static_cast<std::size_t>(expected[i].shape().elements()));
    ok(volute_program_read_f32(program.get(), outputs[i], read.data(), read.size()));
    EXPECT_EQ(read, other.read(expected[i])) << "output " << i;
  }
}

template <class Cell>
Cell cell_cpp(nn::RecurrentOptions options = {}) {
  manual_seed(3);
  return Cell(4, 6, std::move(options));
}

TEST(CApi, EveryCell) {
  expect_same_layer(VOLUTE_LSTM, {}, cell_cpp<nn::LSTM>(), 2);
  expect_same_layer(VOLUTE_GRU, {}, cell_cpp<nn::GRU>(), 1);
  expect_same_layer(VOLUTE_RNN, {}, cell_cpp<nn::RNN>(), 1);
  expect_same_layer(VOLUTE_INDRNN, {}, cell_cpp<nn::IndRNN>(), 1);
  expect_same_layer(VOLUTE_MINGRU, {}, cell_cpp<nn::MinGRU>(), 1);
  expect_same_layer(VOLUTE_MINLSTM, {}, cell_cpp<nn::MinLSTM>(), 1);
}

TEST(CApi, OptionsOfCells) {
  expect_same_layer(VOLUTE_LSTM,
                    {.layers = 2, .dropout = 0.5f, .variational = 1, .bidirectional = 1, .merge = VOLUTE_MERGE_AVERAGE,
                     .batch_first = 1, .repeat_masked = 1, .learned_states = 1, .bias = VOLUTE_BIAS_SINGLE,
                     .coupled = 1, .projection = 3, .output_activation = VOLUTE_ACTIVATION_SOFTSIGN, .clip_cell = 0.5f,
                     .clip_state = 0.25f, .zoneout = 0.1f, .zoneout_cell = 0.2f},
                    cell_cpp<nn::LSTM>({.layers = 2, .dropout = 0.5f, .variational = true, .bidirectional = true,
                                        .merge = nn::Merge::average, .batch_first = true,
                                        .masked = nn::Masked::repeat, .learned_states = true, .bias = nn::Bias::single,
                                        .projection = 3, .coupled = true,
                                        .output_activation = nn::Activation::softsign, .clip_cell = 0.5f,
                                        .clip_state = 0.25f, .zoneout = 0.1f, .zoneout_cell = 0.2f}),
                    2);
  expect_same_layer(VOLUTE_GRU,
                    {.reverse = 1, .bias = VOLUTE_BIAS_NONE, .reset_before = 1, .activation = VOLUTE_ACTIVATION_RELU,
                     .gate_activation = VOLUTE_ACTIVATION_HARD_SIGMOID, .layer_norm = 1, .drop_connect = 0.3f,
                     .recurrent_dropout = 0.2f, .recurrent_variational = 1},
                    cell_cpp<nn::GRU>({.reverse = true, .bias = nn::Bias::none, .reset_after = false,
                                       .activation = nn::Activation::relu,
                                       .gate_activation = nn::Activation::hard_sigmoid, .layer_norm = true,
                                       .drop_connect = 0.3f, .recurrent_dropout = 0.2f,
                                       .recurrent_variational = true}),
                    1);
}

TEST(CApi, InitialStatesAndMasks) {
  const auto gru = made<c::Module>(volute_recurrent_create, VOLUTE_GRU, 4, 6, nullptr);
  const auto graph = made<c::Graph>(volute_graph_create, VOLUTE_INFERENCE);
  const volute_tensor x = input(graph, "x", VOLUTE_F32, {T, N, 4});
  const volute_tensor h = input(graph, "h", VOLUTE_F32, {1, N, 6});
  const volute_tensor mask = input(graph, "mask", VOLUTE_F32, {T, N});
  const volute_recurrent_inputs inputs{.struct_size = sizeof inputs, .initial = &h, .initial_count = 1, .mask = mask};
  volute_recurrent_result result{.struct_size = sizeof result};
  ok(volute_recurrent_run(gru.get(), x, &inputs, &result));
  const c::Program program = compiled(made<c::Targets>(volute_targets_create, result.last, 1));
  const auto values = numbers(T * N * 4), start = numbers(N * 6), none = std::vector<float>(T * N);
  const volute_feed feeds[] = {{.input = x, .f32 = values.data(), .count = values.size()},
                               {.input = h, .f32 = start.data(), .count = start.size()},
                               {.input = mask, .f32 = none.data(), .count = none.size()}};
  ok(volute_program_run(program.get(), feeds, 3));
  std::vector<float> last(N * 6);
  ok(volute_program_read_f32(program.get(), result.last[0], last.data(), last.size()));
  EXPECT_EQ(last, start);  // all steps are masked, so the state stays
}

/// Three updates of one parameter towards 0.
void expect_same_updates(volute_optimizer ours, const Optimizer& theirs) {
  ours.struct_size = sizeof ours;
  const std::vector<float> start = numbers(6);
  const std::int64_t dims[] = {2, 3};
  const auto p = made<c::Parameter>(volute_parameter_create, "p", 2, dims, start.data(), start.size());
  const auto graph = made<c::Graph>(volute_graph_create, VOLUTE_TRAINING);
  const volute_tensor t = tensor(volute_graph_parameter, graph.get(), p.get());
  const volute_tensor loss = tensor(volute_sum, tensor(volute_mul, t, t), 0, nullptr, 0);
  const volute_minimize_options clip{.struct_size = sizeof clip, .clip_value = 0.75f};
  const c::Program program = compiled(made<c::Targets>(volute_minimize, loss, &ours, &clip));
  Parameter q("p", {2, 3}, start);
  Graph g;
  Tensor u = g.parameter(q);
  Program other = device().compile(g, minimize(sum(u * u), theirs, {.clip_value = 0.75f}));
  for (int i = 0; i < 3; ++i) {
    ok(volute_program_run(program.get(), nullptr, 0));
    other.run();
  }
  EXPECT_EQ(read(p, 6), q.values());
  EXPECT_NE(read(p, 6), start);
  const char* text = nullptr;
  ok(volute_program_explain(program.get(), &text));
  EXPECT_EQ(text, other.explain());
}

TEST(CApi, Optimisers) {
  expect_same_updates({}, Adam{});
  expect_same_updates({.lr = 0.1f, .weight_decay = 0.5f, .beta1 = VOLUTE_ZERO, .beta2 = 0.5f, .eps = 1e-3f},
                      Adam{.lr = 0.1f, .beta1 = 0, .beta2 = 0.5f, .eps = 1e-3f, .weight_decay = 0.5f});
  expect_same_updates({.kind = VOLUTE_ADAMW}, AdamW{});
  expect_same_updates({.kind = VOLUTE_ADAMW, .weight_decay = VOLUTE_ZERO}, AdamW{.weight_decay = 0});
  expect_same_updates({.kind = VOLUTE_SGD, .momentum = 0.9f, .nesterov = 1}, SGD{.momentum = 0.9f, .nesterov = true});
  expect_same_updates({.kind = VOLUTE_SGD, .momentum = 0.9f, .dampening = 0.5f},
                      SGD{.momentum = 0.9f, .dampening = 0.5f});
  expect_same_updates({.kind = VOLUTE_RMSPROP, .momentum = 0.5f, .alpha = 0.5f, .centered = 1},
                      RMSprop{.alpha = 0.5f, .momentum = 0.5f, .centered = true});
  expect_same_updates({.kind = VOLUTE_ADAGRAD, .lr_decay = 0.5f, .initial_accumulator = 0.25f},
                      Adagrad{.lr_decay = 0.5f, .initial_accumulator = 0.25f});
}

TEST(CApi, StatesOfPrograms) {
  const auto graph = made<c::Graph>(volute_graph_create, VOLUTE_INFERENCE);
  const std::int64_t dims[] = {2};
  const volute_tensor state = tensor(volute_graph_state, graph.get(), "count", VOLUTE_F32, 1, dims, 3.0f);
  const volute_tensor next = tensor(volute_affine, state, 1.0f, 1.0f);
  ok(volute_graph_carry(graph.get(), state, next));
  const auto targets = made<c::Targets>(volute_targets_create, &state, 1);
  ok(volute_targets_add_output(targets.get(), next));
  const c::Program program = compiled(targets);
  float values[2] = {};
  for (const float expected : {4.0f, 5.0f}) {
    ok(volute_program_run(program.get(), nullptr, 0));
    ok(volute_program_read_f32(program.get(), next, values, 2));
    EXPECT_EQ(values[1], expected);
  }
  ok(volute_program_reset(program.get(), nullptr));
  ok(volute_program_read_state(program.get(), "count", values, 2));
  EXPECT_EQ(values[0], 3.0f);
}

TEST(CApi, StepsInParts) {
  const Models a, b;
  const auto train = [](const Models& m, volute_tensor& x, volute_tensor& y, volute_tensor& loss) {
    const auto graph = made<c::Graph>(volute_graph_create, VOLUTE_TRAINING);
    x = input(graph, "x", VOLUTE_U32, {T, N}), y = input(graph, "y", VOLUTE_U32, {T, N});
    loss = tensor(volute_cross_entropy, m.apply(x), y, nullptr);
    return compiled(made<c::Targets>(volute_minimize, loss, nullptr, nullptr));
  };
  volute_tensor x[2], y[2], loss[2];
  const c::Program whole = train(a, x[0], y[0], loss[0]), parts = train(b, x[1], y[1], loss[1]);
  const auto in = indices(T * N, 2), out = indices(T * N, 3);
  const auto feeds = [&](int i) {
    return std::array{volute_feed{.input = x[i], .u32 = in.data(), .count = in.size()},
                      volute_feed{.input = y[i], .u32 = out.data(), .count = out.size()}};
  };
  for (int step = 0; step < 5; ++step) {
    ok(volute_program_run(whole.get(), feeds(0).data(), 2));
    ok(volute_program_begin(parts.get(), feeds(1).data(), 2));
    EXPECT_EQ(volute_program_begin(parts.get(), nullptr, 0), VOLUTE_INVALID_GRAPH);
    volute_progress progress{.struct_size = sizeof progress};
    int submissions = 0;
    while (!progress.finished) {
      ok(volute_program_advance(parts.get(), 1e-4, &progress));
      submissions += progress.submissions;
      EXPECT_GE(progress.seconds, 0.0);
    }
    EXPECT_EQ(progress.fraction, 1.0);
    EXPECT_GE(submissions, 1);
    ok(volute_program_advance(parts.get(), 1.0, nullptr));  // another one, on the values inputs have
    ok(volute_program_finish(parts.get()));
    ok(volute_program_run(whole.get(), nullptr, 0));
    float ours = 0, theirs = 0;
    ok(volute_program_value(whole.get(), loss[0], &ours));
    ok(volute_program_value(parts.get(), loss[1], &theirs));
    EXPECT_EQ(ours, theirs);
  }
}

TEST(CApi, SeveralTargetsInOneProgram) {
  const std::int64_t dims[] = {2};
  const float start[] = {1.0f, 2.0f};
  const auto p = made<c::Parameter>(volute_parameter_create, "p", 1, dims, start, 2);
  const auto q = made<c::Parameter>(volute_parameter_create, "q", 1, dims, start, 2);
  const auto graph = made<c::Graph>(volute_graph_create, VOLUTE_TRAINING);
  const auto loss = [&](const c::Parameter& of) {
    return tensor(volute_sum, tensor(volute_graph_parameter, graph.get(), of.get()), 0, nullptr, 0);
  };
  const volute_optimizer sgd{.struct_size = sizeof sgd, .kind = VOLUTE_SGD, .lr = 0.5f};
  const volute_minimize_options named{.struct_size = sizeof named, .name = "q"};
  const auto targets = made<c::Targets>(volute_minimize, loss(p), &sgd, nullptr);
  ok(volute_targets_merge(targets.get(), made<c::Targets>(volute_minimize, loss(q), &sgd, &named).get()));
  const c::Program program = compiled(targets);
  ok(volute_program_set(program.get(), "q.lr", 0.25f));
  ok(volute_program_run(program.get(), nullptr, 0));
  EXPECT_EQ(read(p, 2), (std::vector<float>{0.5f, 1.5f}));
  EXPECT_EQ(read(q, 2), (std::vector<float>{0.75f, 1.75f}));
}

TEST(CApi, SixteenBitProducts) {
  for (const volute_precision precision : {VOLUTE_PRECISION_F32, VOLUTE_PRECISION_F16, VOLUTE_PRECISION_BF16}) {
    const auto graph = made<c::Graph>(volute_graph_create, VOLUTE_INFERENCE);
    const volute_tensor a = input(graph, "a", VOLUTE_F32, {4, 4});
    const volute_tensor product = tensor(volute_matmul, a, a, 0, 0);
    const auto targets = made<c::Targets>(volute_targets_create, &product, 1);
    ok(volute_targets_set_precision(targets.get(), precision));
    const c::Program program = compiled(targets);
    const auto values = numbers(16);
    const volute_feed feed{.input = a, .f32 = values.data(), .count = 16};
    ok(volute_program_run(program.get(), &feed, 1));
    Graph g(Mode::inference);
    Tensor b = g.input("a", {4, 4}), expected = matmul(b, b);
    Targets same(expected);
    same.precision = static_cast<Precision>(precision);
    Program other = device().compile(g, same);
    other.run({{b, values}});
    std::vector<float> read(16);
    ok(volute_program_read_f32(program.get(), product, read.data(), 16));
    EXPECT_EQ(read, other.read(expected)) << precision;
  }
}

TEST(CApi, ModulesKeepOptions) {
  const volute_embedding_options frozen{.struct_size = sizeof frozen, .frozen = 1, .has_padding = 1, .padding = 2};
  const volute_linear_options bare{.struct_size = sizeof bare, .no_bias = 1};
  const auto embed = made<c::Module>(volute_embedding_create, V, 4, &frozen);
  const auto tied = made<c::Module>(volute_linear_create_tied, embed.get(), nullptr);
  const auto head = made<c::Module>(volute_linear_create, 4, V, &bare);
  const auto drop = made<c::Module>(volute_dropout_create, 0.5f, 1);
  std::uint32_t count = 9;
  ok(volute_module_parameter_count(head.get(), &count));
  EXPECT_EQ(count, 1u);
  ok(volute_module_parameter_count(drop.get(), &count));
  EXPECT_EQ(count, 0u);
  const auto weight = made<c::Parameter>(volute_module_parameter, embed.get(), 0);
  EXPECT_EQ(read(weight, V * 4)[2 * 4], 0.0f);
  const std::vector<float> ones(V * 4, 1.0f);
  ok(volute_parameter_write(weight.get(), ones.data(), ones.size()));
  EXPECT_EQ(read(made<c::Parameter>(volute_module_parameter, tied.get(), 0), V * 4), ones);
  const auto graph = made<c::Graph>(volute_graph_create, VOLUTE_TRAINING);
  const volute_tensor x = tensor(volute_module_apply, embed.get(), input(graph, "x", VOLUTE_U32, {T, N}));
  const volute_tensor logits = tensor(volute_module_apply, head.get(), tensor(volute_module_apply, drop.get(), x));
  volute_targets* targets = nullptr;
  EXPECT_EQ(volute_minimize(tensor(volute_sum, x, 0, nullptr, 0), nullptr, nullptr, &targets), VOLUTE_INVALID_GRAPH);
  ok(volute_minimize(tensor(volute_sum, logits, 0, nullptr, 0), nullptr, nullptr, &targets));
  volute_targets_destroy(targets);
}

TEST(CApi, SavesAndLoads) {
  const std::string path = testing::TempDir() + "c_api.safetensors";
  const Models a, b;
  const std::int64_t dims[] = {2};
  const float own[] = {1.0f, 2.0f}, zeros[] = {0.0f, 0.0f};
  const auto kept = made<c::Parameter>(volute_parameter_create, "scale", 1, dims, own, 2);
  const auto back = made<c::Parameter>(volute_parameter_create, "scale", 1, dims, zeros, 2);
  const volute_parameter *const saved[] = {kept.get()}, *const loaded[] = {back.get()};
  const auto mine = made<c::Module>(volute_module_create, saved, 1);
  const auto yours = made<c::Module>(volute_module_create, loaded, 1);
  const auto weight = made<c::Parameter>(volute_module_parameter, a.head.get(), 0);
  const auto values = numbers(16 * V);
  ok(volute_parameter_write(weight.get(), values.data(), values.size()));

  const volute_entry out[] = {{"head", a.head.get()}, {"lstm", a.lstm.get()}, {"own", mine.get()}};
  const volute_entry in[] = {{"head", b.head.get()}, {"lstm", b.lstm.get()}, {"own", yours.get()}};
  const volute_metadata_entry texts[] = {{"sizes", "8 16"}, {"cell", "lstm"}};
  ok(volute_save(path.c_str(), out, 3, texts, 2));
  ok(volute_load(path.c_str(), in, 3));
  EXPECT_EQ(read(made<c::Parameter>(volute_module_parameter, b.head.get(), 0), values.size()), values);
  EXPECT_EQ(read(back, 2), (std::vector<float>{1.0f, 2.0f}));
  io::load(path, {{"head", *b.head_cpp}});
  EXPECT_EQ(b.head_cpp->parameters()[0].values(), values);

  const auto metadata = made<c::Metadata>(volute_metadata_read, path.c_str());
  std::uint32_t count = 0;
  volute_metadata_entry entry{};
  ok(volute_metadata_count(metadata.get(), &count));
  ASSERT_EQ(count, 2u);
  ok(volute_metadata_get(metadata.get(), 1, &entry));
  EXPECT_STREQ(entry.key, "sizes");
  EXPECT_STREQ(entry.value, "8 16");
  std::remove(path.c_str());
}

TEST(CApi, Devices) {
  const auto list = made<c::DeviceList>(volute_device_list_create);
  const std::vector<DeviceInfo> expected = list_devices();
  std::uint32_t count = 0;
  ok(volute_device_list_count(list.get(), &count));
  ASSERT_EQ(count, expected.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    volute_device_info info{.struct_size = sizeof info};
    ok(volute_device_list_get(list.get(), i, &info));
    EXPECT_EQ(info.name, expected[i].name);
    EXPECT_EQ(info.type, expected[i].type);
    EXPECT_EQ(info.driver, expected[i].driver);
    EXPECT_EQ(info.api, expected[i].api);
    EXPECT_EQ(info.rejected, expected[i].rejected);
    EXPECT_EQ(info.index, expected[i].index);
    EXPECT_EQ(info.memory_bytes, expected[i].memory_bytes);
  }
  EXPECT_EQ(volute_device_name(c::device()), device().name());
}

}  // namespace
}  // namespace volute
