// The text to train on: files, or the project's own sources when none is named.
// Invariant: tokens index `vocabulary`, which is a loaded model's if there is one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace char_lm {

/// The project's sources and shaders in one string; its definition is generated when building.
std::string_view default_corpus();

struct Corpus {
  std::string vocabulary;  ///< sorted distinct bytes
  std::vector<std::uint32_t> train, validation;
};

/// The files, or the default corpus if there are none. With a vocabulary that is not empty the tokens are
/// its; throws UsageError if the text has a character it lacks, BadFile as data::Text does.
Corpus load_corpus(const std::vector<std::string>& paths, const std::string& vocabulary);

/// Tokens of a text. Throws UsageError, naming `what`, for a character outside the vocabulary.
std::vector<std::uint32_t> encode(const std::string& text, const std::string& vocabulary, const std::string& what);

}  // namespace char_lm
