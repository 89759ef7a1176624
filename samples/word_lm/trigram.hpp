// A trigram model with interpolated Kneser-Ney smoothing (Kneser and Ney 1995; Chen and Goodman 1999), one discount an
// order: what can be said of the next word by counting.
// Invariant: the probabilities of all words but padding sum to 1 after any two words, seen or not.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace word_lm {

class Trigram {
 public:
  Trigram(const std::vector<std::uint32_t>& tokens, std::int64_t vocabulary)
      : uniform_(1.0 / static_cast<double>(vocabulary - 1)) {
    for (std::size_t i = 2; i < tokens.size(); ++i) {
      // Lower orders count in how many different contexts a word has been seen, not how often.
      if (three_.add(key(tokens[i - 2], tokens[i - 1]), tokens[i]) && two_.add(key(0, tokens[i - 1]), tokens[i]))
        one_.add(0, tokens[i]);
    }
    for (Order* order : {&three_, &two_, &one_}) order->set_discount();
  }

  /// p(word | first second)
  double operator()(std::uint32_t first, std::uint32_t second, std::uint32_t word) const {
    const double p1 = one_.probability(0, word, uniform_);
    const double p2 = two_.probability(key(0, second), word, p1);
    return three_.probability(key(first, second), word, p2);
  }

 private:
  using Key = std::uint64_t;
  static Key key(Key first, Key second) { return first << 20 | second; }

  struct Order {
    struct Context {
      double total = 0, distinct = 0;
    };
    std::unordered_map<Key, Context> contexts;
    std::unordered_map<Key, double> counts;  ///< of context and word
    double discount = 0;

    /// Whether it is the first time.
    bool add(Key context, std::uint32_t word) {
      double& count = counts[context << 20 | word];
      Context& of = contexts[context];
      of.total += 1;
      of.distinct += count == 0;
      return ++count == 1;
    }
    /// n1 / (n1 + 2 n2), of how many were seen once and twice.
    void set_discount() {
      double once = 0, twice = 0;
      for (const auto& [key, count] : counts) once += count == 1, twice += count == 2;
      discount = once / (once + 2 * twice);
    }
    /// What is discounted goes to the lower order.
    double probability(Key context, std::uint32_t word, double lower) const {
      const auto of = contexts.find(context);
      if (of == contexts.end()) return lower;
      const auto count = counts.find(context << 20 | word);
      const double seen = count == counts.end() ? 0 : count->second - discount;
      return (seen + discount * of->second.distinct * lower) / of->second.total;
    }
  };

  Order three_, two_, one_;
  double uniform_;
};

}  // namespace word_lm
