// The project's documentation and sources as cmake/embed.cmake writes them into a generated file, sorted by path.
// Invariant: texts live as long as the program.
#pragma once

#include <span>

namespace word_lm {

struct EmbeddedFile {
  const char* path;
  const char* text;
};

std::span<const EmbeddedFile> corpus_files();

}  // namespace word_lm
