// What tests need of a Markdown document: its fenced blocks with their languages, and its inline code.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace support {

struct Block {
  std::string language;
  std::string text;
  int line = 0;  ///< of its first line
};

struct Document {
  std::vector<Block> blocks;
  std::vector<Block> spans;  ///< `inline code`, with line breaks as spaces
};

inline std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Of prose that begins in `line`.
inline void add_spans(Document& document, const std::string& prose, int line) {
  static const std::regex code("`([^`]+)`"), spaces("\\s+");
  for (auto i = std::sregex_iterator(prose.begin(), prose.end(), code); i != std::sregex_iterator(); ++i) {
    const auto before = std::count(prose.begin(), prose.begin() + i->position(), '\n');
    document.spans.push_back({"", std::regex_replace((*i)[1].str(), spaces, " "), line + static_cast<int>(before)});
  }
}

inline Document markdown(const std::filesystem::path& path) {
  Document document;
  std::istringstream text(contents(path));
  std::string line, prose;
  bool fenced = false;
  int begin = 1;  // of the prose
  for (int number = 1; std::getline(text, line); ++number) {
    if (line.rfind("```", 0) == 0) {
      fenced = !fenced;
      if (fenced) document.blocks.push_back({line.substr(3), "", number + 1});
      if (fenced) add_spans(document, prose, begin);
      prose.clear();
      begin = number + 1;
    } else if (fenced) {
      document.blocks.back().text += line + "\n";
    } else {
      prose += line + "\n";
    }
  }
  EXPECT_FALSE(fenced) << path << ": a block has no end";
  add_spans(document, prose, begin);
  return document;
}

}  // namespace support
