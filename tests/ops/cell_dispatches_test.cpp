// Every option stays on the fast path: dispatches a time step, forward and backward, with the option on, next
// to the plain cell. Invariant: the limits are what the option's maths needs: a product or a reduction the
// plain cell has not got, and one kernel between products that depend on each other.

#include <cstdio>

#include <gtest/gtest.h>

#include <volute/volute.hpp>

#include "engine/compile/program_data.hpp"
#include "tests/support/device.hpp"

namespace volute::test {
namespace {

enum class Kind { lstm, gru, rnn, indrnn, mingru, minlstm };
enum class Feed { none, lengths, mask, states, carried };

struct Row {
  const char* name;
  Kind kind;
  nn::RecurrentOptions options;
  Feed feed;
  int forward, backward;  ///< dispatches a step, of one direction of one layer
};

nn::Recurrent make(Kind kind, const nn::RecurrentOptions& o) {
  const std::int64_t I = 12, H = 16;
  switch (kind) {
    case Kind::lstm: return nn::LSTM(I, H, o);
    case Kind::gru: return nn::GRU(I, H, o);
    case Kind::rnn: return nn::RNN(I, H, o);
    case Kind::indrnn: return nn::IndRNN(I, H, o);
    case Kind::mingru: return nn::MinGRU(I, H, o);
    default: return nn::MinLSTM(I, H, o);
  }
}

/// A training step's graph: loss, gradients of x and every parameter.
Program compile(const Row& row) {
  const std::int64_t T = 5, N = 4;
  const nn::Recurrent layer = make(row.kind, row.options);
  Graph g;
  const bool batch_first = row.options.batch_first;
  Tensor x = g.input("x", batch_first ? Shape{N, T, 12} : Shape{T, N, 12});
  nn::RecurrentInputs in;
  if (row.feed == Feed::lengths) in.lengths = g.input("lengths", {N}, DType::u32);
  if (row.feed == Feed::mask) in.mask = g.input("mask", batch_first ? Shape{N, T} : Shape{T, N});
  if (row.feed == Feed::carried) in.carried = g.carried();
  std::vector<Tensor> wrt = {x};
  if (row.feed == Feed::states) {
    const std::int64_t rows = row.options.layers * (row.options.bidirectional ? 2 : 1);
    in.initial.push_back(g.input("h0", {rows, N, row.options.projection ? row.options.projection : 16}));
    if (row.kind == Kind::lstm) in.initial.push_back(g.input("c0", {rows, N, 16}));
    wrt.insert(wrt.end(), in.initial.begin(), in.initial.end());
  }
  Tensor out = layer.run(x, in).outputs;
  Tensor loss = sum(out * out);
  for (const Parameter& p : layer.parameters()) wrt.push_back(g.parameter(p));
  std::vector<Tensor> outputs = gradients(loss, wrt);
  outputs.push_back(loss);
  return compile_program(device().data(), g, Targets(outputs), {.scans = Scans::unrolled});
}

// clang-format off
const std::vector<Row>& rows() {
  using enum Kind;
  using nn::Activation;
  static const std::vector<Row> all = {
      {"LSTM", lstm, {}, Feed::none, 1, 1},
      {"LSTM peepholes", lstm, {.peepholes = true}, Feed::none, 1, 1},
      {"LSTM projection", lstm, {.projection = 8}, Feed::none, 2, 2},
      {"LSTM coupled", lstm, {.coupled = true}, Feed::none, 1, 1},
      {"LSTM activation relu", lstm, {.activation = Activation::relu}, Feed::none, 1, 1},
      {"LSTM gate_activation hard_sigmoid", lstm, {.gate_activation = Activation::hard_sigmoid}, Feed::none, 1, 1},
      {"LSTM activation x / (1 + x^2)", lstm, {.activation = [](Tensor x) { return x / (1.0f + x * x); }}, Feed::none, 1, 1},
      {"LSTM clip_inputs", lstm, {.clip_inputs = 3.0f}, Feed::none, 1, 1},
      {"LSTM clip_cell", lstm, {.clip_cell = 1.0f}, Feed::none, 1, 1},
      {"LSTM clip_state", lstm, {.clip_state = 0.5f}, Feed::none, 1, 1},
      {"LSTM layer_norm", lstm, {.layer_norm = true}, Feed::none, 2, 2},
      {"LSTM zoneout", lstm, {.zoneout = 0.1f}, Feed::none, 1, 1},
      {"LSTM zoneout_cell", lstm, {.zoneout_cell = 0.1f}, Feed::none, 1, 1},
      {"LSTM drop_connect", lstm, {.drop_connect = 0.3f}, Feed::none, 1, 1},
      {"LSTM recurrent_dropout", lstm, {.recurrent_dropout = 0.3f}, Feed::none, 1, 1},
      {"LSTM recurrent_dropout, one mask", lstm, {.recurrent_dropout = 0.3f, .recurrent_variational = true}, Feed::none, 1, 1},
      {"LSTM bias single", lstm, {.bias = nn::Bias::single}, Feed::none, 1, 1},
      {"LSTM bias none", lstm, {.bias = nn::Bias::none}, Feed::none, 1, 1},
      {"LSTM lengths", lstm, {}, Feed::lengths, 1, 1},
      {"LSTM mask", lstm, {}, Feed::mask, 1, 1},
      {"LSTM lengths, masked repeat", lstm, {.masked = nn::Masked::repeat}, Feed::lengths, 1, 1},
      {"LSTM lengths, reverse", lstm, {.reverse = true}, Feed::lengths, 1, 1},
      {"LSTM states fed", lstm, {}, Feed::states, 1, 1},
      {"LSTM states carried", lstm, {}, Feed::carried, 1, 1},
      {"LSTM states learned", lstm, {.learned_states = true}, Feed::none, 1, 1},
      {"LSTM batch_first", lstm, {.batch_first = true}, Feed::none, 1, 1},
      {"LSTM 2 layers, dropout", lstm, {.layers = 2, .dropout = 0.2f}, Feed::none, 1, 1},
      {"LSTM 2 layers, variational dropout", lstm, {.layers = 2, .dropout = 0.2f, .variational = true}, Feed::none, 1, 1},
      {"LSTM bidirectional", lstm, {.bidirectional = true}, Feed::none, 1, 1},
      {"LSTM bidirectional, sum, lengths", lstm, {.layers = 2, .bidirectional = true, .merge = nn::Merge::sum}, Feed::lengths, 1, 1},
      {"LSTM peepholes, clips, zoneout, dropouts, lengths", lstm,
       {.peepholes = true, .clip_inputs = 3.0f, .clip_cell = 1.0f, .clip_state = 0.5f, .zoneout = 0.1f, .zoneout_cell = 0.1f,
        .drop_connect = 0.3f, .recurrent_dropout = 0.3f}, Feed::lengths, 1, 2},
      {"GRU", gru, {}, Feed::none, 1, 1},
      {"GRU reset before", gru, {.reset_after = false}, Feed::none, 2, 2},
      {"GRU layer_norm", gru, {.layer_norm = true}, Feed::none, 2, 2},
      {"GRU zoneout, recurrent_dropout, lengths", gru, {.zoneout = 0.1f, .recurrent_dropout = 0.3f}, Feed::lengths, 1, 1},
      {"GRU lengths", gru, {}, Feed::lengths, 1, 1},
      {"RNN", rnn, {}, Feed::none, 1, 1},
      {"RNN relu, clip_state, lengths", rnn, {.activation = Activation::relu, .clip_state = 2.0f}, Feed::lengths, 1, 1},
      {"RNN projection", rnn, {.projection = 8}, Feed::none, 2, 2},
      {"IndRNN", indrnn, {}, Feed::none, 1, 1},
      {"IndRNN layer_norm, zoneout, lengths", indrnn, {.layer_norm = true, .zoneout = 0.1f}, Feed::lengths, 1, 1},
      {"minGRU", mingru, {}, Feed::none, 1, 1},
      {"minGRU lengths", mingru, {}, Feed::lengths, 1, 1},
      {"minLSTM", minlstm, {}, Feed::none, 1, 1},
      {"minLSTM layer_norm, zoneout", minlstm, {.layer_norm = true, .zoneout = 0.1f}, Feed::none, 1, 1},
  };
  return all;
}
// clang-format on

TEST(CellDispatches, NoOptionAddsMoreThanItsMathsNeeds) {
  std::printf("| %-50s | forward | backward |\n", "cell, options");
  for (const Row& row : rows()) {
    SCOPED_TRACE(row.name);
    const Program program = compile(row);
    const int directions = row.options.bidirectional ? 2 : 1;
    const std::size_t loops = static_cast<std::size_t>(row.options.layers * directions);
    ASSERT_EQ(program.stats().loops.size(), 2 * loops);
    int forward = 0, backward = 0;  // the worst; forward loops come first
    for (std::size_t i = 0; i < 2 * loops; ++i) {
      int& worst = i < loops ? forward : backward;
      worst = std::max(worst, program.stats().loops[i].dispatches_per_step);
    }
    std::printf("| %-50s | %d | %d |\n", row.name, forward, backward);
    EXPECT_LE(forward, row.forward) << program.explain();
    EXPECT_LE(backward, row.backward) << program.explain();
  }
}

}  // namespace
}  // namespace volute::test
