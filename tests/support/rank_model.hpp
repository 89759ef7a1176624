// A model that ranks train together, each on rows of its own, and one device on all of them: for tests that ask for the
// same bits. Invariant: row n of a batch is the same numbers whoever gets it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include <volute/nn.hpp>
#include <volute/optim.hpp>

#include "engine/compile/program_data.hpp"
#include "tests/support/bits.hpp"
#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute::test {

/// Two LSTM layers that learn to follow random values.
struct RankModel {
  static constexpr std::int64_t T = 5, C = 3, H = 7;

  RankModel(std::int64_t n, MinimizeOptions options)
      : N(n), lstm((manual_seed(3), C), H, {.layers = 2}), head(H, 2) {
    x = g.input("x", {T, N, C});
    y = g.input("y", {T, N, 2});
    mask = g.input("mask", {T, N});
    count = sum(mask);
    const Tensor difference = head(lstm(x)) - y;
    loss = sum(sum(difference * difference, {-1}) * mask) / count;
    if (options.weight) options.weight = count;
    shown = mean_over_ranks(loss, count);
    targets = minimize(loss, Adam{.lr = 1e-2f}, options);
    targets.outputs.push_back(shown);
  }

  /// Rows first to first + N - 1 of all, of which row n has its first 1 + n % T steps, or all.
  std::vector<Feed> feeds(int step, std::int64_t first, bool ragged) {
    xs.assign(static_cast<std::size_t>(T * N * C), 0);
    ys.assign(static_cast<std::size_t>(T * N * 2), 0);
    masks.assign(static_cast<std::size_t>(T * N), 0);
    for (std::int64_t n = 0; n < N; ++n) {
      const auto seed = static_cast<std::uint32_t>(100 * step + first + n);
      const auto row = random_values(T * C, seed), target = random_values(T * 2, seed + 50);
      for (std::int64_t t = 0; t < T; ++t) {
        for (std::int64_t c = 0; c < C; ++c) xs[(t * N + n) * C + c] = row[t * C + c];
        for (std::int64_t c = 0; c < 2; ++c) ys[(t * N + n) * 2 + c] = target[t * 2 + c];
        masks[t * N + n] = !ragged || t <= (first + n) % T ? 1.0f : 0.0f;
      }
    }
    return {{x, xs}, {y, ys}, {mask, masks}};
  }
  std::vector<std::uint32_t> weights() const { return bits_of({&lstm, &head}); }

  std::int64_t N;
  nn::LSTM lstm;
  nn::Linear head;
  Graph g;
  Tensor x, y, mask, count, loss, shown;
  Targets targets;
  std::vector<float> xs, ys, masks;
};

/// A weight that the model replaces by its own.
inline Tensor some_weight() {
  static Graph g;
  static const Tensor weight = g.full({}, 1.0f);
  return weight;
}

struct Trained {
  std::vector<std::uint32_t> weights;
  std::vector<float> losses;
};

struct Way {
  int steps = 6;
  CompileOptions compile = {};
  MinimizeOptions minimize = {.clip_norm = 0.5f};
  bool ragged = false;
  bool in_parts = false;
};

/// The rank's part: N rows from N rank() on.
inline Trained train_rank(RankModel& model, const std::shared_ptr<Communicator>& world, const Way& way) {
  CompileOptions options = way.compile;
  options.communicator = world;
  Program program = compile_program(device().data(), model.g, model.targets, options);
  Trained trained;
  for (int step = 0; step < way.steps; ++step) {
    const auto feeds = model.feeds(step, world->rank() * model.N, way.ragged);
    if (way.in_parts) {
      program.begin(feeds);
      while (!program.advance(std::chrono::microseconds(50)).finished) std::this_thread::yield();
    } else {
      program.run(feeds);
    }
    trained.losses.push_back(program.value(model.shown));
  }
  trained.weights = model.weights();
  return trained;
}

/// One device that takes the ranks' batches one after the other.
inline std::vector<std::uint32_t> accumulate(int ranks, std::int64_t N, const Way& way) {
  MinimizeOptions options = way.minimize;
  options.accumulate = ranks;
  RankModel model(N, options);
  Program program = compile_program(device().data(), model.g, model.targets, way.compile);
  for (int step = 0; step < way.steps; ++step)
    for (int r = 0; r < ranks; ++r) program.run(model.feeds(step, r * N, way.ragged));
  program.wait();
  return model.weights();
}

}  // namespace volute::test
