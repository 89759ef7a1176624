// The files of shaders/ as cmake/embed.cmake writes them into a generated source, sorted by path.
#pragma once

#include <span>

namespace volute::vk {

struct EmbeddedFile {
  const char* path;
  const char* text;
};

std::span<const EmbeddedFile> embedded_shaders();

}  // namespace volute::vk
