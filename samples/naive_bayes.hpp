// Naive Bayes: classifies texts by how often their words occur in each class, whatever their order. It is what recipes
// that classify texts are held against.
// Invariant: only occurrences are counted, and one is added to every count (Laplace), so that none is 0.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace recipe {

/// The classes of `tests`, after counting the words of `texts`, whose classes are `labels`.
inline std::vector<std::uint32_t> naive_bayes(const std::vector<std::vector<std::uint32_t>>& texts,
                                              const std::vector<std::uint32_t>& labels,
                                              const std::vector<std::vector<std::uint32_t>>& tests,
                                              std::int64_t vocabulary) {
  const std::uint32_t classes = 1 + *std::max_element(labels.begin(), labels.end());
  std::vector<std::vector<double>> counts(classes, std::vector<double>(vocabulary, 1));  // [classes][V]
  std::vector<double> words(classes, static_cast<double>(vocabulary)), members(classes, 1);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    members[labels[i]] += 1;
    words[labels[i]] += static_cast<double>(texts[i].size());
    for (const std::uint32_t word : texts[i]) counts[labels[i]][word] += 1;
  }
  std::vector<std::uint32_t> guesses;
  for (const std::vector<std::uint32_t>& text : tests) {
    std::vector<double> scores;
    for (std::uint32_t c = 0; c < classes; ++c) {
      scores.push_back(std::log(members[c]));
      for (const std::uint32_t word : text) scores.back() += std::log(counts[c][word] / words[c]);
    }
    guesses.push_back(static_cast<std::uint32_t>(std::max_element(scores.begin(), scores.end()) - scores.begin()));
  }
  return guesses;
}

/// The words of each text, and behind them every pair of neighbours, as words of their own beyond the vocabulary.
inline std::vector<std::vector<std::uint32_t>> with_pairs(std::vector<std::vector<std::uint32_t>> texts,
                                                          std::int64_t vocabulary) {
  for (std::vector<std::uint32_t>& text : texts)
    for (std::size_t i = 1, size = text.size(); i < size; ++i)
      text.push_back(static_cast<std::uint32_t>(vocabulary) * (1 + text[i - 1]) + text[i]);
  return texts;
}

}  // namespace recipe
