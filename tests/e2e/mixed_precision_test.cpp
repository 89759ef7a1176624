// A character model learns the project's README in f16 and bf16 about as well as in f32.
// Invariant: same initial weights, batches and held-out text for all; the f16 run meets a loss scale far too high at
// first and recovers by itself.
#include <gtest/gtest.h>

#include <volute/volute.hpp>

#include "tests/support/device.hpp"

namespace volute::test {
namespace {

constexpr std::int64_t T = 24, N = 16;

/// Mean held-out loss after training, nats per character.
double trained(Precision precision, std::optional<LossScale> scale, float* skipped = nullptr) {
  manual_seed(3);
  auto text = data::Text::load({std::string(VOLUTE_SOURCE_DIR) + "/README.md"});
  nn::Embedding embed(text.vocab(), 16);
  nn::LSTM lstm(16, 48);
  nn::Linear head(48, text.vocab());
  data::Streams streams(text.train(), T, N), held_out(text.validation(), T, 4);
  const auto program_for = [&](std::int64_t batch, bool train, Tensor& x, Tensor& y, Tensor& loss) {
    Graph g(train ? Mode::training : Mode::inference);
    x = g.input("x", {T, batch}, DType::u32);
    y = g.input("y", {T, batch}, DType::u32);
    loss = cross_entropy(head(lstm(embed(x), g.carried())), y);
    if (train)
      return std::pair(g, device().compile(g, minimize(loss, Adam{.lr = 5e-3f}, {.clip_norm = 1.0f,
                                                                                   .precision = precision,
                                                                                   .loss_scale = scale})));
    Targets targets(loss);
    targets.precision = precision;
    return std::pair(g, device().compile(g, targets));
  };
  Tensor x, y, loss, vx, vy, validation;
  auto [train_graph, train] = program_for(N, true, x, y, loss);
  auto [check_graph, check] = program_for(4, false, vx, vy, validation);
  for (int step = 0; step < 300; ++step) {
    if (step % streams.pieces() == 0) train.reset("lstm.");
    const auto [xs, ys] = streams.batch(step);
    train.run({{x, xs}, {y, ys}});
  }
  if (skipped) *skipped = train.read_state("loss_scale.skipped")[0];
  double sum = 0;
  for (int piece = 0; piece < held_out.pieces(); ++piece) {
    const auto [xs, ys] = held_out.batch(piece);
    check.run({{vx, xs}, {vy, ys}});
    sum += static_cast<double>(check.value(validation));
  }
  return sum / static_cast<double>(held_out.pieces());
}

TEST(MixedPrecision, LearnsAsWellAsF32) {
  const double f32 = trained(Precision::f32, {}), bf16 = trained(Precision::bf16, {});
  float skipped = 0;
  const double f16 = trained(Precision::f16, LossScale{.initial = 0x1p32f, .interval = 100}, &skipped);
  RecordProperty("losses", std::to_string(f32) + " " + std::to_string(f16) + " " + std::to_string(bf16));
  EXPECT_LT(f32, 2.6) << "the model must have learned something: characters alone give about 3.3 nats";
  EXPECT_NEAR(f16, f32, 0.02 * f32);
  EXPECT_NEAR(bf16, f32, 0.02 * f32);
  EXPECT_GT(skipped, 3);
  EXPECT_LT(skipped, 60);
}

}  // namespace
}  // namespace volute::test
