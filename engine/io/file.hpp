// Files as the readers and writers of this folder need them.
// Invariant: every failure is a BadFile naming the file; a file being replaced is either the old or the
// complete new one, and nothing is left beside it when writing fails.
#pragma once

#include <cstdint>
#include <string>

namespace volute::io {

/// A regular file open for reading.
class File {
 public:
  explicit File(std::string path);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  /// Reads exactly `bytes`; the caller has checked them against size().
  void read_at(std::uint64_t offset, void* target, std::uint64_t bytes) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

/// A file written beside `path` and put in its place by commit().
class ReplacingFile {
 public:
  explicit ReplacingFile(std::string path);
  ~ReplacingFile();
  ReplacingFile(const ReplacingFile&) = delete;
  ReplacingFile& operator=(const ReplacingFile&) = delete;

  void write(const void* source, std::uint64_t bytes);
  /// Flushes to disk, then renames.
  void commit();

 private:
  [[noreturn]] void fail(int error);

  std::string path_, temporary_;
  int descriptor_ = -1;
};

}  // namespace volute::io
