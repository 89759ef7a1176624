// Cache files: a header of magic, size and hash before the bytes, so a torn or edited file is noticed.
#include "engine/vulkan/disk_cache.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine/environment.hpp"

namespace volute::vk {
namespace {

namespace fs = std::filesystem;

struct Header {
  std::array<char, 8> magic{'V', 'O', 'L', 'U', 'T', 'E', 'C', '1'};
  std::uint64_t size = 0;
  std::uint64_t hash = 0;
};

/// Unlike any other of this machine: two processes may write the same cache file at once.
std::string temporary_suffix() {
  static std::atomic<unsigned> counter{0};
  const auto now = std::chrono::high_resolution_clock::now().time_since_epoch().count();
  const auto place = reinterpret_cast<std::uintptr_t>(&counter);  // differs by process with address randomisation
  char text[80];
  std::snprintf(text, sizeof text, ".%llx-%llx-%u.tmp", static_cast<unsigned long long>(now),
                static_cast<unsigned long long>(place), counter++);
  return text;
}

}  // namespace

std::uint64_t hash_bytes(std::span<const std::byte> bytes, std::uint64_t seed) {
  for (std::byte byte : bytes) seed = (seed ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3ull;
  return seed;
}

std::string hash_name(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  char digits[33];
  std::snprintf(digits, sizeof digits, "%016llx%016llx", static_cast<unsigned long long>(hash_bytes(bytes)),
                static_cast<unsigned long long>(hash_bytes(bytes, 0x9e3779b97f4a7c15ull)));
  return digits;
}

std::string cache_path(const std::string& name) {
  const std::string& folder = environment().cache_dir;
  return folder.empty() ? "" : folder + "/" + name;
}

std::optional<std::vector<std::byte>> load_cached(const std::string& name) {
  const std::string path = cache_path(name);
  if (path.empty()) return std::nullopt;
  std::error_code error;
  const std::uintmax_t on_disk = fs::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  Header header;
  const Header expected;
  if (error || !file.read(reinterpret_cast<char*>(&header), sizeof header)) return std::nullopt;
  // The size is believed only where it agrees with the file's, so a bad header cannot ask for memory.
  if (header.magic != expected.magic || header.size != on_disk - sizeof header) return std::nullopt;
  std::vector<std::byte> bytes(header.size);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())))
    return std::nullopt;
  if (hash_bytes(bytes) != header.hash) return std::nullopt;
  return bytes;
}

void replace_file(const std::string& path, std::string_view text) {
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  const std::string temporary = path + temporary_suffix();
  {
    std::ofstream file(temporary, std::ios::binary);
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
    file.close();
    if (!file) {
      fs::remove(temporary, error);
      return;
    }
  }
  fs::rename(temporary, path, error);
  if (error) fs::remove(temporary, error);
}

void store_cached(const std::string& name, std::span<const std::byte> bytes) {
  const std::string path = cache_path(name);
  if (path.empty()) return;
  Header header;
  header.size = bytes.size();
  header.hash = hash_bytes(bytes);
  std::string text(reinterpret_cast<const char*>(&header), sizeof header);
  text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  replace_file(path, text);
}

}  // namespace volute::vk
