// Two tasks that need attention: dates into ISO form, and strings into their reverse.
// Invariant: what is held out never occurs in training: whole dates, in every notation, and whole strings.
#pragma once

#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace rewrite {

using Tokens = std::vector<std::uint32_t>;

struct Example {
  std::string source, target;
};

/// Tokens 0, 1, 2 are padding, begin and end; a printable ASCII character c is c - 32 + 3.
constexpr std::uint32_t padding = 0, begin = 1, end = 2, vocabulary = 3 + 95;

inline Tokens encode(const std::string& text) {
  Tokens tokens;
  for (char c : text) tokens.push_back(static_cast<std::uint32_t>(c) - 32 + 3);
  return tokens;
}

inline std::string decode(const Tokens& tokens) {
  std::string text;
  for (std::uint32_t token : tokens) text += token < 3 ? '?' : static_cast<char>(token - 3 + 32);
  return text;
}

class Task {
 public:
  virtual ~Task() = default;
  /// A random example of the training part, or of the part held out.
  virtual Example draw(std::mt19937& random, bool held_out) const = 0;
  virtual std::int64_t longest_source() const = 0;
  virtual std::int64_t longest_target() const = 0;
};

/// Any day from 1900 to 2099 as "3 March 2024", "March 3, 2024" or "Mar 3 2024"; one day in ten is held out.
class Dates : public Task {
 public:
  Example draw(std::mt19937& random, bool held_out) const override {
    for (;;) {
      const unsigned year = 1900 + random() % 200, month = 1 + random() % 12, day = 1 + random() % 31;
      if (day > days(year, month) || is_held_out(year, month, day) != held_out) continue;
      return {written(year, month, day, random() % 3), iso(year, month, day)};
    }
  }
  std::int64_t longest_source() const override { return 18; }
  std::int64_t longest_target() const override { return 10; }

 private:
  static unsigned days(unsigned year, unsigned month) {
    if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
  }
  static bool is_held_out(unsigned year, unsigned month, unsigned day) {
    std::minstd_rand hash((year * 12 + month) * 31 + day);
    hash.discard(3);
    return hash() % 10 == 0;
  }
  static std::string two(unsigned n) { return (n < 10 ? "0" : "") + std::to_string(n); }
  static std::string iso(unsigned year, unsigned month, unsigned day) {
    return std::to_string(year) + "-" + two(month) + "-" + two(day);
  }
  static std::string written(unsigned year, unsigned month, unsigned day, unsigned notation) {
    static const char* const names[] = {"January", "February", "March",     "April",   "May",      "June",
                                        "July",    "August",   "September", "October", "November", "December"};
    const std::string name = names[month - 1], d = std::to_string(day), y = std::to_string(year);
    if (notation == 0) return d + " " + name + " " + y;
    if (notation == 1) return name + " " + d + ", " + y;
    return name.substr(0, 3) + " " + d + " " + y;
  }
};

/// Random strings of `shortest` to `longest` lower-case letters. Those whose letters sum to 0 modulo 10 are held out.
class Reverse : public Task {
 public:
  Reverse(unsigned shortest, unsigned longest, unsigned letters = 26)
      : shortest_(shortest), longest_(longest), letters_(letters) {}
  Example draw(std::mt19937& random, bool held_out) const override {
    for (;;) {
      std::string text(shortest_ + random() % (longest_ - shortest_ + 1), 'a');
      unsigned sum = 0;
      for (char& c : text) {
        const unsigned letter = random() % letters_;
        c = static_cast<char>('a' + letter);
        sum += letter;
      }
      if ((sum % 10 == 0) == held_out) return {text, {text.rbegin(), text.rend()}};
    }
  }
  std::int64_t longest_source() const override { return longest_; }
  std::int64_t longest_target() const override { return longest_; }

 private:
  unsigned shortest_, longest_, letters_;
};

/// A batch for training: source [S, N], inputs and targets [T + 1, N], padded.
struct Batch {
  Batch(const Task& task, std::mt19937& random, std::int64_t N) {
    const auto S = static_cast<std::size_t>(task.longest_source()), T = static_cast<std::size_t>(task.longest_target());
    const auto n = static_cast<std::size_t>(N);
    source.assign(S * n, padding);
    inputs.assign((T + 1) * n, padding);
    targets.assign((T + 1) * n, padding);
    for (std::size_t row = 0; row < n; ++row) {
      const Example example = task.draw(random, false);
      const Tokens from = encode(example.source), to = encode(example.target);
      for (std::size_t s = 0; s < from.size(); ++s) source[s * n + row] = from[s];
      inputs[row] = begin;
      for (std::size_t t = 0; t < to.size(); ++t) inputs[(t + 1) * n + row] = targets[t * n + row] = to[t];
      targets[to.size() * n + row] = end;
    }
  }
  Tokens source, inputs, targets;
};

/// Held-out examples, all different.
inline std::vector<Example> held_out(const Task& task, std::uint32_t seed, std::size_t count) {
  std::mt19937 random(seed);
  std::set<std::string> seen;
  std::vector<Example> examples;
  while (examples.size() < count) {
    Example example = task.draw(random, true);
    if (seen.insert(example.source).second) examples.push_back(std::move(example));
  }
  return examples;
}

}  // namespace rewrite
