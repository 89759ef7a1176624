// What is kept on disk between runs: SPIR-V by content and the driver's pipelines; hits, and recovery from damage.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "engine/vulkan/disk_cache.hpp"
#include "engine/vulkan/glsl.hpp"
#include "engine/vulkan/pipeline.hpp"
#include "engine/vulkan/shader_text.hpp"

namespace volute::vk {
namespace {

namespace fs = std::filesystem;

std::vector<std::byte> some_bytes(std::size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(i * 31 + 5);
  return bytes;
}

void overwrite(const std::string& path, std::uintmax_t at, char byte) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(byte);
}

const std::string shader = "#version 450\nlayout(local_size_x = 3) in;\nvoid main() {}\n";

/// Compiles `shader` with an empty memory and says where it came from.
GlslCounts request() {
  forget_compiled_glsl();
  const GlslCounts before = glsl_counts();
  const auto words = compile_glsl(shader);
  EXPECT_EQ(words.at(0), 0x07230203u);
  const GlslCounts after = glsl_counts();
  return {after.compiled - before.compiled, after.from_disk - before.from_disk, after.from_memory - before.from_memory};
}

TEST(DiskCache, KeepsBytes) {
  const auto bytes = some_bytes(1000);
  store_cached("kept.bin", bytes);
  EXPECT_EQ(load_cached("kept.bin"), bytes);
  store_cached("empty.bin", {});
  EXPECT_EQ(load_cached("empty.bin"), std::vector<std::byte>());
  EXPECT_EQ(load_cached("absent.bin"), std::nullopt);
}

TEST(DiskCache, LeavesNoTemporaryFiles) {
  store_cached("clean.bin", some_bytes(10));
  for (const auto& entry : fs::directory_iterator(fs::path(cache_path("clean.bin")).parent_path()))
    EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
}

TEST(DiskCache, NoticesEveryKindOfDamage) {
  const auto bytes = some_bytes(100);
  const std::string path = cache_path("damaged.bin");
  for (const std::uintmax_t at : {0, 9, 17, 24, 123}) {  // magic, size, hash, first and last byte
    store_cached("damaged.bin", bytes);
    overwrite(path, at, '\x5a');
    EXPECT_EQ(load_cached("damaged.bin"), std::nullopt) << "byte " << at;
  }
  for (const std::uintmax_t size : {0, 10, 24, 60, 123, 200}) {
    store_cached("damaged.bin", bytes);
    fs::resize_file(path, size);
    EXPECT_EQ(load_cached("damaged.bin"), std::nullopt) << "size " << size;
  }
}

TEST(DiskCache, WritingWhereItCannotIsIgnored) {
  fs::create_directories(cache_path("folder.bin"));  // a folder has the file's name
  EXPECT_NO_THROW(store_cached("folder.bin", some_bytes(10)));
  EXPECT_EQ(load_cached("folder.bin"), std::nullopt);
}

TEST(Glsl, CompilesOnceThenReadsTheDiskThenMemory) {
  std::error_code error;
  fs::remove(cache_path(glsl_cache_name(shader)), error);
  EXPECT_EQ(request().compiled, 1);
  EXPECT_EQ(request().from_disk, 1);
  const int before = glsl_counts().from_memory;
  compile_glsl(shader);
  EXPECT_EQ(glsl_counts().from_memory, before + 1);
}

TEST(Glsl, RecoversFromACorruptedCacheFile) {
  request();
  const std::string path = cache_path(glsl_cache_name(shader));
  overwrite(path, fs::file_size(path) - 2, '\x77');
  EXPECT_EQ(request().compiled, 1);
  EXPECT_EQ(request().from_disk, 1);
}

TEST(Glsl, IncludesAreEmbeddedFiles) {
  EXPECT_EQ(resolve_includes("a\nb"), "a\nb");
  EXPECT_THROW(resolve_includes("#include \"lib/no_such_file.glsl\"\n"), Error);
  EXPECT_THROW(resolve_includes("#include <lib/access.glsl>\n"), Error);
}

TEST(Glsl, EmbeddedFilesAreThoseOfTheShaderFolder) {
  const fs::path folder = fs::path(VOLUTE_SOURCE_DIR) / "shaders";
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".comp" && entry.path().extension() != ".glsl") continue;
    ++files;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(embedded_shader(fs::relative(entry.path(), folder).generic_string()), text) << entry.path();
  }
  EXPECT_EQ(embedded_shader_paths().size(), files);
}

TEST(DriverCache, IsSavedAndReadBack) {
  const auto context = Context::create("");
  const auto use = [&] { PipelineCache(context).get(shader, {}, 0); };
  use();
  int files = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(cache_path("x")).parent_path()))
    files += entry.path().filename().string().starts_with("pipelines-");
  EXPECT_EQ(files, 1);
  use();
}

}  // namespace
}  // namespace volute::vk
