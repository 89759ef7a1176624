// Order and splits by seed.
// Invariant: only integer arithmetic decides an order, so it is the same on every platform.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <volute/graph.hpp>
#include <volute/data.hpp>

namespace volute::data {
namespace {

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

template <class T>
void shuffle(std::vector<T>& values, Generator& generator) {
  for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[generator.below(i)]);
}

void check_fractions(double validation, double test) {
  const auto is_part = [](double part) { return part >= 0 && part < 1; };
  if (!is_part(validation) || !is_part(test) || validation + test >= 1)
    throw InvalidGraph("split: validation and test must be in [0, 1) and together below 1, got " +
                       std::to_string(validation) + " and " + std::to_string(test));
}

/// Adds samples, already in random order, to the three parts.
void cut(const std::vector<std::size_t>& samples, double validation, double test, Split& into) {
  // A tenth of 10 is 1, also where 10 * 0.1 rounds down.
  const auto part = [&](double fraction) {
    return static_cast<std::ptrdiff_t>(std::floor(static_cast<double>(samples.size()) * fraction + 1e-9));
  };
  const auto first = samples.begin() + part(validation), second = first + part(test);
  into.validation.insert(into.validation.end(), samples.begin(), first);
  into.test.insert(into.test.end(), first, second);
  into.train.insert(into.train.end(), second, samples.end());
}

}  // namespace

Generator::Generator(std::uint64_t seed, std::uint64_t stream)
    : state_(mix(seed + 0x9e3779b97f4a7c15ull) ^ mix(~stream)) {}

std::uint64_t Generator::next() {
  state_ += 0x9e3779b97f4a7c15ull;
  return mix(state_);
}

std::uint64_t Generator::below(std::uint64_t bound) {
  if (bound == 0) throw InvalidGraph("generator: below(0) has no values");
  const std::uint64_t rest = (0 - bound) % bound;  // 2^64 mod bound: values below it would come once too often
  std::uint64_t value = next();
  while (value < rest) value = next();
  return value % bound;
}

std::vector<std::size_t> shuffled(std::size_t count, std::uint64_t seed, std::uint64_t epoch) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Generator generator(seed, epoch);
  shuffle(order, generator);
  return order;
}

Split split(std::size_t count, double validation, double test, std::uint64_t seed) {
  check_fractions(validation, test);
  if (count == 0) throw InvalidGraph("split: there are no samples");
  Split parts;
  cut(shuffled(count, seed), validation, test, parts);
  return parts;
}

Split stratified_split(std::span<const std::uint32_t> labels, double validation, double test, std::uint64_t seed) {
  check_fractions(validation, test);
  if (labels.empty()) throw InvalidGraph("split: there are no samples");
  std::map<std::uint32_t, std::vector<std::size_t>> classes;
  for (std::size_t sample : shuffled(labels.size(), seed)) classes[labels[sample]].push_back(sample);
  Split parts;
  for (const auto& [label, samples] : classes) cut(samples, validation, test, parts);
  std::uint64_t stream = 1;
  for (std::vector<std::size_t>* part : {&parts.train, &parts.validation, &parts.test}) {
    Generator generator(seed, stream++);  // the classes are mixed again
    shuffle(*part, generator);
  }
  return parts;
}

}  // namespace volute::data
