// Prose as words: paragraphs of Markdown and plain text, comments of sources. A file in ten is kept for validation and
// one in ten for the test.
// Invariant: the vocabulary is that of the training part; any other word is unknown, to everyone who is measured.
#pragma once

#include <cctype>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>
#include <volute/data.hpp>

#include "samples/word_lm/corpus_files.hpp"

namespace word_lm {

using Tokens = std::vector<std::uint32_t>;

/// Stands at the end of every paragraph.
inline const std::string paragraph = "<p>";

/// What a line of a file says in plain words; nothing where it is code.
inline std::string prose(std::string line, bool source, bool& in_code) {
  if (source) {
    const auto slashes = line.find("//");
    if (slashes == std::string::npos || (slashes > 0 && (line[slashes - 1] == ':' || line[slashes - 1] == '"')))
      return "";
    line.erase(0, line.find_first_not_of("/<!", slashes));
  } else {
    const bool fence = line.rfind("```", 0) == 0;
    if (fence) in_code = !in_code;
    if (fence || in_code || line[0] == '|') return "";
  }
  if (line.find("namespace") < 2) return "";  // behind a closing brace
  std::string plain;
  for (const char c : line) {
    const bool rule = c == '-' && !plain.empty() && plain.back() == '-';
    if (c != '`' && c != '*' && c != '#' && !rule) plain += c;
  }
  return plain;
}

/// The words of a file, with a mark at the end of every paragraph.
inline std::vector<std::string> read_words(const std::string& path, const std::string& text) {
  const auto dot = path.rfind('.');
  const std::string ending = dot == std::string::npos ? "" : path.substr(dot);
  const bool source = ending == ".hpp" || ending == ".cpp" || ending == ".comp" || ending == ".glsl";
  std::vector<std::string> all;
  std::istringstream lines(text);
  bool in_code = false;
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> words = volute::data::words(prose(line, source, in_code));
    all.insert(all.end(), words.begin(), words.end());
    if (words.empty() && !all.empty() && all.back() != paragraph) all.push_back(paragraph);
  }
  return all;
}

struct Corpus {
  volute::data::Vocabulary vocabulary;
  Tokens training, validation, test;

  /// Of the files named, or of what is embedded if there are none.
  explicit Corpus(const std::vector<std::string>& paths) {
    std::vector<std::string> parts[3];
    std::size_t number = 0;
    const auto add = [&](const std::string& path, const std::string& text) {
      std::vector<std::string>& part = parts[number % 10 == 4 ? 1 : number % 10 == 9 ? 2 : 0];
      const std::vector<std::string> words = read_words(path, text);
      part.insert(part.end(), words.begin(), words.end());
      ++number;
    };
    for (const std::string& path : paths) {
      std::ifstream file(path, std::ios::binary);
      if (!file) throw volute::BadFile(path + ": cannot be read");
      add(path, std::string(std::istreambuf_iterator<char>(file), {}));
    }
    if (paths.empty())
      for (const EmbeddedFile& file : corpus_files()) add(file.path, file.text);
    vocabulary = volute::data::Vocabulary::build({parts[0]}, {.min_count = 3});
    training = vocabulary.encode(parts[0]);
    validation = vocabulary.encode(parts[1]);
    test = vocabulary.encode(parts[2]);
  }
};

}  // namespace word_lm
