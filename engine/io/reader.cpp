// One pass over the data; see reader.hpp.
#include "engine/io/reader.hpp"

#include <algorithm>

#include "engine/io/checksum.hpp"

namespace volute::io {

Reader::Reader(const std::string& path) : file_(path), header_(read_header(file_)) {
  if (header_.version > format_version) refuse_newer();
}

/// A newer version must not give way to an older file, but a bit that was flipped is no version.
void Reader::refuse_newer() const {
  Checksum checksum;
  add_header(checksum);
  add_skipped(checksum, header_.data_offset, file_.size());
  const std::string version = "version " + std::to_string(header_.version);
  if (checksum.text() != header_.checksum)
    throw BadFile(file_.path() + ": is damaged: its checksum is not that of what it holds, which says " + version);
  throw Differs(file_.path() + ": is of " + version + ", by a newer Volute; this one reads version " +
                std::to_string(format_version));
}

/// The header with '0's for the checksum's own digits.
void Reader::add_header(Checksum& checksum) const {
  const std::string before = "\"" + std::string(checksum_key) + "\":\"";
  std::string text = header_.text;
  const std::size_t at = text.find(before + header_.checksum + "\"");
  if (header_.checksum.size() != Checksum::digits || at == std::string::npos)
    bad(file_, "its checksum is '" + header_.checksum + "'");
  text.replace(at + before.size(), Checksum::digits, Checksum::digits, '0');
  const std::uint64_t length = text.size();
  checksum.add(&length, sizeof length);
  checksum.add(text.data(), text.size());
}

/// By blocks: a tensor nobody wants takes no memory.
void Reader::add_skipped(Checksum& checksum, std::uint64_t begin, std::uint64_t end) const {
  Bytes block(std::min<std::uint64_t>(end - begin, 1 << 20));
  for (std::uint64_t at = begin; at < end;) {
    const std::uint64_t count = std::min<std::uint64_t>(block.size(), end - at);
    file_.read_at(at, block.data(), count);
    checksum.add(block.data(), count);
    at += count;
  }
}

Values Reader::read(const std::map<std::string, std::uint64_t>& wanted) const {
  const bool checked = !header_.format.empty();
  Checksum checksum;
  if (checked) add_header(checksum);
  Values values;
  for (const std::string& name : header_.order) {
    const Range& range = header_.tensors.at(name);
    const auto want = wanted.find(name);
    if (want != wanted.end() && want->second == range.end - range.begin) {
      Bytes& bytes = values[name];
      bytes.resize(range.end - range.begin);
      file_.read_at(header_.data_offset + range.begin, bytes.data(), bytes.size());
      if (checked) checksum.add(bytes.data(), bytes.size());
    } else if (checked) {
      add_skipped(checksum, header_.data_offset + range.begin, header_.data_offset + range.end);
    }
  }
  if (checked && checksum.text() != header_.checksum)
    throw BadFile(file_.path() + ": is damaged: its checksum is not that of what it holds");
  return values;
}

}  // namespace volute::io
