// The project's sources as cmake/embed.cmake writes them into a generated file, sorted by path.
#pragma once

#include <span>

namespace char_lm {

struct EmbeddedFile {
  const char* path;
  const char* text;
};

std::span<const EmbeddedFile> corpus_files();

}  // namespace char_lm
