// Masked steps: what x holds there changes no bit of any output or gradient, NaN and infinity included.
// Invariant: two runs that differ in padding alone are equal bit by bit.

#include <bit>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "engine/check/recurrent_case.hpp"
#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

using check::CellKind;
using check::Masking;
using check::RecurrentCase;
using check::Setting;
using check::Start;

// clang-format off
const std::vector<Setting>& settings() {
  using enum CellKind;
  static const std::vector<Setting> all = {
      {.kind = lstm, .masking = Masking::lengths, .start = Start::fed, .note = "lstm"},
      {.kind = lstm, .options = {.layers = 2, .bidirectional = true, .projection = 3}, .masking = Masking::lengths, .note = "projection"},
      {.kind = lstm, .options = {.peepholes = true, .layer_norm = true, .zoneout = 0.3f}, .masking = Masking::mask_u32, .note = "layer norm"},
      {.kind = lstm, .options = {.layers = 2, .dropout = 0.3f, .bidirectional = true, .masked = nn::Masked::repeat, .drop_connect = 0.2f,
        .recurrent_dropout = 0.3f}, .masking = Masking::mask_f32, .note = "dropouts"},
      {.kind = gru, .options = {.reverse = true, .batch_first = true}, .masking = Masking::lengths, .note = "gru"},
      {.kind = gru, .options = {.bidirectional = true, .merge = nn::Merge::mul, .reset_after = false}, .masking = Masking::mask_f32, .note = "reset before"},
      {.kind = rnn, .options = {.activation = nn::Activation::relu, .clip_state = 0.5f}, .masking = Masking::lengths, .note = "rnn"},
      {.kind = indrnn, .options = {.layer_norm = true}, .masking = Masking::lengths, .note = "indrnn"},
      {.kind = mingru, .options = {.layers = 2}, .masking = Masking::lengths, .start = Start::fed, .note = "mingru"},
      {.kind = minlstm, .options = {.bidirectional = true}, .masking = Masking::mask_u32, .note = "minlstm"},
      {.kind = custom, .options = {.zoneout = 0.2f}, .masking = Masking::lengths, .note = "custom"},
  };
  return all;
}
// clang-format on

TEST(Masks, PaddingChangesNoBit) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const Setting& setting : settings()) {
    SCOPED_TRACE(setting.note);
    std::vector<std::vector<float>> first;
    for (const float padding : {0.25f, -1e30f, std::nanf(""), infinity}) {
      RecurrentCase c(setting, 5);
      c.set_padding(padding);
      const auto values = c.on_device(device());
      for (std::size_t i = 0; i < values.size(); ++i)
        for (std::size_t k = 0; k < values[i].size(); ++k) {
          ASSERT_TRUE(std::isfinite(values[i][k])) << c.names()[i] << "[" << k << "] with padding " << padding;
          if (c.names()[i] == "grad.x" && c.is_padding(k)) { EXPECT_EQ(values[i][k], 0.0f) << k; }
          if (!first.empty()) {
            ASSERT_EQ(std::bit_cast<std::uint32_t>(values[i][k]), std::bit_cast<std::uint32_t>(first[i][k]))
                << c.names()[i] << "[" << k << "] with padding " << padding;
          }
        }
      if (first.empty()) first = values;
    }
  }
}

/// Outputs [T, N, H] and last state [1, N, H] of a GRU over one sequence, masked as given.
struct Masked {
  Reference::Values outputs, last;
};

Masked run_masked(nn::Masked semantics, const std::vector<double>& mask, bool reverse) {
  manual_seed(3);
  const std::int64_t T = 4, H = 2;
  const nn::GRU gru(2, H, {.reverse = reverse, .masked = semantics});
  Graph g;
  Tensor x = g.input("x", {T, 1, 2}), m = g.input("mask", {T, 1}), h0 = g.input("h0", {1, 1, H});
  const nn::RecurrentResult result = gru.run(x, {.initial = {h0}, .mask = m});
  Reference reference;
  reference.set(x, widen(random_values(8, 1)));
  reference.set(m, mask);
  reference.set(h0, {0.5, -0.25});
  const auto values = reference.evaluate({result.outputs, result.last[0]});
  return {values[0], values[1]};
}

Reference::Values at(const Reference::Values& v, std::size_t t) { return {v[2 * t], v[2 * t + 1]}; }

TEST(Masks, KerasRepeatsTheLastOutputAndPyTorchGivesZero) {
  const Reference::Values zero = {0, 0};
  const Masked keras = run_masked(nn::Masked::repeat, {0, 1, 0, 1}, false);
  EXPECT_EQ(at(keras.outputs, 0), zero) << "nothing came out yet, whatever the initial state";
  EXPECT_EQ(at(keras.outputs, 2), at(keras.outputs, 1));
  EXPECT_NE(at(keras.outputs, 3), at(keras.outputs, 1));
  EXPECT_EQ(keras.last, at(keras.outputs, 3));
  const Masked packed = run_masked(nn::Masked::zero, {1, 1, 0, 0}, false);
  EXPECT_EQ(at(packed.outputs, 2), zero);
  EXPECT_EQ(packed.last, at(packed.outputs, 1)) << "the last valid state";
  const Masked backward = run_masked(nn::Masked::zero, {1, 1, 0, 0}, true);
  EXPECT_EQ(at(backward.outputs, 3), zero);
  EXPECT_NE(at(backward.outputs, 1), zero) << "reverse starts at the last valid step";
  EXPECT_EQ(backward.last, at(backward.outputs, 0));
  const Masked nothing = run_masked(nn::Masked::zero, {0, 0, 0, 0}, false);
  EXPECT_EQ(nothing.last, (Reference::Values{0.5, -0.25})) << "a sequence without steps keeps its first state";
}

}  // namespace
}  // namespace volute::test
