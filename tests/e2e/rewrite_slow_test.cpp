// The encoder-decoder learns: short strings of few letters into their reverse, held-out strings decoded
// greedily and with a beam. Training for all lengths and for dates is the sample's, samples/rewrite.

#include <chrono>
#include <iostream>

#include <gtest/gtest.h>

#include <volute/volute.hpp>

#include "samples/rewrite/tasks.hpp"
#include "tests/support/device.hpp"

namespace volute::test {
namespace {

using namespace rewrite;

TEST(Rewrite, LearnsToReverse) {
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  const Reverse task(3, 6, 10);
  manual_seed(1);
  const nn::Seq2Seq model({.source_vocabulary = vocabulary, .target_vocabulary = vocabulary, .embed = 16, .hidden = 48,
                           .padding = padding, .begin = begin, .end = end});
  const std::int64_t S = task.longest_source(), T = task.longest_target() + 1, N = 64;
  Graph g;
  Tensor source = g.input("source", {S, N}, DType::u32);
  Tensor inputs = g.input("inputs", {T, N}, DType::u32), targets = g.input("targets", {T, N}, DType::u32);
  Tensor loss = model.loss(source, inputs, targets);
  Program train = device().compile(g, minimize(loss, Adam{.lr = 4e-3f}, {.clip_norm = 1.0f}));
  nn::Translator translator(device(), model, S, 100, T);
  const std::vector<Example> examples = held_out(task, 5, 200);
  const auto exact = [&] {
    std::vector<Tokens> sources;
    for (const Example& e : examples) sources.push_back(encode(e.source));
    const auto got = translator.greedy(sources);
    int right = 0;
    for (std::size_t i = 0; i < got.size(); ++i) right += decode(got[i]) == examples[i].target;
    return right / static_cast<double>(got.size());
  };
  std::mt19937 random(1);
  double best = 0;
  int step = 0;
  while (best < 0.97 && elapsed() < 55) {
    for (int i = 0; i < 50; ++i, ++step) {
      const Batch batch(task, random, N);
      train.run({{source, batch.source}, {inputs, batch.inputs}, {targets, batch.targets}});
    }
    best = exact();
  }
  std::cout << "exact match " << best << " after " << step << " steps, " << elapsed() << " s\n";
  EXPECT_GE(best, 0.97);
  int right = 0;
  nn::Translator beam(device(), model, S, 4, T);
  for (int i = 0; i < 20; ++i) right += decode(beam.beam(encode(examples[i].source))[0].tokens) == examples[i].target;
  EXPECT_GE(right, 18);
}

}  // namespace
}  // namespace volute::test
