// NumPy's .npz: a zip archive of .npy files, by libzip.
// Invariant: memory grows with what is unpacked, up to a limit, and never by what the archive says of itself.
#include <algorithm>
#include <array>
#include <memory>
#include <set>

#include <zip.h>

#include <volute/io.hpp>

#include "engine/io/file.hpp"
#include "engine/io/header.hpp"

namespace volute::io {
namespace {

constexpr std::string_view ending = ".npy";

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Archive = std::unique_ptr<zip_t, Discard>;
using Source = std::unique_ptr<zip_source_t, Discard>;

std::string text_of(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

// Reading. ----------------------------------------------------------------------------------------

class Reading {
 public:
  Reading(const std::string& path, std::uint64_t most) : path_(path), most_(most), left_(most) {
    // What is larger unpacks to more, however many names it has; libzip need not look at it.
    const std::uint64_t largest = std::max(most, most + max_header_bytes);  // the first where the sum wraps around
    if (const File file(path); file.size() > largest)
      throw BadFile(path + ": is too large: the limit is " + std::to_string(largest) + " bytes");
    int code = 0;
    archive_.reset(zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
    if (!archive_) bad(text_of(code));
  }

  std::vector<HostArray> run(std::optional<DType> as) {
    const zip_int64_t count = zip_get_num_entries(archive_.get(), 0);
    if (static_cast<std::uint64_t>(count) > max_tensors)
      bad("it has more than " + std::to_string(max_tensors) + " files");
    std::vector<HostArray> arrays;
    std::set<std::string> names;
    for (zip_int64_t i = 0; i < count; ++i) {
      const std::string name = name_of_entry(static_cast<zip_uint64_t>(i));
      if (!names.insert(name).second) bad("it has two arrays '" + printable(name) + "'");
      const std::string bytes = unpacked(static_cast<zip_uint64_t>(i), name);
      arrays.push_back(parse_npy(bytes, path_ + ": " + printable(name), as));
      left_ += bytes.size();  // given back for what became of them, which may be more
      take(arrays.back().words.size() * sizeof(std::uint32_t));
      arrays.back().name = name;
    }
    return arrays;
  }

 private:
  [[noreturn]] void bad(const std::string& what) const {
    throw BadFile(path_ + ": is not a valid .npz file: " + what);
  }
  void take(std::uint64_t bytes) {
    if (bytes > left_)
      throw BadFile(path_ + ": is too large: the limit is " + std::to_string(most_) + " bytes, unpacked");
    left_ -= bytes;
  }

  std::string name_of_entry(zip_uint64_t index) const {
    zip_stat_t info;
    if (zip_stat_index(archive_.get(), index, 0, &info) != 0 || !(info.valid & ZIP_STAT_NAME))
      bad("a file has no name");
    const std::string name = info.name;
    const std::string where = "'" + printable(name) + "' ";
    if (!name.ends_with(ending)) bad(where + "is no .npy file");
    if (info.encryption_method != ZIP_EM_NONE) bad(where + "is encrypted");
    if (info.comp_method != ZIP_CM_STORE && info.comp_method != ZIP_CM_DEFLATE)
      bad(where + "is neither stored nor deflated");
    return name.substr(0, name.size() - ending.size());
  }

  std::string unpacked(zip_uint64_t index, const std::string& name) {
    const std::unique_ptr<zip_file_t, Discard> file(zip_fopen_index(archive_.get(), index, 0));
    if (!file) bad("'" + printable(name) + "': " + zip_strerror(archive_.get()));
    std::string bytes;
    std::array<char, 1 << 16> block;
    for (;;) {
      const zip_int64_t got = zip_fread(file.get(), block.data(), block.size());
      if (got < 0) bad("'" + printable(name) + "': " + zip_file_strerror(file.get()));  // its checksum too
      if (got == 0) return bytes;
      take(static_cast<std::uint64_t>(got));
      bytes.append(block.data(), static_cast<std::size_t>(got));
    }
  }

  const std::string& path_;
  Archive archive_;
  const std::uint64_t most_;
  std::uint64_t left_;  // of memory, in bytes
};

// Writing. ----------------------------------------------------------------------------------------

[[noreturn]] void unwritable(const std::string& what) { throw BadFile("save_npz: " + what); }

/// Adds a file of these bytes, which must outlive the archive.
void add(zip_t* archive, const std::string& name, const std::string& bytes, bool compressed) {
  Source source(zip_source_buffer(archive, bytes.data(), bytes.size(), 0));
  if (!source) unwritable(zip_strerror(archive));
  const zip_int64_t index = zip_file_add(archive, (name + std::string(ending)).c_str(), source.get(), ZIP_FL_ENC_UTF_8);
  if (index < 0) throw InvalidGraph("save_npz: no array can be named '" + printable(name) + "'");
  static_cast<void>(source.release());  // the archive's now
  const auto at = static_cast<zip_uint64_t>(index);
  // The first day there is, as NumPy has it: equal arrays make equal files.
  if (zip_set_file_compression(archive, at, compressed ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0) != 0 ||
      zip_file_set_dostime(archive, at, 0, 1 << 5 | 1, 0) != 0)
    unwritable(zip_strerror(archive));
}

std::string content_of(zip_source_t* source) {
  zip_stat_t info;
  if (zip_source_open(source) != 0 || zip_source_stat(source, &info) != 0)
    unwritable(zip_error_strerror(zip_source_error(source)));
  std::string bytes(info.size, '\0');
  const zip_int64_t got = zip_source_read(source, bytes.data(), bytes.size());
  zip_source_close(source);
  if (got != static_cast<zip_int64_t>(bytes.size())) unwritable("the archive cannot be read back");
  return bytes;
}

std::string archive_of(const std::vector<HostArray>& arrays, const std::vector<std::string>& files, bool compressed) {
  zip_error_t error;
  zip_error_init(&error);
  const Source target(zip_source_buffer_create(nullptr, 0, 0, &error));
  Archive archive(target ? zip_open_from_source(target.get(), ZIP_CREATE | ZIP_TRUNCATE, &error) : nullptr);
  if (!archive) unwritable(zip_error_strerror(&error));
  zip_source_keep(target.get());  // closing the archive gives its own hold back
  for (std::size_t i = 0; i < arrays.size(); ++i) add(archive.get(), arrays[i].name, files[i], compressed);
  if (zip_close(archive.get()) != 0) unwritable(zip_strerror(archive.get()));
  static_cast<void>(archive.release());
  return content_of(target.get());
}

/// An archive without files, which libzip does not write: the end of its directory alone.
std::string empty_archive() { return std::string("PK\x05\x06") + std::string(18, '\0'); }

}  // namespace

std::vector<HostArray> load_npz(const std::string& path, std::optional<DType> as, std::uint64_t most) {
  return Reading(path, most).run(as);
}

void save_npz(const std::string& path, const std::vector<HostArray>& arrays, bool compressed) {
  std::set<std::string> names;
  std::vector<std::string> files;
  for (const HostArray& array : arrays) {
    if (array.name.empty() || array.name.find('\0') != std::string::npos)
      throw InvalidGraph("save_npz: no array can be named '" + printable(array.name) + "'");
    if (!names.insert(array.name).second)
      throw InvalidGraph("save_npz: two arrays are named '" + printable(array.name) + "'");
    files.push_back(format_npy(array));
  }
  replace_file(path, arrays.empty() ? empty_archive() : archive_of(arrays, files, compressed));
}

}  // namespace volute::io
