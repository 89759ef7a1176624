// How much of the exchange of gradients is hidden behind the backward pass: two layers of 512, two ranks, a network of
// 100 MB/s. Steps take turns with that network and with one that takes no time, in the same program: what the host's
// own work costs, which shares the processors with the device here, is in both. Asks for half, since other programs
// may take the processors meanwhile.
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
  explicit Throttled(std::shared_ptr<Communicator> world) : world_(std::move(world)) {}

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
  double rate = 0;     ///< bytes/s; 0: no bound
  double seconds = 0;  ///< that such a network was busy so far

 private:
  template <class Work>
  void spend(std::size_t bytes, Work work) {
    const auto start = Clock::now();
    work();
    const std::chrono::duration<double> least(rate > 0 ? static_cast<double>(bytes) / rate : 0);
    std::this_thread::sleep_until(start + std::chrono::duration_cast<Clock::duration>(least));
    seconds += least.count();
  }

  std::shared_ptr<Communicator> world_;
};

struct Model {
  static constexpr std::int64_t T = 48, N = 16, H = 512, C = H;

  Model() : lstm((manual_seed(1), C), H, {.layers = 2}), head(H, C) {
    x = g.input("x", {T, N, C});
    const Tensor difference = head(lstm(x)) - x;
    const MinimizeOptions options{.clip_norm = 1.0f, .weight = g.full({}, static_cast<float>(N))};
    targets = minimize(mean(difference * difference), Adam{}, options);
  }

  nn::LSTM lstm;
  nn::Linear head;
  Graph g;
  Tensor x;
  Targets targets;
};

TEST(Overlap, HidesTheExchangeBehindTheBackwardPass) {
  const auto world = mpi_world();
  ASSERT_EQ(world->size(), 2) << "mpirun -n 2";
  const int rounds = test::count_argument("rounds", 5);
  const auto network = std::make_shared<Throttled>(world);
  Model with_model, without_model;
  const auto xs = test::random_values(Model::T * Model::N * Model::C, static_cast<std::uint32_t>(world->rank()));
  Program with = test::device().compile(with_model.g, with_model.targets, network),
          without = test::device().compile(without_model.g, without_model.targets);
  struct Step {
    double seconds, network;
  };
  const auto step = [&](Program& program, Model& model, double rate) {
    world->barrier();
    network->rate = rate;
    const double before = network->seconds;
    const auto start = Clock::now();
    program.run({{model.x, xs}});
    program.wait();
    return Step{since(start), network->seconds - before};
  };
  std::vector<double> alone, steps, busy, exposed;
  for (int round = 0; round < rounds + 2; ++round) {  // the first two measure parts, and let the driver compile
    const Step plain = step(without, without_model, 0), fast = step(with, with_model, 0),
               slow = step(with, with_model, 100e6);
    if (round < 2) continue;
    alone.push_back(plain.seconds);
    steps.push_back(slow.seconds);
    busy.push_back(slow.network);
    exposed.push_back(slow.seconds - fast.seconds);
  }
  const double hidden = 1 - median(exposed) / median(busy);
  double bytes = 0;
  for (const ProgramStats::Bucket& bucket : with.stats().buckets) bytes += static_cast<double>(bucket.bytes);
  if (world->rank() == 0)
    std::printf("step %.0f ms, without exchange %.0f ms; %.1f MB in %zu buckets keep the network busy for %.0f ms, of which"
                " %.0f %% are hidden\n", 1e3 * median(steps), 1e3 * median(alone), bytes / 1e6,
                with.stats().buckets.size(), 1e3 * median(busy), 100 * hidden);
  EXPECT_GT(hidden, 0.5);
}

}  // namespace
}  // namespace volute
