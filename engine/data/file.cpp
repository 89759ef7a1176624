// Whole files; see file.hpp.
#include "engine/data/file.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <volute/graph.hpp>

namespace volute::data {
namespace {

[[noreturn]] void unreadable(const std::string& path, int error) {
  throw BadFile(path + ": cannot be read: " + std::strerror(error));
}

[[noreturn]] void unwritable(const std::string& path, const std::string& temporary, int error) {
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  throw BadFile(path + ": cannot be written: " + std::strerror(error != 0 ? error : EIO));
}

}  // namespace

std::string read_file(const std::string& path, std::uint64_t most) {
  const auto too_large = [&] {
    throw BadFile(path + ": is too large: the limit is " + std::to_string(most) + " bytes");
  };
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  // A folder opens like a file on Linux and fails only at the first read; a pipe would wait for a writer.
  if (std::filesystem::is_directory(status)) throw BadFile(path + ": is a folder, not a text file");
  if (std::filesystem::is_other(status)) throw BadFile(path + ": is not a regular file");
  if (std::filesystem::file_size(path, error) > most && !error) too_large();
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) unreadable(path, errno != 0 ? errno : ENOENT);
  std::string text;
  std::array<char, 1 << 16> block;
  while (file.read(block.data(), block.size()) || file.gcount() > 0) {
    if (static_cast<std::uint64_t>(file.gcount()) > most - text.size()) too_large();
    text.append(block.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (file.bad()) unreadable(path, errno != 0 ? errno : EIO);
  if (text.empty()) throw BadFile(path + ": is empty");
  return text;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t most = 60;
  std::string out = "\"";
  for (const char c : text.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 32 && byte != 127) {
      out += c;
    } else {
      constexpr const char* digits = "0123456789abcdef";
      out += {'\\', 'x', digits[byte / 16], digits[byte % 16]};
    }
  }
  return out + (text.size() > most ? "...\"" : "\"");
}

void write_file(const std::string& path, std::string_view content) {
  const std::string temporary = path + ".new";
  errno = 0;
  {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
    file.close();
    if (!file) unwritable(path, temporary, errno);
  }
  std::error_code error;
  std::filesystem::rename(temporary, path, error);
  if (error) unwritable(path, temporary, error.value());
}

}  // namespace volute::data
