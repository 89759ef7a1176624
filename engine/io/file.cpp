// POSIX files behind file.hpp. Short reads and writes and interruptions by signals are continued here,
// so callers see either all bytes or a BadFile.
#include "engine/io/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <thread>

#include <volute/io.hpp>

namespace volute::io {
namespace {

// A stopped process keeps its lock; training of another must not stop with it.
constexpr auto patience = std::chrono::seconds(20);

bool same_file(const struct stat& a, const struct stat& b) { return a.st_ino == b.st_ino && a.st_dev == b.st_dev; }

/// Whether link() failed because this file system, or this file, takes no second name.
bool links_unsupported(int error) {
  return error == EPERM || error == EOPNOTSUPP || error == ENOSYS || error == EMLINK || error == EXDEV;
}

/// False if another process has it. A file system without locks goes without: checksums tell files that were mixed.
bool lock(const Descriptor& file) {
  while (::flock(file.number(), LOCK_EX | LOCK_NB) != 0)
    if (errno != EINTR) return errno != EWOULDBLOCK;
  return true;
}

}  // namespace

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

File::File(std::string path) : path_(std::move(path)) {
  const auto unreadable = [this](const std::string& why) { throw BadFile(path_ + ": cannot be read: " + why); };
  // O_NONBLOCK: opening a pipe without a writer would otherwise wait for one.
  descriptor_ = Descriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!descriptor_) unreadable(std::strerror(errno));
  struct stat info {};
  if (::fstat(descriptor_.number(), &info) != 0) unreadable(std::strerror(errno));
  if (!S_ISREG(info.st_mode)) unreadable("it is not a regular file");
  size_ = static_cast<std::uint64_t>(info.st_size);
}

void File::read_at(std::uint64_t offset, void* target, std::uint64_t bytes) const {
  auto* at = static_cast<char*>(target);
  while (bytes > 0) {
    const ssize_t got = ::pread(descriptor_.number(), at, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw BadFile(path_ + ": cannot be read: " + std::strerror(errno));
    if (got == 0) throw BadFile(path_ + ": became shorter while it was read");
    at += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::uint64_t>(got);
  }
}

std::string read_file(const std::string& path, std::uint64_t most) {
  const File file(path);
  if (file.size() > most)
    throw BadFile(path + ": is too large: the limit is " + std::to_string(most) + " bytes");
  std::string bytes(file.size(), '\0');
  file.read_at(0, bytes.data(), bytes.size());
  return bytes;
}

void replace_file(const std::string& path, std::string_view bytes) {
  ReplacingFile file(path);
  file.write(bytes.data(), bytes.size());
  file.commit();
}

ReplacingFile::ReplacingFile(std::string path) : path_(std::move(path)), temporary_(path_ + ".tmp") {
  std::error_code ignored;
  if (std::filesystem::is_directory(path_, ignored)) fail(EISDIR);
  const auto start = std::chrono::steady_clock::now();
  for (;;) {
    Descriptor opened = open_temporary();
    if (!lock(opened)) {
      if (std::chrono::steady_clock::now() - start > patience)
        throw BadFile(path_ + ": cannot be written: another process has been writing it for too long");
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    } else if (is_mine(opened)) {
      if (::ftruncate(opened.number(), 0) != 0) fail(errno);
      descriptor_ = std::move(opened);
      return;
    }
  }
}

ReplacingFile::~ReplacingFile() {
  if (descriptor_) ::unlink(temporary_.c_str());  // while it is locked
}

Descriptor ReplacingFile::open_temporary() const {
  Descriptor opened(::open(temporary_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666));
  if (!opened) fail(errno);
  return opened;
}

/// Whether what was opened is still the temporary file, and known by no other name: between open and lock whoever wrote
/// it may have put it in its place, and what is locked is a finished file.
bool ReplacingFile::is_mine(const Descriptor& opened) const {
  struct stat open {}, named {};
  if (::fstat(opened.number(), &open) != 0) fail(errno);
  if (::lstat(temporary_.c_str(), &named) != 0 || !same_file(open, named)) return false;
  if (!S_ISREG(open.st_mode)) throw BadFile(path_ + ": cannot be written: " + temporary_ + " is in the way");
  if (open.st_nlink == 1) return true;
  if (::unlink(temporary_.c_str()) != 0) fail(errno);
  return false;
}

void ReplacingFile::fail(int error) const {
  throw BadFile(path_ + ": cannot be written: " + std::strerror(error));
}

void ReplacingFile::write(const void* source, std::uint64_t bytes) {
  write_at(size_, source, bytes);
  size_ += bytes;
}

void ReplacingFile::write_at(std::uint64_t offset, const void* source, std::uint64_t bytes) {
  const auto* at = static_cast<const char*>(source);
  while (bytes > 0) {
    const ssize_t put = ::pwrite(descriptor_.number(), at, bytes, static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail(errno);
    at += put;
    offset += static_cast<std::uint64_t>(put);
    bytes -= static_cast<std::uint64_t>(put);
  }
}

/// Gives the file at path_ a second name, or where that cannot be a copy; false if there is none.
bool ReplacingFile::keep(const std::string& second) const {
  ::unlink(second.c_str());
  if (::link(path_.c_str(), second.c_str()) == 0) return true;
  const int error = errno;
  if (error == ENOENT) return false;
  struct stat info {};
  if (error == EEXIST && (::lstat(second.c_str(), &info) != 0 || !S_ISREG(info.st_mode)))
    throw BadFile(path_ + ": cannot be written: " + second + " is in the way");
  if (error == EEXIST) return true;  // of another process that saves
  if (!links_unsupported(error)) fail(error);
  std::error_code problem;
  std::filesystem::copy_file(path_, second, problem);
  if (problem == std::errc::no_such_file_or_directory) return false;
  const Descriptor copy(::open(second.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!problem && copy && ::fsync(copy.number()) == 0) return true;
  const int reason = problem ? problem.value() : errno;
  ::unlink(second.c_str());
  fail(reason);
}

/// A rename is on disk when its folder is. Folders that cannot be opened or flushed have nothing to be asked.
void ReplacingFile::flush_folder() const {
  const std::string parent = std::filesystem::path(path_).parent_path().string();
  const Descriptor folder(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder && ::fsync(folder.number()) != 0 && errno != EINVAL && errno != EOPNOTSUPP)
    throw Unsettled(path_ + ": is written, but its folder cannot be flushed to disk: " + std::strerror(errno));
}

void ReplacingFile::commit(const std::string& kept) {
  if (::fsync(descriptor_.number()) != 0) fail(errno);
  std::error_code ignored;
  if (!kept.empty() && std::filesystem::is_directory(kept, ignored))
    throw BadFile(path_ + ": cannot be written: the folder " + kept + " is where the file before is to be kept");
  const std::string second = kept + ".tmp";
  const bool has_second = !kept.empty() && keep(second);
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    if (has_second) ::unlink(second.c_str());
    fail(error);
  }
  const Descriptor locked = std::move(descriptor_);
  // The new file is on disk before what was kept so far goes.
  flush_folder();
  if (!has_second) return;
  // Someone who writes the same path may have come in between and kept what is newer.
  if (std::rename(second.c_str(), kept.c_str()) != 0 && errno != ENOENT)
    throw Unsettled(path_ + ": is written, but the file before it cannot be kept: " + std::strerror(errno));
  // The names may have been of one file already, and rename does nothing then.
  ::unlink(second.c_str());
}

}  // namespace volute::io
