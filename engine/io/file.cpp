// POSIX files behind file.hpp. Short reads and writes and interruptions by signals are continued here,
// so callers see either all bytes or a BadFile.
#include "engine/io/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <volute/graph.hpp>

namespace volute::io {

File::File(std::string path) : path_(std::move(path)) {
  const auto unreadable = [this](const std::string& why) {
    if (descriptor_ >= 0) ::close(descriptor_);
    throw BadFile(path_ + ": cannot be read: " + why);
  };
  // O_NONBLOCK: opening a pipe without a writer would otherwise wait for one.
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) unreadable(std::strerror(errno));
  struct stat info {};
  if (::fstat(descriptor_, &info) != 0) unreadable(std::strerror(errno));
  if (!S_ISREG(info.st_mode)) unreadable("it is not a regular file");
  size_ = static_cast<std::uint64_t>(info.st_size);
}

File::~File() { ::close(descriptor_); }

void File::read_at(std::uint64_t offset, void* target, std::uint64_t bytes) const {
  auto* at = static_cast<char*>(target);
  while (bytes > 0) {
    const ssize_t got = ::pread(descriptor_, at, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw BadFile(path_ + ": cannot be read: " + std::strerror(errno));
    if (got == 0) throw BadFile(path_ + ": became shorter while it was read");
    at += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::uint64_t>(got);
  }
}

ReplacingFile::ReplacingFile(std::string path) : path_(std::move(path)) {
  // A temporary file of a run that was killed may bear our process number: take the next name then.
  for (int attempt = 0; attempt < 100; ++attempt) {
    temporary_ = path_ + ".tmp" + std::to_string(::getpid()) + "." + std::to_string(attempt);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ >= 0) return;
    if (errno != EEXIST) break;
  }
  fail(errno);
}

ReplacingFile::~ReplacingFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void ReplacingFile::fail(int error) { throw BadFile(path_ + ": cannot be written: " + std::strerror(error)); }

void ReplacingFile::write(const void* source, std::uint64_t bytes) {
  const auto* at = static_cast<const char*>(source);
  while (bytes > 0) {
    const ssize_t put = ::write(descriptor_, at, bytes);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail(errno);
    at += put;
    bytes -= static_cast<std::uint64_t>(put);
  }
}

void ReplacingFile::commit() {
  if (::fsync(descriptor_) != 0) fail(errno);
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail(errno);
  ::close(descriptor_);
  descriptor_ = -1;
}

}  // namespace volute::io
