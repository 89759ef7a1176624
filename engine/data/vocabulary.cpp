// Words, and a vocabulary of them.
// Invariant: a vocabulary depends on the counts of words alone, never on the order of the texts, and what was
// saved loads to the same tokens.
#include <algorithm>
#include <cctype>

#include <volute/graph.hpp>
#include <volute/data.hpp>

#include "engine/data/file.hpp"

namespace volute::data {
namespace {

constexpr std::string_view first_line = "volute vocabulary 1";
const char* const specials[] = {"<pad>", "<unk>"};

/// A word on a line of its own: backslash, line feed and carriage return are written as two characters.
std::string escaped(const std::string& word) {
  std::string line;
  for (char c : word) {
    if (c == '\\') line += "\\\\";
    else if (c == '\n') line += "\\n";
    else if (c == '\r') line += "\\r";
    else line += c;
  }
  return line;
}

/// Nothing if the line holds a lone backslash.
std::optional<std::string> unescaped(std::string_view line) {
  std::string word;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\\') {
      word += line[i];
      continue;
    }
    const char c = i + 1 < line.size() ? line[++i] : '\0';
    if (c != '\\' && c != 'n' && c != 'r') return std::nullopt;
    word += c == 'n' ? '\n' : c == 'r' ? '\r' : c;
  }
  return word;
}

}  // namespace

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> all;
  std::string word;
  const auto finish = [&] {
    if (!word.empty()) all.push_back(std::move(word));
    word.clear();
  };
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool ascii = byte < 128;
    const bool digit = c >= '0' && c <= '9', upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z';
    // An apostrophe within a word belongs to it: "don't".
    if (!ascii || digit || upper || lower || c == '_' || (c == '\'' && !word.empty())) {
      word += upper ? static_cast<char>(c - 'A' + 'a') : c;
      continue;
    }
    finish();
    if (byte > 32 && byte != 127) all.push_back(std::string(1, c));
  }
  finish();
  return all;
}

void Vocabulary::add(std::string word) {
  tokens_.emplace(word, static_cast<std::uint32_t>(words_.size()));
  words_.push_back(std::move(word));
}

Vocabulary Vocabulary::build(const std::vector<std::vector<std::string>>& texts, VocabularyOptions options) {
  if (options.min_count < 1)
    throw InvalidGraph("vocabulary: min_count must be at least 1, got " + std::to_string(options.min_count));
  if (options.max_size != 0 && options.max_size < 2)
    throw InvalidGraph("vocabulary: max_size must leave room for two special tokens, got " +
                       std::to_string(options.max_size));
  std::map<std::string, std::int64_t> counts;
  for (const auto& text : texts)
    for (const std::string& word : text) ++counts[word];
  for (const char* special : specials) counts.erase(special);
  std::vector<std::pair<std::string, std::int64_t>> order(counts.begin(), counts.end());
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  Vocabulary result;
  for (const char* special : specials) result.add(special);
  for (auto& [word, count] : order) {
    if (count < options.min_count || (options.max_size && result.size() == options.max_size)) break;
    if (result.size() == max_words)
      throw InvalidGraph("vocabulary: there are more than " + std::to_string(max_words) +
                         " words; bound them by max_size");
    result.add(std::move(word));
  }
  return result;
}

std::uint32_t Vocabulary::token(const std::string& word) const {
  const auto found = tokens_.find(word);
  return found == tokens_.end() ? unknown : found->second;
}

const std::string& Vocabulary::word(std::uint32_t token) const {
  if (token >= words_.size())
    throw InvalidGraph("vocabulary: token " + std::to_string(token) + " is outside a vocabulary of " +
                       std::to_string(words_.size()));
  return words_[token];
}

std::vector<std::uint32_t> Vocabulary::encode(const std::vector<std::string>& text) const {
  std::vector<std::uint32_t> tokens;
  for (const std::string& each : text) tokens.push_back(token(each));
  return tokens;
}

std::vector<std::string> Vocabulary::decode(std::span<const std::uint32_t> tokens) const {
  std::vector<std::string> text;
  for (std::uint32_t token : tokens) text.push_back(word(token));
  return text;
}

void Vocabulary::save(const std::string& path) const {
  std::string content(first_line);
  for (const std::string& word : words_) content += "\n" + escaped(word);
  write_file(path, content + "\n");
}

Vocabulary Vocabulary::load(const std::string& path) {
  const std::string content = read_file(path);
  Vocabulary result;
  std::size_t at = 0, line = 0;
  const auto fail = [&](const std::string& message) {
    throw BadFile(path + ":" + std::to_string(line) + ": " + message);
  };
  while (at < content.size()) {
    ++line;
    const std::size_t end = content.find('\n', at);
    if (end == std::string::npos) fail("the line does not end; the file is cut off");
    const std::string_view text = std::string_view(content).substr(at, end - at);
    at = end + 1;
    if (text.size() > max_field_bytes)
      fail("the word is too long: the limit is " + std::to_string(max_field_bytes) + " bytes");
    if (text.find('\r') != std::string_view::npos) fail("a carriage return; lines must end in a line feed alone");
    if (line == 1) {
      if (text != first_line) fail("is not a vocabulary; it should begin with \"" + std::string(first_line) + "\"");
      continue;
    }
    auto word = unescaped(text);
    if (!word) fail("a backslash must be followed by \\, n or r");
    if (line <= 3 && *word != specials[line - 2]) fail(std::string("should be ") + specials[line - 2]);
    if (result.tokens_.contains(*word)) fail("the word " + in_quotes(text) + " is there twice");
    if (result.size() == max_words) fail("there are too many words: the limit is " + std::to_string(max_words));
    result.add(std::move(*word));
  }
  if (result.size() < 2) fail("the special tokens are missing");
  return result;
}

}  // namespace volute::data
