// What recurrent layers refuse: each mistake is an InvalidGraph, before anything runs, that names the layer, the
// option and the shapes. Invariant: one row a mistake.

#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include <volute/volute.hpp>

#include "tests/support/mistakes.hpp"

namespace volute::test {
namespace {

using nn::GRU, nn::IndRNN, nn::LSTM, nn::MinGRU, nn::MinLSTM, nn::RNN;

Tensor sequence(Graph& g) { return g.input("x", {5, 2, 3}); }  // [T, N, I]

nn::Cell echo(std::vector<Tensor> (*step)(const nn::CellStep&)) {
  return {.name = "echo", .gates = 1, .step = step};
}

// clang-format off
const std::vector<Mistake>& mistakes() {
  static const std::vector<Mistake> all = {
      // Options.
      {"hidden", [](Graph&) { IndRNN(3, 0); }, {"indrnn", "hidden must be positive, got 0"}},
      {"inputs", [](Graph&) { MinLSTM(-2, 4); }, {"minlstm", "inputs must be positive, got -2"}},
      {"layers", [](Graph&) { LSTM(3, 4, {.layers = -1}); }, {"lstm", "layers", "-1"}},
      {"dropout", [](Graph&) { GRU(3, 4, {.dropout = 1.5f}); }, {"gru", "dropout", "[0, 1)", "1.5"}},
      {"zoneout", [](Graph&) { GRU(3, 4, {.zoneout = 1.0f}); }, {"gru", "zoneout", "[0, 1)"}},
      {"zoneout_cell", [](Graph&) { LSTM(3, 4, {.zoneout_cell = -0.5f}); }, {"lstm", "zoneout_cell", "-0.5"}},
      {"zoneout_cell_without_cell", [](Graph&) { GRU(3, 4, {.zoneout_cell = 0.5f}); }, {"gru", "zoneout_cell", "cell state"}},
      {"drop_connect", [](Graph&) { RNN(3, 4, {.drop_connect = NAN}); }, {"rnn", "drop_connect", "[0, 1)"}},
      {"drop_connect_without_weights", [](Graph&) { MinGRU(3, 4, {.drop_connect = 0.5f}); }, {"mingru", "drop_connect", "recurrent weights"}},
      {"recurrent_dropout", [](Graph&) { LSTM(3, 4, {.recurrent_dropout = 2.0f}); }, {"lstm", "recurrent_dropout", "2.0"}},
      {"recurrent_dropout_without_weights", [](Graph&) { MinLSTM(3, 4, {.recurrent_dropout = 0.5f}); }, {"minlstm", "recurrent_dropout"}},
      {"projection_not_below_hidden", [](Graph&) { LSTM(3, 4, {.projection = 4}); }, {"lstm", "projection 4", "hidden 4"}},
      {"projection_negative", [](Graph&) { RNN(3, 4, {.projection = -1}); }, {"rnn", "projection -1"}},
      {"projection_of_gru", [](Graph&) { GRU(3, 4, {.projection = 2}); }, {"gru", "projection", "no meaning"}},
      {"peepholes_of_gru", [](Graph&) { GRU(3, 4, {.peepholes = true}); }, {"gru", "peepholes", "no meaning"}},
      {"coupled_of_rnn", [](Graph&) { RNN(3, 4, {.coupled = true}); }, {"rnn", "coupled", "no meaning"}},
      {"reset_of_lstm", [](Graph&) { LSTM(3, 4, {.reset_after = false}); }, {"lstm", "reset_after", "no meaning"}},
      {"gate_activation_of_rnn", [](Graph&) { RNN(3, 4, {.gate_activation = nn::Activation::relu}); }, {"rnn", "gate_activation"}},
      {"output_activation_of_gru", [](Graph&) { GRU(3, 4, {.output_activation = nn::Activation::relu}); }, {"gru", "output_activation"}},
      {"clip_cell_of_gru", [](Graph&) { GRU(3, 4, {.clip_cell = 1.0f}); }, {"gru", "clip_cell", "no meaning"}},
      {"clip_inputs_empty", [](Graph&) { LSTM(3, 4, {.clip_inputs = 0.0f}); }, {"lstm", "clip_inputs", "range"}},
      {"clip_cell_infinite", [](Graph&) { LSTM(3, 4, {.clip_cell = INFINITY}); }, {"lstm", "clip_cell", "finite"}},
      {"clip_state_swapped", [](Graph&) { LSTM(3, 4, {.clip_state = {{1.0f, -1.0f}}}); }, {"lstm", "clip_state", "1.0", "-1.0"}},
      {"merge_one_direction", [](Graph&) { LSTM(3, 4, {.merge = nn::Merge::sum}); }, {"lstm", "merge", "bidirectional"}},
      {"reverse_both_directions", [](Graph&) { LSTM(3, 4, {.bidirectional = true, .reverse = true}); }, {"lstm", "reverse", "bidirectional"}},
      {"forget_bias_of_gru", [](Graph&) { GRU(3, 4, {.forget_bias = 1.0f}); }, {"gru", "forget_bias", "forget gate"}},
      {"forget_bias_without_bias", [](Graph&) { LSTM(3, 4, {.bias = nn::Bias::none, .forget_bias = 1.0f}); }, {"lstm", "forget_bias", "Bias::none"}},
      {"forget_bias_nan", [](Graph&) { LSTM(3, 4, {.forget_bias = NAN}); }, {"lstm", "forget_bias", "finite"}},
      // Inputs.
      {"x_rank", [](Graph& g) { LSTM(3, 4)(g.input("x", {5, 3})); }, {"lstm", "[T, N, 3]", "[5, 3]"}},
      {"x_size", [](Graph& g) { IndRNN(3, 4)(g.input("x", {5, 2, 7})); }, {"indrnn", "[T, N, 3]", "[5, 2, 7]"}},
      {"x_type", [](Graph& g) { GRU(3, 4)(g.input("x", {5, 2, 3}, DType::u32)); }, {"gru", "f32", "u32 [5, 2, 3]"}},
      {"x_batch_first", [](Graph& g) { GRU(3, 4, {.batch_first = true})(g.input("x", {5, 2, 4})); }, {"gru", "[N, T, 3]", "[5, 2, 4]"}},
      {"x_empty", [](Graph&) { GRU(3, 4)(Tensor()); }, {"gru", "[T, N, 3]", "empty"}},
      {"lengths_count", [](Graph& g) { LSTM(3, 4)(sequence(g), {.lengths = g.input("n", {5}, DType::u32)}); }, {"lstm", "lengths", "[2]", "[5]"}},
      {"lengths_type", [](Graph& g) { LSTM(3, 4)(sequence(g), {.lengths = g.input("n", {2})}); }, {"lstm", "lengths", "u32 [2]", "f32 [2]"}},
      {"lengths_batch_first", [](Graph& g) { LSTM(3, 4, {.batch_first = true})(sequence(g), {.lengths = g.input("n", {2}, DType::u32)}); }, {"lstm", "lengths", "u32 [5]", "u32 [2]"}},
      {"mask_shape", [](Graph& g) { GRU(3, 4)(sequence(g), {.mask = g.input("m", {2, 5})}); }, {"gru", "mask", "[5, 2]", "[2, 5]"}},
      {"mask_rank", [](Graph& g) { GRU(3, 4)(sequence(g), {.mask = g.input("m", {5, 2, 1})}); }, {"gru", "mask", "[5, 2, 1]"}},
      {"weight_unknown", [](Graph& g) { RNN(3, 4)(sequence(g), {.weights = {{"weight_l0", g.input("w", {4, 3})}}}); }, {"rnn", "\"weight_l0\""}},
      {"weight_shape", [](Graph& g) { RNN(3, 4)(sequence(g), {.weights = {{"weight_ih_l0", g.input("w", {3, 4})}}}); }, {"rnn", "weight_ih_l0", "f32 [4, 3]", "f32 [3, 4]"}},
      {"mask_and_lengths", [](Graph& g) { RNN(3, 4)(sequence(g), {.lengths = g.input("n", {2}, DType::u32), .mask = g.input("m", {5, 2})}); }, {"rnn", "lengths", "mask", "not both"}},
      {"states_missing", [](Graph& g) { LSTM(3, 4).run(sequence(g), {.initial = {g.full({1, 2, 4}, 0)}}); }, {"lstm", "2 initial states", "got 1"}},
      {"states_too_many", [](Graph& g) { Tensor h = g.full({1, 2, 4}, 0); GRU(3, 4).run(sequence(g), {.initial = {h, h}}); }, {"gru", "1 initial states", "got 2"}},
      {"state_layers", [](Graph& g) { GRU(3, 4, {.layers = 2}).run(sequence(g), {.initial = {g.full({1, 2, 4}, 0)}}); }, {"gru", "state h", "[2, 2, 4]", "[1, 2, 4]"}},
      {"state_directions", [](Graph& g) { RNN(3, 4, {.bidirectional = true}).run(sequence(g), {.initial = {g.full({1, 2, 4}, 0)}}); }, {"rnn", "state h", "[2, 2, 4]", "[1, 2, 4]"}},
      {"state_projection", [](Graph& g) { Tensor s = g.full({1, 2, 4}, 0); LSTM(3, 4, {.projection = 2}).run(sequence(g), {.initial = {s, s}}); }, {"lstm", "state h", "[1, 2, 2]", "[1, 2, 4]"}},
      {"state_cell", [](Graph& g) { LSTM(3, 4).run(sequence(g), {.initial = {g.full({1, 2, 4}, 0), g.full({1, 2, 3}, 0)}}); }, {"lstm", "state c", "[1, 2, 4]", "[1, 2, 3]"}},
      {"state_empty", [](Graph& g) { GRU(3, 4).run(sequence(g), {.initial = {Tensor()}}); }, {"gru", "state h", "empty"}},
      {"states_given_and_carried", [](Graph& g) { GRU(3, 4).run(sequence(g), {.initial = {g.full({1, 2, 4}, 0)}, .carried = g.carried()}); }, {"gru", "carried", "not both"}},
      {"step_name", [](Graph& g) { (void)LSTM(3, 4).run(sequence(g)).step("z"); }, {"lstm", "\"z\"", "c, f, g, h, i, o"}},
      {"step_layer", [](Graph& g) { (void)GRU(3, 4).run(sequence(g)).step("z", 1); }, {"gru", "layer 1", "1 layers"}},
      {"step_direction", [](Graph& g) { (void)GRU(3, 4).run(sequence(g)).step("z", 0, true); }, {"gru", "backward", "1 direction"}},
      // Cells of one's own.
      {"cell_without_step", [](Graph&) { nn::Recurrent({.name = "mine"}, 3, 4); }, {"mine", "no step"}},
      {"cell_without_name", [](Graph&) { nn::Recurrent({}, 3, 4); }, {"recurrent", "name"}},
      {"cell_without_states", [](Graph&) { nn::Cell c = echo([](const nn::CellStep& s) { return s.input(); }); c.states = {}; nn::Recurrent(c, 3, 4); }, {"echo", "states"}},
      {"cell_states_returned", [](Graph& g) { nn::Recurrent(echo([](const nn::CellStep& s) { return std::vector<Tensor>{s.x, s.x}; }), 3, 4)(sequence(g)); }, {"echo", "returned 2 states", "has 1"}},
      {"cell_state_shape", [](Graph& g) { nn::Recurrent(echo([](const nn::CellStep& s) { return std::vector<Tensor>{s.x}; }), 3, 4)(sequence(g)); }, {"echo", "state h", "[2, 4]", "[2, 3]"}},
      {"cell_weight", [](Graph& g) { nn::Recurrent(echo([](const nn::CellStep& s) { return std::vector<Tensor>{s.weight("alpha")}; }), 3, 4)(sequence(g)); }, {"echo", "alpha", "weight_hh"}},
      {"cell_gate", [](Graph& g) { nn::Recurrent(echo([](const nn::CellStep& s) { return s.recurrent(1, 1); }), 3, 4)(sequence(g)); }, {"echo", "gates 1 to 2", "with 1"}},
      {"cell_weight_twice", [](Graph&) { nn::Cell c = echo([](const nn::CellStep& s) { return s.input(); }); c.weights = [](const nn::CellSizes&) { return std::vector<nn::CellWeight>{{"weight_ih", {4}}}; }; nn::Recurrent(c, 3, 4); }, {"echo", "two weights", "weight_ih"}},
      {"cell_weight_shape", [](Graph&) { nn::Cell c = echo([](const nn::CellStep& s) { return s.input(); }); c.weights = [](const nn::CellSizes&) { return std::vector<nn::CellWeight>{{"alpha", {0}}}; }; nn::Recurrent(c, 3, 4); }, {"echo", "alpha", "[0]"}},
      {"activation_shape", [](Graph& g) { RNN(3, 4, {.activation = [](Tensor a) { return sum(a); }})(sequence(g)); }, {"activation", "[2, 4]"}},
  };
  return all;
}
// clang-format on

TEST(RecurrentErrors, MistakesAreRefusedWithTheLayerTheOptionAndTheShapes) {
  EXPECT_GE(mistakes().size(), 30u);
  expect_refused(mistakes());
}

}  // namespace
}  // namespace volute::test
