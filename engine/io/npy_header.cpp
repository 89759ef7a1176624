// A .npy header is a dictionary in Python's syntax, of three known keys: a reader of that and nothing more.
// Invariant: nothing is allocated by a number from the file; see npy_header.hpp.
#include "engine/io/npy_header.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <vector>

#include "engine/io/header.hpp"

namespace volute::io {
namespace {

constexpr std::size_t max_text = 1 << 16;  // NumPy itself refuses more than 10,000 unless told otherwise
constexpr std::uint64_t max_elements = 1 << 29;  // 2 GiB of words

[[noreturn]] void refuse(const std::string& name, const std::string& what) {
  throw BadFile(name + ": is not a valid .npy file: " + what);
}

class Dictionary {
 public:
  Dictionary(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  void read(NpyHeader& header) {
    expect('{');
    bool descr = false, order = false, shape = false;
    while (!take('}')) {
      const std::string_view key = string();
      expect(':');
      bool& seen = key == "descr" ? descr : key == "fortran_order" ? order : shape;
      if (seen || (&seen == &shape && key != "shape")) fail("its header has the key '" + printable(key) + "'");
      seen = true;
      if (key == "descr") type(header);
      else if (key == "shape") header.shape = tuple();
      else header.fortran = boolean();
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    space();
    if (!text_.empty()) fail("there is more behind its header");
    if (!descr || !order || !shape) fail("its header must have descr, fortran_order and shape");
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { refuse(name_, what); }

  void space() {
    const auto end = text_.find_first_not_of(" \t\n");
    text_.remove_prefix(end == std::string_view::npos ? text_.size() : end);
  }
  bool take(char c) {
    space();
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(std::string("its header should go on with '") + c + "' before '" + printable(text_, 20) + "'");
  }
  bool take(std::string_view word) {
    space();
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }

  std::string_view string() {
    const char quote = take('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const auto end = text_.find(quote);
    const std::string_view value = text_.substr(0, end);
    if (end == std::string_view::npos || value.find('\\') != std::string_view::npos)
      fail("its header has no whole string at '" + printable(text_, 20) + "'");
    text_.remove_prefix(end + 1);
    return value;
  }
  bool boolean() {
    if (take(std::string_view("True"))) return true;
    if (!take(std::string_view("False"))) fail("fortran_order must be True or False");
    return false;
  }
  void type(NpyHeader& header) {
    space();
    if (!text_.empty() && text_[0] == '[') fail("it holds structures, not numbers");
    const std::string_view code = string();
    const std::string_view order = code.substr(0, 1), type = code.substr(std::min<std::size_t>(1, code.size()));
    bool known = false;
    for (const char* one : {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"})
      known |= type == one;
    known = known && (order == "<" || order == ">" || (order == "|" && type[1] == '1'));
    if (!known) fail("it holds '" + printable(code, 20) + "', not floats (f2, f4, f8), integers or booleans");
    header.kind = type[0];
    header.size = type[1] - '0';
    header.big_endian = order == ">";
  }
  Shape tuple() {
    expect('(');
    std::vector<std::int64_t> dims;
    while (!take(')')) {
      space();
      std::int64_t extent = 0;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), extent);
      if (error != std::errc() || extent < 0) fail("an extent of its shape is no number of 0 or more");
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      take('L');  // of Python 2
      if (dims.size() == max_rank) fail("its shape has more than " + std::to_string(max_rank) + " axes");
      dims.push_back(extent);
      if (!take(',')) {
        expect(')');
        break;
      }
    }
    return Shape(std::move(dims));
  }

  std::string_view text_;
  const std::string& name_;
};

void check_size(const NpyHeader& header, std::uint64_t bytes, const std::string& name) {
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  std::uint64_t needed = static_cast<std::uint64_t>(header.size);
  bool empty = false;
  for (const std::int64_t extent : header.shape.dims()) {
    if (extent > 0 && needed > most / static_cast<std::uint64_t>(extent)) refuse(name, "its shape is too large");
    if (extent > 0) needed *= static_cast<std::uint64_t>(extent);
    empty |= extent == 0;
  }
  if (empty) needed = 0;
  if (needed != bytes)
    refuse(name, "its shape " + header.shape.str() + " takes " + std::to_string(needed) + " bytes, there are " +
                     std::to_string(bytes));
  if (needed / static_cast<std::uint64_t>(header.size) > max_elements)
    refuse(name, "its shape " + header.shape.str() + " has more than " + std::to_string(max_elements) + " elements");
}

}  // namespace

NpyHeader read_npy_header(std::string_view bytes, const std::string& name) {
  constexpr std::string_view magic = "\x93NUMPY";
  if (!bytes.starts_with(magic) || bytes.size() < magic.size() + 2) refuse(name, "it does not begin like one");
  const auto byte = [&](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])); };
  const std::size_t major = byte(6), digits = major == 1 ? 2 : 4;
  if (major < 1 || major > 3 || byte(7) != 0)
    refuse(name, "it is of version " + std::to_string(major) + "." + std::to_string(byte(7)));
  if (bytes.size() < 8 + digits) refuse(name, "it ends in its header");
  std::size_t length = 0;
  for (std::size_t i = digits; i-- > 0;) length = length << 8 | byte(8 + i);
  if (length > max_text) refuse(name, "its header claims " + std::to_string(length) + " bytes");
  NpyHeader header;
  header.data_at = 8 + digits + length;
  if (bytes.size() < header.data_at) refuse(name, "it ends in its header");
  Dictionary(bytes.substr(8 + digits, length), name).read(header);
  check_size(header, bytes.size() - header.data_at, name);
  return header;
}

}  // namespace volute::io
