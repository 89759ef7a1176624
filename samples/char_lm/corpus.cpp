// Corpus and tokens. A model's vocabulary wins over the text's: its tokens are rows of the embedding.
#include "samples/char_lm/corpus.hpp"

#include <cctype>
#include <cstdio>
#include <volute/data.hpp>

#include "samples/char_lm/options.hpp"

namespace char_lm {
namespace {

std::string describe(char byte) {
  const auto value = static_cast<unsigned char>(byte);
  char text[32];
  if (std::isprint(value) != 0)
    std::snprintf(text, sizeof text, "'%c'", byte);
  else
    std::snprintf(text, sizeof text, "byte 0x%02x", value);
  return text;
}

}  // namespace

std::vector<std::uint32_t> encode(const std::string& text, const std::string& vocabulary, const std::string& what) {
  std::vector<std::uint32_t> tokens;
  tokens.reserve(text.size());
  for (char byte : text) {
    const std::size_t at = vocabulary.find(byte);
    if (at == std::string::npos) throw UsageError(what + ": the vocabulary has no " + describe(byte));
    tokens.push_back(static_cast<std::uint32_t>(at));
  }
  return tokens;
}

Corpus load_corpus(const std::vector<std::string>& paths, const std::string& vocabulary) {
  using volute::data::Text;
  if (paths.empty() && default_corpus().empty())
    throw UsageError("this build has no text of its own: name one with --text");
  const Text text = paths.empty() ? Text::from_string(default_corpus()) : Text::load(paths);
  Corpus corpus{text.vocabulary(), text.train(), text.validation()};
  if (vocabulary.empty() || vocabulary == corpus.vocabulary) return corpus;

  const std::vector<std::uint32_t> rows =
      encode(corpus.vocabulary, vocabulary, "the text does not fit the loaded model");
  for (std::uint32_t& token : corpus.train) token = rows[token];
  for (std::uint32_t& token : corpus.validation) token = rows[token];
  corpus.vocabulary = vocabulary;
  return corpus;
}

}  // namespace char_lm
