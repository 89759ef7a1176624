// How much of the exchange of gradients is hidden behind the backward pass: two layers of 512, two ranks, a network of
// 100 MB/s. Prints it; asks for half, since other programs may take the processors meanwhile.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include <volute/nn.hpp>
#include <volute/optim.hpp>

#include "tests/support/arguments.hpp"
#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// What a rank sends and receives takes as long as it would at so many bytes a second in each direction.
class Throttled : public Communicator {
 public:
  Throttled(std::shared_ptr<Communicator> world, double rate) : world_(std::move(world)), rate_(rate) {}

  int rank() const override { return world_->rank(); }
  int size() const override { return world_->size(); }
  void all_to_all(std::span<const std::span<const std::byte>> send,
                  std::span<const std::span<std::byte>> receive) override {
    std::size_t out = 0, in = 0;
    for (int r = 0; r < size(); ++r)
      if (r != rank()) out += send[static_cast<std::size_t>(r)].size(), in += receive[static_cast<std::size_t>(r)].size();
    spend(std::max(out, in), [&] { world_->all_to_all(send, receive); });
  }
  void all_gather(std::span<const std::span<std::byte>> blocks) override {
    std::size_t in = 0;
    for (int r = 0; r < size(); ++r)
      if (r != rank()) in += blocks[static_cast<std::size_t>(r)].size();
    const std::size_t out = blocks[static_cast<std::size_t>(rank())].size() * static_cast<std::size_t>(size() - 1);
    spend(std::max(out, in), [&] { world_->all_gather(blocks); });
  }
  double seconds = 0;  ///< spent so far

 private:
  template <class Work>
  void spend(std::size_t bytes, Work work) {
    const auto start = Clock::now();
    work();
    std::this_thread::sleep_until(start + std::chrono::duration_cast<Clock::duration>(
                                              std::chrono::duration<double>(static_cast<double>(bytes) / rate_)));
    seconds += since(start);
  }

  std::shared_ptr<Communicator> world_;
  double rate_;
};

struct Model {
  static constexpr std::int64_t T = 48, N = 16, C = 64, H = 512;

  Model() : lstm((manual_seed(1), C), H, {.layers = 2}), head(H, C) {
    x = g.input("x", {T, N, C});
    const Tensor difference = head(lstm(x)) - x;
    targets = minimize(mean(difference * difference), Adam{}, {.clip_norm = 1.0f});
  }

  nn::LSTM lstm;
  nn::Linear head;
  Graph g;
  Tensor x;
  Targets targets;
};

TEST(Overlap, HidesTheExchangeBehindTheBackwardPass) {
  const auto world = mpi_world();
  if (world->size() != 2) GTEST_SKIP() << "for two ranks";
  const int steps = test::count_argument("steps", 5);
  const auto network = std::make_shared<Throttled>(world, 100e6);
  Model with_model, without_model;
  const auto xs = test::random_values(Model::T * Model::N * Model::C, static_cast<std::uint32_t>(world->rank()));
  Program with = test::device().compile(with_model.g, with_model.targets, network),
          without = test::device().compile(without_model.g, without_model.targets);
  std::vector<double> with_times, without_times, exchanges;
  for (int step = 0; step < steps + 2; ++step) {  // the first two measure parts, and let the driver compile
    world->sum({});
    auto start = Clock::now();
    without.run({{without_model.x, xs}});
    without.wait();
    const double alone = since(start), before = network->seconds;
    world->sum({});
    start = Clock::now();
    with.run({{with_model.x, xs}});
    with.wait();
    if (step < 2) continue;
    with_times.push_back(since(start));
    without_times.push_back(alone);
    exchanges.push_back(network->seconds - before);
  }
  const double exchange = median(exchanges), exposed = median(with_times) - median(without_times);
  const double hidden = 1 - exposed / exchange;
  if (world->rank() == 0)
    std::printf("step %.0f ms, without exchange %.0f ms; exchange of %.1f MB in %d buckets %.0f ms, %.0f %% hidden\n",
                1e3 * median(with_times), 1e3 * median(without_times),
                static_cast<double>(with.stats().exchange_bytes) / 1e6, with.stats().exchanges, 1e3 * exchange,
                100 * hidden);
  EXPECT_GT(hidden, 0.5);
}

}  // namespace
}  // namespace volute
