// Reads tensors of a safetensors file in one pass, which checks the checksum too.
// Invariant: what it returns is what was written, if the file has a checksum.
#pragma once

#include <map>
#include <string>

#include "engine/io/header.hpp"
#include "engine/io/tensor.hpp"

namespace volute::io {

using Values = std::map<std::string, Bytes>;

class Reader {
 public:
  /// Throws BadFile unless it is a safetensors file, Differs if it is whole and a newer Volute's.
  explicit Reader(const std::string& path);

  const Header& header() const { return header_; }
  /// Those of the wanted tensors that there are and take as many bytes as is said, so that a file decides on no
  /// allocation. Throws BadFile if the checksum is wrong.
  Values read(const std::map<std::string, std::uint64_t>& wanted) const;

 private:
  [[noreturn]] void refuse_newer() const;
  void add_header(class Checksum& checksum) const;
  void add_skipped(class Checksum& checksum, std::uint64_t begin, std::uint64_t end) const;

  File file_;
  Header header_;
};

}  // namespace volute::io
