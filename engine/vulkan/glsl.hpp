// GLSL compute shader text to SPIR-V through the glslang library, kept in memory and on disk by content.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace volute::vk {

/// SPIR-V (Vulkan 1.2 target) of a compute shader; `#include "lib/..."` is resolved from the embedded
/// shaders. Throws Error with glslang's log and the numbered source if it does not compile. Thread-safe.
std::vector<std::uint32_t> compile_glsl(const std::string& source);

/// The release of glslang this library is built with.
int glslang_major_version();

/// How compile_glsl has answered so far in this process.
struct GlslCounts {
  int compiled = 0, from_disk = 0, from_memory = 0;
};
GlslCounts glsl_counts();
/// Forgets what memory holds, so that the next requests go to the disk; for tests.
void forget_compiled_glsl();
/// Name in environment().cache_dir of the SPIR-V of this text.
std::string glsl_cache_name(const std::string& source);

/// Text of a file of shaders/, embedded at build time, by its path below shaders/ ("matmul_texel.comp",
/// "lib/access.glsl"). Throws Error if there is none.
std::string_view embedded_shader(std::string_view path);
/// Paths of all embedded shaders, sorted.
std::vector<std::string_view> embedded_shader_paths();

}  // namespace volute::vk
