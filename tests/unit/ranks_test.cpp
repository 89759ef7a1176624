// Programs of several ranks: what they train is what one device trains that accumulates the ranks' batches in their
// order, bit by bit, however values travel and steps are cut.
// Invariant: models are made on the main thread, since initial values come from one generator.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <mutex>

#include <volute/data.hpp>
#include <volute/io.hpp>
#include <volute/layers.hpp>
#include <volute/nn.hpp>
#include <volute/optim.hpp>

#include "engine/compile/program_data.hpp"
#include "tests/support/device.hpp"
#include "tests/support/files.hpp"
#include "tests/support/rank_model.hpp"
#include "tests/support/ranks.hpp"
#include "tests/support/values.hpp"

namespace volute {
namespace {

using Bits = std::vector<std::uint32_t>;
using test::accumulate;
using test::some_weight;
using test::Trained;
using test::Way;
using Model = test::RankModel;

/// `ranks` of N rows each. What every rank has in the end.
std::vector<Trained> train_ranks(int ranks, std::int64_t N, const Way& way) {
  std::vector<std::unique_ptr<Model>> models;
  for (int r = 0; r < ranks; ++r) models.push_back(std::make_unique<Model>(N, way.minimize));
  std::vector<Trained> trained(static_cast<std::size_t>(ranks));
  test::on_ranks(ranks, [&](const std::shared_ptr<Communicator>& world) {
    const auto r = static_cast<std::size_t>(world->rank());
    trained[r] = test::train_rank(*models[r], world, way);
  });
  return trained;
}

std::vector<float> floats(const Bits& bits) {
  std::vector<float> values;
  for (const std::uint32_t word : bits) values.push_back(std::bit_cast<float>(word));
  return values;
}

TEST(Ranks, AreOneDeviceThatAccumulatesTheirBatches) {
  for (const int ranks : {2, 3, 4}) {
    const auto trained = train_ranks(ranks, 2, {});
    for (const Trained& each : trained) {
      EXPECT_EQ(each.weights, trained[0].weights) << ranks;
      EXPECT_EQ(each.losses, trained[0].losses) << ranks;
    }
    EXPECT_EQ(trained[0].weights, accumulate(ranks, 2, {})) << ranks;
  }
}

TEST(Ranks, AreOneLargeBatchWithinRounding) {
  const auto four = train_ranks(4, 2, {}), one = train_ranks(1, 8, {});
  EXPECT_TRUE(test::close(floats(four[0].weights), floats(one[0].weights), 1e-4, 1e-5));
  EXPECT_TRUE(test::close(four[0].losses, one[0].losses, 1e-5, 0));
  EXPECT_NE(four[0].losses.front(), four[0].losses.back());
}

TEST(Ranks, CountTheTargetsThatAreThere) {
  Way way;
  way.ragged = true;
  way.minimize.weight = some_weight();
  const auto three = train_ranks(3, 2, way), one = train_ranks(1, 6, way);
  EXPECT_EQ(three[0].weights, three[2].weights);
  EXPECT_EQ(three[0].weights, accumulate(3, 2, way));
  EXPECT_TRUE(test::close(floats(three[0].weights), floats(one[0].weights), 1e-4, 1e-5));
  EXPECT_TRUE(test::close(three[0].losses, one[0].losses, 1e-5, 0));
}

TEST(Ranks, MayHaveNothingToCount) {
  const std::vector<std::vector<float>> masks{{1, 1}, {0, 0}, {0, 1}}, rows{{3, -1}, {50, 60}, {70, 4}};
  std::vector<std::unique_ptr<Parameter>> weights;
  for (int r = 0; r < 3; ++r) weights.push_back(std::make_unique<Parameter>("w", Shape{}, std::vector<float>{0.5f}));
  test::on_ranks(3, [&](const std::shared_ptr<Communicator>& world) {
    const auto r = static_cast<std::size_t>(world->rank());
    Graph g;
    Tensor x = g.input("x", {2}), mask = g.input("mask", {2});
    Tensor count = sum(mask);
    Tensor loss = sum(mask * x) * g.parameter(*weights[r]) / maximum(count, g.full({}, 1.0f));
    Program program = test::device().compile(g, minimize(loss, SGD{.lr = 1.0f}, {.weight = count}), world);
    program.run({{x, rows[r]}, {mask, masks[r]}});
    EXPECT_EQ(weights[r]->values(), std::vector<float>{0.5f - (3 - 1 + 4) / 3.0f});
  });
}

TEST(Ranks, SumTheSameHoweverAStepIsCut) {
  const auto plain = train_ranks(2, 3, {});
  Way parts, small, copied, fine;
  parts.in_parts = true;
  small.compile.exchange.bucket_bytes = 1;
  copied.compile.shared_memory = false;
  fine.compile = {.submission_seconds = 1e-4, .part_seconds = 2e-5, .exchange = {.bucket_bytes = 200}};
  for (const Way& way : {parts, small, copied, fine}) {
    const auto same = train_ranks(2, 3, way);
    EXPECT_EQ(same[0].weights, plain[0].weights);
    EXPECT_EQ(same[1].weights, plain[0].weights);
    EXPECT_EQ(same[1].losses, plain[0].losses);
  }
}

TEST(Ranks, AgreeWhenValuesTravelAsF16) {
  Way way;
  way.compile.exchange.half = true;
  const auto half = train_ranks(3, 2, way), full = train_ranks(3, 2, {});
  EXPECT_EQ(half[0].weights, half[1].weights);
  EXPECT_EQ(half[0].weights, half[2].weights);
  EXPECT_NE(half[0].weights, full[0].weights);
  EXPECT_TRUE(test::close(half[0].losses, full[0].losses, 1e-2, 0));
}

TEST(Ranks, SendWhileTheDeviceWorksOn) {
  Model first(4, {.clip_norm = 1.0f}), second(4, {.clip_norm = 1.0f});
  test::on_ranks(2, [&](const std::shared_ptr<Communicator>& world) {
    Model& model = world->rank() ? second : first;
    CompileOptions options;
    options.part_seconds = 1e-5;
    options.communicator = world;
    options.exchange.bucket_bytes = 1;
    Program program = compile_program(test::device().data(), model.g, model.targets, options);
    const std::vector<Bucket>& buckets = program.data().exchange->buckets();
    // Four of each layer, two of the head, the loss that is shown, its weight and the number of ranks.
    ASSERT_EQ(buckets.size(), 13u) << program.explain();
    EXPECT_EQ(program.stats().buckets.size(), 13u);
    // The head's and the upper layer's are on their way while the lower one's backward pass runs; all are waited for at
    // one place.
    EXPECT_LT(buckets[3].after + 2, buckets.back().after) << program.explain();
    for (const Bucket& bucket : buckets) {
      EXPECT_LT(bucket.after, bucket.before);
      EXPECT_GT(bucket.before, buckets.back().after);
    }
  });
}

TEST(Ranks, GoOnFromTheFirstOnesParameters) {
  Model first(2, {}), second(2, {});
  Parameter weight = second.head.parameters()[0];
  weight.set(std::vector<float>(2 * Model::H, 0.25f));
  EXPECT_NE(first.weights(), second.weights());
  const Bits before = first.weights();
  test::on_ranks(2, [&](const std::shared_ptr<Communicator>& world) {
    Model& model = world->rank() ? second : first;
    test::device().compile(model.g, model.targets, world);
  });
  EXPECT_EQ(second.weights(), before);
  EXPECT_EQ(first.weights(), before);
}

TEST(Ranks, DrawNumbersOfTheirOwnFromOneSeed) {
  Graph graphs[2];
  Tensor drawn[2];
  std::vector<float> values[2];
  for (int r = 0; r < 2; ++r) drawn[r] = random_like(graphs[r].full({40}, 0.0f));
  test::on_ranks(2, [&](const std::shared_ptr<Communicator>& world) {
    const int r = world->rank();
    Program program = test::device().compile(graphs[r], Targets(drawn[r]), world);
    program.seed(11);
    program.run();
    values[r] = program.read(drawn[r]);
    const Snapshot snapshot = program.snapshot();
    EXPECT_EQ(snapshot.seed, 11u);
    program.run();
    const auto next = program.read(drawn[r]);
    program.restore(snapshot);
    program.run();
    EXPECT_EQ(program.read(drawn[r]), next);
  });
  EXPECT_NE(values[0], values[1]);
  Program alone = test::device().compile(graphs[0], Targets(drawn[0]));
  alone.seed(11);
  alone.run();
  EXPECT_EQ(alone.read(drawn[0]), values[0]);
}

/// A GRU that carries its state from batch to batch, on a rank's rows of six.
struct Carrying {
  static constexpr std::int64_t all = 6, T = 3, C = 2, H = 5;

  explicit Carrying(data::Shard part) : shard(part), N(part.count(all)), gru((manual_seed(8), C), H) {
    x = g.input("x", {T, N, C});
    const Tensor h = gru(x, g.carried());
    loss = mean(h * h);
    targets = minimize(loss, SGD{.lr = 0.1f, .momentum = 0.5f}, {.weight = g.full({}, static_cast<float>(N))});
  }
  void train(Program& program, int from, int to) {
    for (int step = from; step < to; ++step) {
      const auto rows = test::random_values(all * T * C, static_cast<std::uint32_t>(step));
      std::vector<float> xs;
      for (std::int64_t t = 0; t < T; ++t)
        for (std::int64_t n = 0; n < N; ++n)
          for (std::int64_t c = 0; c < C; ++c) xs.push_back(rows[(t * all + shard.first(all) + n) * C + c]);
      program.run({{x, xs}});
    }
  }

  data::Shard shard;
  std::int64_t N;
  nn::GRU gru;
  Graph g;
  Tensor x, loss;
  Targets targets;
};

/// Goes on with so many ranks from a file that is there, or writes it; their snapshots in the end.
std::vector<Snapshot> carry_on(int ranks, const std::string& file, bool load, int from, int to) {
  std::vector<std::unique_ptr<Carrying>> models;
  for (int r = 0; r < ranks; ++r) models.push_back(std::make_unique<Carrying>(data::Shard{r, ranks}));
  std::vector<Snapshot> snapshots(static_cast<std::size_t>(ranks));
  test::on_ranks(ranks, [&](const std::shared_ptr<Communicator>& world) {
    Carrying& model = *models[static_cast<std::size_t>(world->rank())];
    Program program = test::device().compile(model.g, model.targets, world);
    io::Checkpoint checkpoint;
    checkpoint.add("gru", model.gru).add("train", program).share(world);
    if (load) checkpoint.load(file);
    model.train(program, from, to);
    if (!load) checkpoint.save(file);
    snapshots[static_cast<std::size_t>(world->rank())] = program.snapshot();
  });
  return snapshots;
}

void expect_same(const Snapshot& a, const Snapshot& b) {
  ASSERT_EQ(a.states.size(), b.states.size());
  EXPECT_EQ(a.steps, b.steps);
  for (std::size_t i = 0; i < a.states.size(); ++i) {
    EXPECT_EQ(a.states[i].shape, b.states[i].shape) << a.states[i].name;
    EXPECT_EQ(a.states[i].words, b.states[i].words) << a.states[i].name;
  }
  for (std::size_t i = 0; i < a.parameters.size(); ++i) EXPECT_EQ(a.parameters[i].words, b.parameters[i].words) << i;
}

TEST(Ranks, LeaveACheckpointForAnyNumberOfRanks) {
  const test::Folder folder;
  const std::string file = folder / "ranks.safetensors";
  const auto saved = carry_on(4, file, false, 0, 3);  // two, two, one and one rows
  for (const Snapshot& each : saved) expect_same(each, saved[0]);
  const auto whole = carry_on(1, folder / "one.safetensors", false, 0, 6);
  for (const int ranks : {1, 2, 3, 4}) {
    const auto loaded = carry_on(ranks, file, true, 3, 3), ended = carry_on(ranks, file, true, 3, 6);
    for (const Snapshot& each : loaded) expect_same(each, saved[0]);
    for (const Snapshot& each : ended) expect_same(each, ended[0]);
    EXPECT_TRUE(test::close(floats(ended[0].parameters[0].words), floats(whole[0].parameters[0].words), 1e-4, 1e-6));
    EXPECT_TRUE(test::close(floats(ended[0].states[0].words), floats(whole[0].states[0].words), 1e-4, 1e-6));
  }
}

TEST(Ranks, HearOfASaveThatFailed) {
  std::vector<std::unique_ptr<Carrying>> models;
  for (int r = 0; r < 2; ++r) models.push_back(std::make_unique<Carrying>(data::Shard{r, 2}));
  std::atomic<int> refused = 0;
  test::on_ranks(2, [&](const std::shared_ptr<Communicator>& world) {
    Carrying& model = *models[static_cast<std::size_t>(world->rank())];
    io::Checkpoint checkpoint;
    checkpoint.add("gru", model.gru).share(world);
    try {
      checkpoint.save("/nowhere/at/all.safetensors");
    } catch (const BadFile& error) {
      refused += std::string(error.what()).find("/nowhere/at/all.safetensors") != std::string::npos;
    }
  });
  EXPECT_EQ(refused, 2);
}

TEST(Ranks, SkipAStepTogether) {
  Model models[2] = {{2, {.non_finite = NonFinite::skip}}, {2, {.non_finite = NonFinite::skip}}};
  set_warning_handler([](const std::string&) {});
  test::on_ranks(2, [&](const std::shared_ptr<Communicator>& world) {
    Model& model = models[world->rank()];
    Program program = test::device().compile(model.g, model.targets, world);
    program.run(model.feeds(0, 2 * world->rank(), false));
    program.wait();
    const Bits before = model.weights();
    auto feeds = model.feeds(1, 2 * world->rank(), false);
    if (world->rank() == 1) model.ys[3] = std::numeric_limits<float>::quiet_NaN();
    program.run(feeds);
    program.wait();
    EXPECT_EQ(program.stats().non_finite, 1);
    EXPECT_EQ(model.weights(), before);
    program.run(model.feeds(2, 2 * world->rank(), false));
    program.wait();
    EXPECT_NE(model.weights(), before);
  });
  set_warning_handler({});
  EXPECT_EQ(models[0].weights(), models[1].weights());
}

TEST(Ranks, RefuseProgramsThatDiffer) {
  Model same(2, {}), other(3, {});
  Graph g;
  const Tensor more = mean_over_ranks(g.input("x", {5}));
  const auto compile = [&](int which, const std::shared_ptr<Communicator>& world) {
    if (which == 2) test::device().compile(g, Targets(more), world);
    else test::device().compile(same.g, same.targets, world);
  };
  for (const int which : {0, 2}) {
    int refused = 0;
    std::mutex mutex;
    test::on_ranks(2, [&](const std::shared_ptr<Communicator>& world) {
      Model own(world->rank() == 0 ? 2 : 3, {});
      try {
        if (world->rank() && which == 2) compile(which, world);
        else if (world->rank()) test::device().compile(other.g, other.targets, world);
        else compile(0, world);
      } catch (const InvalidGraph& error) {
        const std::lock_guard lock(mutex);
        ++refused;
        EXPECT_NE(std::string(error.what()).find("ranks' programs differ"), std::string::npos) << error.what();
      }
    });
    // Batches of other sizes are no difference: gradients have the parameters' shapes.
    EXPECT_EQ(refused, which == 2 ? 2 : 0);
  }
}

TEST(Ranks, RefuseWhatTheyCannotDo) {
  Graph g;
  const Tensor xs = g.input("x", {3, 2}), h = g.full({2}, 0.0f);
  EXPECT_THROW(scan(xs, h, [](Tensor x, Tensor s) { return sum_over_ranks(x + s); }), InvalidGraph);
  EXPECT_THROW(mean_over_ranks(xs, xs), InvalidGraph);
  EXPECT_THROW(sum_over_ranks(g.input("i", {3}, DType::u32)), InvalidGraph);
  Model model(2, {});
  EXPECT_THROW(minimize(mean_over_ranks(model.loss), SGD{}), InvalidGraph);
  EXPECT_THROW(minimize(model.loss, SGD{}, {.weight = model.mask}), InvalidGraph);
}

TEST(RankSums, AddInTheOrderOfRanks) {
  for (const int ranks : {1, 2, 5}) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{3}, std::size_t{17}}) {
      std::vector<std::vector<float>> got(static_cast<std::size_t>(ranks));
      test::on_ranks(ranks, [&](const std::shared_ptr<Communicator>& world) {
        auto values = test::random_values(static_cast<std::int64_t>(size), static_cast<std::uint32_t>(world->rank()));
        RankSums(world, false).run(values);
        got[static_cast<std::size_t>(world->rank())] = values;
      });
      std::vector<float> want(size, 0.0f);
      for (int r = 0; r < ranks; ++r) {
        const auto values = test::random_values(static_cast<std::int64_t>(size), static_cast<std::uint32_t>(r));
        for (std::size_t i = 0; i < size; ++i) want[i] += values[i];
      }
      for (const auto& each : got) EXPECT_EQ(each, want) << ranks << " ranks, " << size << " values";
    }
  }
}

TEST(RankSums, KeepElevenBitsInF16) {
  const float most = std::numeric_limits<float>::max(), infinity = std::numeric_limits<float>::infinity();
  for (const float scale : {1.0f, 1e-30f, 1e30f, 3e-7f}) {
    std::vector<float> values = test::random_values(1000, 5), back(1000);
    for (float& value : values) value *= scale;
    values[7] = 0;
    std::vector<std::byte> packed(packed_bytes(values.size()));
    pack_f16(values, packed.data());
    unpack_f16(packed.data(), back);
    float largest = 0;
    for (const float value : values) largest = std::max(largest, std::abs(value));
    for (std::size_t i = 0; i < values.size(); ++i)
      EXPECT_LE(std::abs(back[i] - values[i]), std::max(std::abs(values[i]) * 0x1p-11f, largest * 0x1p-25f)) << values[i];
    pack_f16(back, packed.data());
    std::vector<float> again(1000);
    unpack_f16(packed.data(), again);
    EXPECT_EQ(again, back);
  }
  std::vector<float> special{infinity, -infinity, std::nanf(""), 1.0f}, back(4);
  std::vector<std::byte> packed(packed_bytes(4));
  pack_f16(special, packed.data());
  unpack_f16(packed.data(), back);
  EXPECT_EQ(back[0], infinity);
  EXPECT_EQ(back[1], -infinity);
  EXPECT_TRUE(std::isnan(back[2]));
  EXPECT_EQ(back[3], 1.0f);
  std::vector<float> large{most * 0.9f, -most / 3};
  pack_f16(large, packed.data());
  unpack_f16(packed.data(), std::span(back).first(2));
  EXPECT_TRUE(std::isfinite(back[0]));
  EXPECT_NEAR(back[1] / large[1], 1.0f, 1e-3f);
}

TEST(Communicator, SumsAndBroadcasts) {
  std::atomic<int> arrived = 0;
  test::on_ranks(3, [&](const std::shared_ptr<Communicator>& world) {
    std::vector<double> values{1.0 + world->rank(), -0.5};
    world->sum(values);
    std::this_thread::sleep_for(std::chrono::milliseconds(10 * world->rank()));
    ++arrived;
    world->barrier();
    EXPECT_EQ(arrived, 3);
    EXPECT_EQ(values, (std::vector<double>{6.0, -1.5}));
    std::vector<std::uint32_t> words(3, static_cast<std::uint32_t>(world->rank()));
    world->broadcast(std::as_writable_bytes(std::span(words)), 2);
    EXPECT_EQ(words, (std::vector<std::uint32_t>{2, 2, 2}));
    std::byte none;
    EXPECT_THROW(world->broadcast({&none, 1}, 3), InvalidGraph);
  });
}

}  // namespace
}  // namespace volute
