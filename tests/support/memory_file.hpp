// Files for what takes a path: memfd, which costs no disk.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

namespace volute::test {

/// A file in memory that holds the bytes. Throws std::system_error.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes = {}) : descriptor_(::memfd_create("volute", MFD_CLOEXEC)) {
    if (descriptor_ < 0) fail();
    put(bytes, 0);
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  /// The same for every file, while there is but one.
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }
  void set(std::string_view bytes) const {
    if (::ftruncate(descriptor_, 0) != 0) fail();
    put(bytes, 0);
  }
  void put(std::string_view bytes, std::size_t at) const {
    while (!bytes.empty()) {
      const ssize_t count = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(at));
      if (count <= 0) fail();
      bytes.remove_prefix(static_cast<std::size_t>(count));
      at += static_cast<std::size_t>(count);
    }
  }
  std::string content() const {
    std::string bytes(static_cast<std::size_t>(::lseek(descriptor_, 0, SEEK_END)), '\0');
    if (::pread(descriptor_, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) fail();
    return bytes;
  }

 private:
  [[noreturn]] static void fail() { throw std::system_error(errno, std::generic_category(), "a file in memory"); }

  int descriptor_;
};

}  // namespace volute::test
