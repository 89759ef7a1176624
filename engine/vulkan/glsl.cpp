// GLSL to SPIR-V: memory first, then the disk, then glslang.
// Invariant: the same text, after includes, gives the same SPIR-V words, wherever they came from.
#include "engine/vulkan/glsl.hpp"

#include <glslang/Include/glslang_c_interface.h>
#include <glslang/Public/resource_limits_c.h>
#include <glslang/build_info.h>

#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <unordered_map>

#include "engine/vulkan/disk_cache.hpp"
#include "engine/vulkan/shader_text.hpp"
#include "volute/graph.hpp"

namespace volute::vk {
namespace {

using Words = std::vector<std::uint32_t>;

struct Memory {
  std::mutex mutex;
  std::unordered_map<std::string, Words> words;
  GlslCounts counts;
};

Memory& memory() {
  static Memory kept;
  return kept;
}

std::string numbered(const std::string& source) {
  std::istringstream lines(source);
  std::string out;
  int number = 1;
  for (std::string line; std::getline(lines, line); ++number) out += std::to_string(number) + ": " + line + '\n';
  return out;
}

[[noreturn]] void fail(const char* stage, const char* log, const std::string& source) {
  throw Error(std::string("shader does not ") + stage + ":\n" + (log ? log : "") + '\n' + numbered(source));
}

glslang_input_t input_of(const std::string& source) {
  glslang_input_t input{};
  input.language = GLSLANG_SOURCE_GLSL;
  input.stage = GLSLANG_STAGE_COMPUTE;
  input.client = GLSLANG_CLIENT_VULKAN;
  input.client_version = GLSLANG_TARGET_VULKAN_1_2;
  input.target_language = GLSLANG_TARGET_SPV;
  input.target_language_version = GLSLANG_TARGET_SPV_1_5;
  input.code = source.c_str();
  input.default_version = 450;
  input.default_profile = GLSLANG_NO_PROFILE;
  input.messages = static_cast<glslang_messages_t>(GLSLANG_MSG_DEFAULT_BIT | GLSLANG_MSG_SPV_RULES_BIT |
                                                   GLSLANG_MSG_VULKAN_RULES_BIT);
  input.resource = glslang_default_resource();
  return input;
}

Words compile(const std::string& source) {
  static const int started = glslang_initialize_process();
  if (!started) throw Error("glslang_initialize_process failed");
  const glslang_input_t input = input_of(source);
  const std::unique_ptr<glslang_shader_t, void (*)(glslang_shader_t*)> shader(glslang_shader_create(&input),
                                                                              glslang_shader_delete);
  if (!shader) throw Error("glslang_shader_create failed");
  if (!glslang_shader_preprocess(shader.get(), &input))
    fail("preprocess", glslang_shader_get_info_log(shader.get()), source);
  if (!glslang_shader_parse(shader.get(), &input)) fail("compile", glslang_shader_get_info_log(shader.get()), source);
  const std::unique_ptr<glslang_program_t, void (*)(glslang_program_t*)> program(glslang_program_create(),
                                                                                 glslang_program_delete);
  glslang_program_add_shader(program.get(), shader.get());
  if (!glslang_program_link(program.get(), input.messages))
    fail("link", glslang_program_get_info_log(program.get()), source);
  // Optimisation is left to the driver, which does it anyway; here it would triple the compile time.
  glslang_spv_options_t options{};
  options.strip_debug_info = true;
  options.disable_optimizer = true;
  glslang_program_SPIRV_generate_with_options(program.get(), GLSLANG_STAGE_COMPUTE, &options);
  Words words(glslang_program_SPIRV_get_size(program.get()));
  if (words.empty()) fail("translate", glslang_program_SPIRV_get_messages(program.get()), source);
  glslang_program_SPIRV_get(program.get(), words.data());
  return words;
}

std::string cache_name(const std::string& resolved) {
  static const std::string version = std::to_string(GLSLANG_VERSION_MAJOR) + "." +
                                     std::to_string(GLSLANG_VERSION_MINOR) + "." +
                                     std::to_string(GLSLANG_VERSION_PATCH);
  return hash_name("glslang " + version + " spv1.5\n" + resolved) + ".spv";
}

std::optional<Words> from_disk(const std::string& name) {
  const auto bytes = load_cached(name);
  if (!bytes || bytes->empty() || bytes->size() % 4 != 0) return std::nullopt;
  Words words(bytes->size() / 4);
  std::memcpy(words.data(), bytes->data(), bytes->size());
  return words;
}

}  // namespace

std::vector<std::uint32_t> compile_glsl(const std::string& source) {
  const std::string resolved = resolve_includes(source);
  {
    std::lock_guard lock(memory().mutex);
    if (const auto found = memory().words.find(resolved); found != memory().words.end()) {
      ++memory().counts.from_memory;
      return found->second;
    }
  }
  const std::string name = cache_name(resolved);
  std::optional<Words> words = from_disk(name);
  const bool stored = words.has_value();
  if (!stored) {
    words = compile(resolved);
    store_cached(name, std::as_bytes(std::span(*words)));
  }
  std::lock_guard lock(memory().mutex);
  ++(stored ? memory().counts.from_disk : memory().counts.compiled);
  memory().words.emplace(resolved, *words);
  return *words;
}

int glslang_major_version() { return GLSLANG_VERSION_MAJOR; }

GlslCounts glsl_counts() {
  std::lock_guard lock(memory().mutex);
  return memory().counts;
}

void forget_compiled_glsl() {
  std::lock_guard lock(memory().mutex);
  memory().words.clear();
}

std::string glsl_cache_name(const std::string& source) { return cache_name(resolve_includes(source)); }

}  // namespace volute::vk
