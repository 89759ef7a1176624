// Batches of sequences of unequal length: padding and buckets.
// Invariant: an epoch holds every sequence exactly once, each in the smallest bucket that holds it.
#include <algorithm>
#include <limits>

#include <volute/graph.hpp>
#include <volute/data.hpp>

namespace volute::data {
namespace {

template <class V>
Padded<V> pad_rows(const std::vector<std::vector<V>>& sequences, std::int64_t C, std::span<const std::size_t> rows,
                   std::int64_t T, std::int64_t N, V padding, Keep keep) {
  if (T < 1 || N < 1 || C < 1)
    throw InvalidGraph("pad: T, N and C must be positive, got " + std::to_string(T) + ", " + std::to_string(N) +
                       " and " + std::to_string(C));
  if (rows.size() > static_cast<std::size_t>(N))
    throw InvalidGraph("pad: " + std::to_string(rows.size()) + " rows do not fit into N = " + std::to_string(N));
  Padded<V> batch{std::vector<V>(static_cast<std::size_t>(T * N * C), padding),
                  std::vector<std::uint32_t>(static_cast<std::size_t>(N), 0)};
  for (std::size_t n = 0; n < rows.size(); ++n) {
    if (rows[n] >= sequences.size())
      throw InvalidGraph("pad: row " + std::to_string(rows[n]) + " of " + std::to_string(sequences.size()) +
                         " sequences does not exist");
    const std::vector<V>& sequence = sequences[rows[n]];
    if (sequence.size() % static_cast<std::size_t>(C) != 0)
      throw InvalidGraph("pad: sequence " + std::to_string(rows[n]) + " has " + std::to_string(sequence.size()) +
                         " values, no multiple of C = " + std::to_string(C));
    const std::int64_t all = static_cast<std::int64_t>(sequence.size()) / C, length = std::min(all, T);
    const std::int64_t first = keep == Keep::start ? 0 : all - length;
    for (std::int64_t t = 0; t < length; ++t)
      std::copy_n(sequence.begin() + (first + t) * C, C,
                  batch.values.begin() + (t * N + static_cast<std::int64_t>(n)) * C);
    batch.lengths[n] = static_cast<std::uint32_t>(length);
  }
  return batch;
}

}  // namespace

Padded<std::uint32_t> pad(const std::vector<std::vector<std::uint32_t>>& sequences, std::span<const std::size_t> rows,
                          std::int64_t T, std::int64_t N, std::uint32_t padding, Keep keep) {
  return pad_rows(sequences, 1, rows, T, N, padding, keep);
}

Padded<float> pad(const std::vector<std::vector<float>>& sequences, std::int64_t C, std::span<const std::size_t> rows,
                  std::int64_t T, std::int64_t N, float padding, Keep keep) {
  return pad_rows(sequences, C, rows, T, N, padding, keep);
}

Buckets::Buckets(std::vector<std::int64_t> lengths, std::vector<std::int64_t> bounds, std::int64_t N)
    : lengths_(std::move(lengths)), bounds_(std::move(bounds)), N_(N) {
  if (N < 1) throw InvalidGraph("buckets: N must be positive, got " + std::to_string(N));
  if (lengths_.empty()) throw InvalidGraph("buckets: there are no sequences");
  if (bounds_.empty()) throw InvalidGraph("buckets: there are no bounds");
  for (std::size_t i = 0; i < bounds_.size(); ++i)
    if (bounds_[i] < 1 || (i > 0 && bounds_[i] <= bounds_[i - 1]))
      throw InvalidGraph("buckets: bounds must be positive and ascend, got " + std::to_string(bounds_[i]) + " at " +
                         std::to_string(i));
  for (std::int64_t length : lengths_)
    if (length < 0) throw InvalidGraph("buckets: a length is negative: " + std::to_string(length));
}

std::size_t Buckets::bucket_of(std::int64_t length) const {
  const auto found = std::lower_bound(bounds_.begin(), bounds_.end(), length);
  return static_cast<std::size_t>(std::min(found, bounds_.end() - 1) - bounds_.begin());
}

// cost(k, j) = least padding of the distinct lengths 0..j in k buckets, the last ending at j
//            = min over i < j of cost(k-1, i) + sum over i < l <= j of count_l (length_j - length_l)
std::vector<std::int64_t> Buckets::best_bounds(std::span<const std::int64_t> lengths, int count) {
  if (count < 1) throw InvalidGraph("buckets: the number of bounds must be positive, got " + std::to_string(count));
  std::map<std::int64_t, std::int64_t> counts;
  for (std::int64_t length : lengths) ++counts[std::max<std::int64_t>(length, 1)];
  if (counts.empty()) throw InvalidGraph("buckets: there are no sequences");
  std::vector<std::int64_t> distinct;
  std::vector<double> number{0}, steps{0};  // sums over the lengths before
  for (const auto& [length, times] : counts) {
    distinct.push_back(length);
    number.push_back(number.back() + static_cast<double>(times));
    steps.push_back(steps.back() + static_cast<double>(times * length));
  }
  const std::size_t D = distinct.size(), K = std::min<std::size_t>(static_cast<std::size_t>(count), D);
  std::vector<std::vector<double>> cost(K + 1, std::vector<double>(D + 1, std::numeric_limits<double>::infinity()));
  std::vector<std::vector<std::size_t>> from(K + 1, std::vector<std::size_t>(D + 1, 0));
  cost[0][0] = 0;
  for (std::size_t k = 1; k <= K; ++k)
    for (std::size_t j = k; j <= D; ++j)
      for (std::size_t i = k - 1; i < j; ++i) {
        const double padding = static_cast<double>(distinct[j - 1]) * (number[j] - number[i]) - (steps[j] - steps[i]);
        if (cost[k - 1][i] + padding < cost[k][j]) cost[k][j] = cost[k - 1][i] + padding, from[k][j] = i;
      }
  std::vector<std::int64_t> bounds;
  for (std::size_t k = K, j = D; k > 0; j = from[k--][j]) bounds.insert(bounds.begin(), distinct[j - 1]);
  return bounds;
}

std::vector<Buckets::Rows> Buckets::epoch(std::uint64_t seed, std::uint64_t epoch) const {
  std::vector<Rows> batches;
  std::vector<std::vector<std::size_t>> waiting(bounds_.size());
  const auto emit = [&](std::size_t bucket) {
    batches.push_back({bounds_[bucket], std::move(waiting[bucket])});
    waiting[bucket].clear();
  };
  for (std::size_t sample : shuffled(lengths_.size(), seed, epoch)) {
    const std::size_t bucket = bucket_of(lengths_[sample]);
    waiting[bucket].push_back(sample);
    if (static_cast<std::int64_t>(waiting[bucket].size()) == N_) emit(bucket);
  }
  for (std::size_t bucket = 0; bucket < waiting.size(); ++bucket)
    if (!waiting[bucket].empty()) emit(bucket);
  std::vector<Rows> order;
  for (std::size_t i : shuffled(batches.size(), seed, ~epoch)) order.push_back(std::move(batches[i]));
  return order;
}

std::int64_t Buckets::padding() const {
  std::int64_t steps = 0;
  for (std::int64_t length : lengths_) steps += std::max<std::int64_t>(bounds_[bucket_of(length)] - length, 0);
  return steps;
}

}  // namespace volute::data
