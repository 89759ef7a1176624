// Records at the end of a file, each in one write where the system takes it whole.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/io/file.hpp"

namespace volute::io {

AppendingFile::AppendingFile(std::string path, Start start) : path_(std::move(path)) {
  const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (start == Start::empty ? O_TRUNC : 0);
  descriptor_ = Descriptor(::open(path_.c_str(), flags, 0666));
  if (!descriptor_) fail(errno);
}

void AppendingFile::fail(int error) const { throw BadFile(path_ + ": cannot be written: " + std::strerror(error)); }

void AppendingFile::append(std::string_view record) {
  struct stat before {};
  if (::fstat(descriptor_.number(), &before) != 0) fail(errno);
  while (!record.empty()) {
    const ssize_t put = ::write(descriptor_.number(), record.data(), record.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      const int error = errno;
      // What a full disk took of it goes again.
      if (S_ISREG(before.st_mode) && ::ftruncate(descriptor_.number(), before.st_size) != 0) fail(errno);
      fail(error);
    }
    record.remove_prefix(static_cast<std::size_t>(put));
  }
}

}  // namespace volute::io
