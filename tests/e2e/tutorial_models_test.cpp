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

// PyTorch: Embedding(10000, 300, padding_idx=1) -> Dropout(0.5) -> LSTM(300, 500, num_layers=2, bidirectional,
// dropout=0.5) over packed, unsorted lengths -> the last states of both directions -> Dropout -> Linear(2).
TEST(TutorialModels, BidirectionalClassifierOverUnsortedLengths) {
  manual_seed(2);
  const nn::Embedding embedding(10000, 300, {.padding = 1});
  const nn::LSTM lstm(300, 500, {.layers = 2, .dropout = 0.5f, .bidirectional = true});
  const nn::Linear head(2 * 500, 2);
  const nn::Dropout dropout(0.5f);
  const std::int64_t T = 9, N = 6;
  const auto logits = [&](Tensor x, Tensor lengths) {
    return head(dropout(lstm.run(dropout(embedding(x)), {.lengths = lengths}).last_output));  // [N, 2]
  };

  Graph g;
  Tensor x = g.input("x", {T, N}, DType::u32), lengths = g.input("lengths", {N}, DType::u32);
  Tensor y = g.input("y", {N}, DType::u32);
  Tensor loss = cross_entropy(logits(x, lengths), y);
  Program train = device().compile(g, minimize(loss, Adam{.lr = 1e-3f}));

  Graph inference(Mode::inference);
  Tensor words = inference.input("x", {T, N}, DType::u32), sizes = inference.input("lengths", {N}, DType::u32);
  Tensor label = argmax(logits(words, sizes));
  Program predict = device().compile(inference, {label});

  const std::vector<std::uint32_t> counts{4, 9, 2, 7, 1, 5}, ys{0, 1, 0, 1, 0, 1};
  auto xs = random_indices(static_cast<std::size_t>(T * N), 5, 10000);
  for (std::int64_t n = 0; n < N; ++n)
    for (std::int64_t t = counts[static_cast<std::size_t>(n)]; t < T; ++t) xs[static_cast<std::size_t>(t * N + n)] = 1;
  const auto padding_row = [&] {
    const auto values = embedding.parameters()[0].values();
    return std::vector<float>(values.begin() + 300, values.begin() + 600);
  };
  EXPECT_EQ(padding_row(), std::vector<float>(300, 0.0f));
  for (int step = 0; step < 12; ++step) train.run({{x, xs}, {lengths, counts}, {y, ys}});
  EXPECT_LT(train.value(loss), 0.3);
  EXPECT_EQ(padding_row(), std::vector<float>(300, 0.0f)) << "the padding row is not trained";

  predict.run({{words, xs}, {sizes, counts}});
  EXPECT_EQ(predict.read_u32(label), ys);
  for (std::int64_t n = 0; n < N; ++n)  // what stands in the padding is never looked at
    for (std::int64_t t = counts[static_cast<std::size_t>(n)]; t < T; ++t) xs[static_cast<std::size_t>(t * N + n)] = 77;
  predict.run({{words, xs}, {sizes, counts}});
  EXPECT_EQ(predict.read_u32(label), ys);
}

}  // namespace
}  // namespace volute::test
