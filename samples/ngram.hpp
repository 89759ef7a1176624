// What samples hold their language models against: n-grams of tokens, interpolated after Witten and Bell.
// Invariant: probabilities of all tokens of the vocabulary sum to 1 in every context; those never seen share 1/V.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace ngram {

/// p(x | c) = (count(c x) + kinds(c) p(x | c without its first token)) / (count(c) + kinds(c)), where kinds(c) is how
/// many different tokens followed c, and 1/V without a context (Witten and Bell 1991).
class Model {
 public:
  /// `order` tokens at most are looked at together: 1 counts tokens, 2 pairs, ...
  Model(std::int64_t vocabulary, int order) : vocabulary_(vocabulary), lengths_(static_cast<std::size_t>(order)) {}

  void train(std::span<const std::uint32_t> tokens) {
    for (std::size_t i = 0; i < tokens.size(); ++i)
      for (std::size_t length = 0; length < lengths_.size() && length <= i; ++length) {
        Context& context = lengths_[length].contexts[hash(tokens.subspan(i - length, length))];
        double& count = lengths_[length].grams[hash(tokens.subspan(i - length, length + 1))];
        context.count += 1;
        context.kinds += count == 0;
        count += 1;
      }
  }

  /// Of tokens[i] behind the tokens before it.
  double probability(std::span<const std::uint32_t> tokens, std::size_t i) const {
    double p = 1.0 / static_cast<double>(vocabulary_);
    for (std::size_t length = 0; length < lengths_.size() && length <= i; ++length) {
      const auto context = lengths_[length].contexts.find(hash(tokens.subspan(i - length, length)));
      if (context == lengths_[length].contexts.end()) break;
      const auto gram = lengths_[length].grams.find(hash(tokens.subspan(i - length, length + 1)));
      const double count = gram == lengths_[length].grams.end() ? 0 : gram->second;
      const auto& [all, kinds] = context->second;
      p = (count + kinds * p) / (all + kinds);
    }
    return p;
  }

  /// Mean of -log p over the tokens from `begin` on, in nats; those before are context alone.
  double cross_entropy(std::span<const std::uint32_t> tokens, std::size_t begin = 0) const {
    double total = 0;
    for (std::size_t i = begin; i < tokens.size(); ++i) total -= std::log(probability(tokens, i));
    return total / static_cast<double>(tokens.size() - begin);
  }

 private:
  struct Context {
    double count = 0, kinds = 0;  ///< tokens behind it, and how many different ones
  };
  struct Length {
    std::unordered_map<std::uint64_t, Context> contexts;  ///< by their hash
    std::unordered_map<std::uint64_t, double> grams;      ///< counts of a context and the token behind it
  };
  /// FNV-1a over whole tokens: 64 bits are enough for contexts not to meet.
  static std::uint64_t hash(std::span<const std::uint32_t> tokens) {
    std::uint64_t h = 14695981039346656037ull;
    for (std::uint32_t token : tokens) h = (h ^ (token + 1)) * 1099511628211ull, h ^= h >> 29;
    return h;
  }
  std::int64_t vocabulary_;
  std::vector<Length> lengths_;  ///< by the length of the context
};

}  // namespace ngram
