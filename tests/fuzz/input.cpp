// Files for parsers that take a path: memfd, which costs no disk.
#include "tests/fuzz/input.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace volute::fuzz {

MemoryFile::MemoryFile(std::string_view bytes) : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)) {
  if (descriptor_ < 0) broken("memfd_create works");
  while (!bytes.empty()) {
    const ssize_t put = ::write(descriptor_, bytes.data(), bytes.size());
    if (put <= 0) broken("a file in memory can be written");
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  path_ = "/proc/self/fd/" + std::to_string(descriptor_);
}

MemoryFile::~MemoryFile() { ::close(descriptor_); }

std::string MemoryFile::content() const {
  std::string bytes(static_cast<std::size_t>(::lseek(descriptor_, 0, SEEK_END)), '\0');
  const ssize_t got = ::pread(descriptor_, bytes.data(), bytes.size(), 0);
  require(got == static_cast<ssize_t>(bytes.size()), "a file in memory can be read");
  return bytes;
}

void broken(const std::string& promise) {
  std::fprintf(stderr, "broken promise: %s\n", promise.c_str());
  std::abort();
}

}  // namespace volute::fuzz
