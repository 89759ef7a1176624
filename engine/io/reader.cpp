// One pass over the data; see reader.hpp.
#include "engine/io/reader.hpp"

#include <algorithm>

#include "engine/io/checksum.hpp"

namespace volute::io {

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
void Reader::add_skipped(Checksum& checksum, const Range& range) const {
  Bytes block(std::min<std::uint64_t>(range.end - range.begin, 1 << 20));
  for (std::uint64_t at = range.begin; at < range.end;) {
    const std::uint64_t count = std::min<std::uint64_t>(block.size(), range.end - at);
    file_.read_at(header_.data_offset + at, block.data(), count);
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
      add_skipped(checksum, range);
    }
  }
  if (checked && checksum.text() != header_.checksum)
    throw BadFile(file_.path() + ": is damaged: its checksum is not that of what it holds");
  return values;
}

}  // namespace volute::io
