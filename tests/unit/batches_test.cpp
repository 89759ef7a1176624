// Order, splits, padding, buckets, normalisation and prefetching: nothing lost, nothing doubled, and the same
// from the same seed. Invariant: no test here needs a device.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <numeric>
#include <set>
#include <thread>

#include <volute/graph.hpp>
#include <volute/data.hpp>

namespace volute::data {
namespace {

using Indices = std::vector<std::size_t>;

Indices sorted(Indices values) {
  std::sort(values.begin(), values.end());
  return values;
}

Indices first(std::size_t count) {
  Indices all(count);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

Indices joined(const Split& parts) {
  Indices all = parts.train;
  all.insert(all.end(), parts.validation.begin(), parts.validation.end());
  all.insert(all.end(), parts.test.begin(), parts.test.end());
  return all;
}

TEST(Order, IsAPermutationThatSeedAndEpochFix) {
  for (std::size_t count : {0u, 1u, 2u, 7u, 1000u}) EXPECT_EQ(sorted(shuffled(count, 5, 3)), first(count));
  EXPECT_EQ(shuffled(100, 5, 3), shuffled(100, 5, 3));
  EXPECT_NE(shuffled(100, 5, 3), shuffled(100, 5, 4));
  EXPECT_NE(shuffled(100, 5, 3), shuffled(100, 6, 3));
  EXPECT_NE(shuffled(100, 4, 4), shuffled(100, 5, 3));  // seed and epoch are not added up
}

TEST(Order, GeneratorIsTheSameEverywhere) {
  // From this implementation, 64-bit Linux: a change would change every user's batches.
  Generator generator(1);
  const std::vector<std::uint64_t> got{generator.next() % 1000, generator.next() % 1000, generator.next() % 1000};
  EXPECT_EQ(shuffled(8, 1, 0), shuffled(8, 1));
  EXPECT_EQ(got, (std::vector<std::uint64_t>{681, 446, 818}));
}

TEST(Order, EveryPlaceIsEquallyLikely) {
  // 4! orders, 24000 draws: 1000 each, deviation 31.
  std::map<Indices, int> counts;
  for (std::uint64_t epoch = 0; epoch < 24000; ++epoch) ++counts[shuffled(4, 9, epoch)];
  EXPECT_EQ(counts.size(), 24u);
  for (const auto& [order, count] : counts) EXPECT_NEAR(count, 1000, 160);
}

TEST(Splits, HoldEverySampleOnce) {
  for (std::size_t count : {1u, 3u, 10u, 101u}) {
    const Split parts = split(count, 0.1, 0.2, 7);
    EXPECT_EQ(sorted(joined(parts)), first(count));
    EXPECT_EQ(parts.validation.size(), count / 10);
    EXPECT_EQ(parts.test.size(), count / 5);
    EXPECT_EQ(split(count, 0.1, 0.2, 7).train, parts.train);
  }
  EXPECT_NE(split(50, 0.1, 0.1, 7).train, split(50, 0.1, 0.1, 8).train);
  EXPECT_TRUE(split(5, 0, 0, 1).test.empty());
}

TEST(Splits, StratifiedKeepsProportions) {
  std::vector<std::uint32_t> labels;
  for (int i = 0; i < 300; ++i) labels.push_back(i % 10 == 0 ? 2u : i % 3 == 0 ? 1u : 0u);
  const Split parts = stratified_split(labels, 0.1, 0.3, 3);
  EXPECT_EQ(sorted(joined(parts)), first(300));
  const auto count = [&](const Indices& part, std::uint32_t label) {
    return std::count_if(part.begin(), part.end(), [&](std::size_t i) { return labels[i] == label; });
  };
  for (std::uint32_t label : {0u, 1u, 2u}) {
    const double all = static_cast<double>(std::count(labels.begin(), labels.end(), label));
    EXPECT_EQ(count(parts.validation, label), static_cast<std::ptrdiff_t>(std::floor(all * 0.1 + 1e-9)));
    EXPECT_EQ(count(parts.test, label), static_cast<std::ptrdiff_t>(std::floor(all * 0.3 + 1e-9)));
  }
  std::vector<std::uint32_t> order;
  for (std::size_t i : parts.train) order.push_back(labels[i]);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));  // the classes are mixed
}

TEST(Padding, IsBehindTheEndAndTimeMajor) {
  const std::vector<std::vector<std::uint32_t>> sequences{{1, 2, 3}, {}, {4}, {5, 6, 7, 8, 9}};
  const auto batch = pad(sequences, Indices{3, 0, 1}, 4, 4, 99u);
  EXPECT_EQ(batch.values, (std::vector<std::uint32_t>{5, 1, 99, 99, 6, 2, 99, 99, 7, 3, 99, 99, 8, 99, 99, 99}));
  EXPECT_EQ(batch.lengths, (std::vector<std::uint32_t>{4, 3, 0, 0}));
  EXPECT_EQ(pad(sequences, Indices{3}, 2, 1, 0u, Keep::end).values, (std::vector<std::uint32_t>{8, 9}));
  const std::vector<std::vector<float>> rows{{1, 2, 3, 4}, {5, 6}};
  const auto floats = pad(rows, 2, Indices{1, 0}, 3, 2, -1.0f);
  EXPECT_EQ(floats.values, (std::vector<float>{5, 6, 1, 2, -1, -1, 3, 4, -1, -1, -1, -1}));
  EXPECT_EQ(floats.lengths, (std::vector<std::uint32_t>{1, 2}));
}

std::vector<std::int64_t> lengths_of(std::size_t count, std::uint64_t seed, std::uint64_t most) {
  Generator generator(seed);
  std::vector<std::int64_t> lengths(count);
  for (auto& length : lengths) length = static_cast<std::int64_t>(1 + generator.below(most));
  return lengths;
}

TEST(Bucketing, AnEpochHoldsEverySequenceOnceInItsSmallestBucket) {
  const auto lengths = lengths_of(257, 3, 40);
  const Buckets buckets(lengths, {5, 12, 30}, 8);
  const auto batches = buckets.epoch(1, 2);
  Indices seen;
  std::map<std::int64_t, int> partial;
  for (const auto& batch : batches) {
    EXPECT_FALSE(batch.rows.empty());
    EXPECT_LE(batch.rows.size(), 8u);
    partial[batch.T] += batch.rows.size() < 8;
    for (std::size_t row : batch.rows) {
      seen.push_back(row);
      const std::int64_t length = lengths[row];
      EXPECT_EQ(batch.T, length <= 5 ? 5 : length <= 12 ? 12 : 30);
    }
  }
  for (const auto& [T, count] : partial) EXPECT_LE(count, 1) << "bucket " << T;
  EXPECT_EQ(sorted(seen), first(257));
  const auto again = buckets.epoch(1, 2), other = buckets.epoch(1, 3);
  EXPECT_EQ(again[0].rows, batches[0].rows);
  EXPECT_NE(other[0].rows, batches[0].rows);
}

TEST(Bucketing, BestBoundsPadLeastOfAll) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto lengths = lengths_of(30, seed, 9);
    const std::int64_t longest = *std::max_element(lengths.begin(), lengths.end());
    for (int count : {1, 2, 3}) {
      std::int64_t least = Buckets(lengths, {longest}, 4).padding();
      for (std::int64_t a = 1; count > 1 && a < longest; ++a) {
        least = std::min(least, Buckets(lengths, {a, longest}, 4).padding());
        for (std::int64_t b = a + 1; count > 2 && b < longest; ++b)
          least = std::min(least, Buckets(lengths, {a, b, longest}, 4).padding());
      }
      const auto bounds = Buckets::best_bounds(lengths, count);
      EXPECT_EQ(bounds.back(), longest);
      EXPECT_EQ(Buckets(lengths, bounds, 4).padding(), least) << count << " bounds, seed " << seed;
    }
  }
  EXPECT_EQ(Buckets::best_bounds(std::vector<std::int64_t>{3, 3, 7}, 5), (std::vector<std::int64_t>{3, 7}));
}

TEST(Normalizing, IsFittedOnTrainingRowsAlone) {
  const std::vector<float> train{1, 10, 5, 3, 10, 5, 5, 10, 5};
  const Normalizer n = Normalizer::fit(train, 3);
  EXPECT_EQ(n.means(), (std::vector<double>{3, 10, 5}));
  EXPECT_NEAR(n.deviations()[0], std::sqrt(8.0 / 3), 1e-12);
  EXPECT_EQ(n.deviations()[1], 1.0);
  std::vector<float> test{100, 11, 5};
  n.apply(test);
  EXPECT_FLOAT_EQ(test[0], static_cast<float>(97 / std::sqrt(8.0 / 3)));
  EXPECT_FLOAT_EQ(test[1], 1);
  std::vector<float> forecast{test[1], test[0]};
  n.undo(forecast, {1, 0});
  EXPECT_EQ(forecast, (std::vector<float>{11, 100}));
  // A column far from zero: the textbook's mean of squares less square of mean would lose all digits.
  const Normalizer far = Normalizer::fit(std::vector<float>{16777214, 16777215, 16777216}, 1);
  EXPECT_NEAR(far.deviations()[0], std::sqrt(2.0 / 3), 1e-9);
}

// Prefetching. ---------------------------------------------------------------------------------------------

std::function<std::optional<std::vector<int>>()> counting(int count, std::atomic<int>* calls = nullptr) {
  return [count, calls, i = 0]() mutable -> std::optional<std::vector<int>> {
    if (calls) ++*calls;
    if (i == count) return std::nullopt;
    return std::vector<int>(100, i++);
  };
}

TEST(Prefetching, KeepsTheOrderUnderLoad) {
  for (std::size_t depth : {1u, 2u, 7u}) {
    Prefetcher<std::vector<int>> batches(counting(3000), depth);
    for (int i = 0; i < 3000; ++i) {
      const auto batch = batches.next();
      ASSERT_TRUE(batch.has_value());
      ASSERT_EQ(*batch, std::vector<int>(100, i));
    }
    EXPECT_FALSE(batches.next().has_value());
    EXPECT_FALSE(batches.next().has_value());
  }
}

TEST(Prefetching, WorksAheadButNoFurtherThanItsDepth) {
  std::atomic<int> calls = 0;
  Prefetcher<std::vector<int>> batches(counting(100, &calls), 3);
  while (calls < 3) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(calls, 3);
  batches.next();
  while (calls < 4) std::this_thread::yield();
}

TEST(Prefetching, ErrorsComeAfterWhatWasReady) {
  Prefetcher<int> batches([i = 0]() mutable -> std::optional<int> {
    if (i == 2) throw BadFile("row 2 is broken");
    return i++;
  });
  EXPECT_EQ(batches.next(), 0);
  EXPECT_EQ(batches.next(), 1);
  EXPECT_THROW(batches.next(), BadFile);
  EXPECT_THROW(batches.next(), BadFile);
}

TEST(Prefetching, MayBeDestroyedAtAnyTime) {
  for (int taken = 0; taken < 40; ++taken) {
    Prefetcher<std::vector<int>> batches(counting(1000000), 1 + taken % 3);
    for (int i = 0; i < taken % 5; ++i) batches.next();
  }
  Prefetcher<int> failed([]() -> std::optional<int> { throw std::runtime_error("never seen"); });
  Prefetcher<std::unique_ptr<int>> movable([i = 0]() mutable { return std::optional(std::make_unique<int>(i++)); });
  EXPECT_EQ(**movable.next(), 0);
}

}  // namespace
}  // namespace volute::data
