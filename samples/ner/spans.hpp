// What tagged sentences are judged by: entities as spans, their F1, and the tags of someone who only knows words.
// Invariant: an entity counts as found only with its exact words and its kind, as in CoNLL's shared tasks.
#pragma once

#include <algorithm>
#include <map>
#include <set>

#include "samples/ner/sentences.hpp"

namespace ner {

using Tokens = std::vector<std::uint32_t>;

inline std::string lower(std::string word) {
  for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return word;
}

/// (first word, word behind the last, kind) of every entity. I- begins one where none of its kind goes on.
inline std::set<std::array<std::size_t, 3>> entities(const Tokens& tags) {
  std::set<std::array<std::size_t, 3>> found;
  for (std::size_t t = 0; t < tags.size();) {
    const std::size_t begin = t, kind = tags[t] / 2 - 1;  // wraps around for padding
    if (tags[t++] < first_tag) continue;
    while (t < tags.size() && tags[t] == first_tag + 2 * kind + 1) ++t;
    found.insert({begin, t, kind});
  }
  return found;
}

/// Of exact entities, those of one kind or all.
inline double f1(const std::vector<Sentence>& sentences, const std::vector<Tokens>& tagged, int kind = -1) {
  double both = 0, all = 0;
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    const auto wanted = entities(sentences[i].tags), got = entities(tagged[i]);
    for (const auto& e : wanted) {
      if (kind >= 0 && e[2] != static_cast<std::size_t>(kind)) continue;
      all += 1;
      both += static_cast<double>(got.count(e));
    }
    for (const auto& e : got) all += kind < 0 || e[2] == static_cast<std::size_t>(kind);
  }
  return all > 0 ? 2 * both / all : 0;
}

/// The tag each word had most often in training; outside for words that did not occur.
inline std::vector<Tokens> tag_by_word(const std::vector<Sentence>& training, const std::vector<Sentence>& sentences) {
  std::map<std::string, std::array<int, tag_count>> counts;
  for (const Sentence& s : training)
    for (std::size_t t = 0; t < s.words.size(); ++t) ++counts[lower(s.words[t])][s.tags[t]];
  std::vector<Tokens> tagged;
  for (const Sentence& s : sentences) {
    tagged.emplace_back();
    for (const std::string& word : s.words) {
      const auto found = counts.find(lower(word));
      if (found == counts.end()) {
        tagged.back().push_back(outside);
        continue;
      }
      const auto best = std::max_element(found->second.begin(), found->second.end());
      tagged.back().push_back(static_cast<std::uint32_t>(best - found->second.begin()));
    }
  }
  return tagged;
}

/// "[PER Ana Velson] left [ORG Bank of Kelton] ."
inline std::string written(const Sentence& sentence, const Tokens& tags) {
  std::string text;
  std::map<std::size_t, std::size_t> opens, closes;
  for (const auto& [begin, end, kind] : entities(tags)) opens[begin] = kind, closes[end - 1] = kind;
  for (std::size_t t = 0; t < sentence.words.size(); ++t) {
    text += t > 0 ? " " : "";
    if (opens.count(t)) text += "[" + kind_names[opens[t]] + " ";
    text += sentence.words[t] + (closes.count(t) ? "]" : "");
  }
  return text;
}

}  // namespace ner
