// Files as the readers and writers of this folder need them.
// Invariant: every failure is a BadFile naming the file; a file being replaced is either the old or the complete new
// one, whoever else writes it and whenever a process is killed. A killed process leaves its temporary file, which the
// next one takes over. The component interchange reads and writes through these too, hence VOLUTE_API.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <volute/graph.hpp>

namespace volute::io {

/// What was to be written is at its path, but may be lost with the machine, or the file before it is not kept.
class VOLUTE_API Unsettled : public BadFile {
 public:
  using BadFile::BadFile;
};

/// Closes what it holds.
class VOLUTE_API Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor();

  int number() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

/// A regular file open for reading.
class VOLUTE_API File {
 public:
  explicit File(std::string path);

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  /// Reads exactly `bytes`; the caller has checked them against size().
  void read_at(std::uint64_t offset, void* target, std::uint64_t bytes) const;

 private:
  std::string path_;
  Descriptor descriptor_;
  std::uint64_t size_ = 0;
};

/// All of a regular file of at most `most` bytes.
VOLUTE_API std::string read_file(const std::string& path, std::uint64_t most = ~std::uint64_t{0});

/// A file written beside `path` ("run.safetensors.tmp", locked as long) and put in its place by commit(). Waits for
/// another that is writing the same path.
class VOLUTE_API ReplacingFile {
 public:
  explicit ReplacingFile(std::string path);
  ~ReplacingFile();
  ReplacingFile(const ReplacingFile&) = delete;
  ReplacingFile& operator=(const ReplacingFile&) = delete;

  void write(const void* source, std::uint64_t bytes);
  /// Over what is written already; write() goes on at the end.
  void write_at(std::uint64_t offset, const void* source, std::uint64_t bytes);
  /// Flushes to disk, then renames. What was there before is `kept` from then on, unless that is empty: at every
  /// moment `path` is whole, if it was. Throws Unsettled for what fails after the rename.
  void commit(const std::string& kept = "");

 private:
  [[noreturn]] void fail(int error) const;
  Descriptor open_temporary() const;
  bool is_mine(const Descriptor& opened) const;
  bool keep(const std::string& second) const;
  void flush_folder() const;

  std::string path_, temporary_;
  Descriptor descriptor_;  // none once it is committed
  std::uint64_t size_ = 0;
};

/// A log that grows by whole records: what is appended is there at once and whole, or not at all. A killed process
/// leaves the records before; for a power failure nothing is flushed to disk.
class VOLUTE_API AppendingFile {
 public:
  enum class Start { empty, as_it_is };
  AppendingFile(std::string path, Start start);
  const std::string& path() const { return path_; }
  void append(std::string_view record);

 private:
  [[noreturn]] void fail(int error) const;

  std::string path_;
  Descriptor descriptor_;
};

}  // namespace volute::io
