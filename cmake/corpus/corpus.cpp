// The default corpus of char_lm: every embedded source in path order, joined once on first use.
#include "samples/char_lm/corpus.hpp"

#include <string>

#include "cmake/corpus/corpus_files.hpp"

namespace char_lm {

std::string_view default_corpus() {
  static const std::string corpus = [] {
    std::string joined;
    for (const EmbeddedFile& file : corpus_files()) joined += file.text;
    return joined;
  }();
  return corpus;
}

}  // namespace char_lm
