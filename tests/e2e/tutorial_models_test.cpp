// Models of common tutorials in Volute's words: built, trained for a few steps, and better for it.

#include <gtest/gtest.h>

#include <volute/volute.hpp>

#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

/// The state after the last step [N, H].
Tensor last_output(Tensor outputs) {
  return reshape(slice(outputs, 0, -1, outputs.dim(0)), {outputs.dim(1), outputs.dim(2)});
}

// Keras: Sequential([Embedding(10000, 128), LSTM(256), Dense(10, activation="softmax")]), trained with
// sparse categorical cross-entropy, which is cross_entropy on the logits before the softmax.
TEST(TutorialModels, EmbeddingLstmDenseSoftmax) {
  manual_seed(1);
  const nn::Embedding embedding(10000, 128);
  const nn::LSTM lstm(128, 256);
  const nn::Linear dense(256, 10);
  const std::int64_t T = 12, N = 20;
  const auto logits = [&](Tensor x) { return dense(last_output(lstm(embedding(x)))); };  // [N, 10]

  Graph g;
  Tensor x = g.input("x", {T, N}, DType::u32), y = g.input("y", {N}, DType::u32);
  Tensor loss = cross_entropy(logits(x), y);
  Program train = device().compile(g, minimize(loss, Adam{.lr = 1e-3f}));

  Graph inference(Mode::inference);
  Tensor words = inference.input("x", {T, N}, DType::u32);
  Tensor probabilities = softmax(logits(words)), label = argmax(probabilities);
  Program predict = device().compile(inference, {probabilities, label});

  // The class is the last word's bucket of a thousand.
  const auto xs = random_indices(static_cast<std::size_t>(T * N), 3, 10000);
  std::vector<std::uint32_t> ys;
  for (std::int64_t n = 0; n < N; ++n) ys.push_back(xs[static_cast<std::size_t>((T - 1) * N + n)] / 1000);
  train.run({{x, xs}, {y, ys}});
  EXPECT_NEAR(train.value(loss), std::log(10.0), 0.3);
  for (int step = 0; step < 25; ++step) train.run({{x, xs}, {y, ys}});
  EXPECT_LT(train.value(loss), 0.3);

  predict.run({{words, xs}});
  EXPECT_GE(metrics::accuracy(predict.read_u32(label), ys), 0.95);
  const std::vector<float> p = predict.read(probabilities);
  for (std::int64_t n = 0; n < N; ++n) {
    double sum = 0;
    for (int c = 0; c < 10; ++c) sum += p[static_cast<std::size_t>(n * 10 + c)];
    EXPECT_NEAR(sum, 1, 1e-5);
  }
}

}  // namespace
}  // namespace volute::test
