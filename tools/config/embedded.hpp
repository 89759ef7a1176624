// The schema as cmake/embed.cmake writes it into a generated file.
#pragma once

#include <span>

namespace volute::tool {

struct EmbeddedFile {
  const char* path;
  const char* text;
};

std::span<const EmbeddedFile> embedded_schema();

}  // namespace volute::tool
