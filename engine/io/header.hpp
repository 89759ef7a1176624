// The header of a safetensors file: which tensors lie where, and the metadata.
// Invariant: what it says has been checked against the size of the file: the tensors fill the data exactly.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <volute/io.hpp>

#include "engine/io/file.hpp"
#include "engine/io/tensor.hpp"

namespace volute::io {

struct Range {
  std::string dtype;
  Shape shape;
  std::uint64_t begin = 0, end = 0;  // from the start of the data
};

struct Header {
  std::map<std::string, Range> tensors;
  std::vector<std::string> order;  // names as they lie in the data
  Metadata metadata;               // the user's
  std::string format;              // empty if another program wrote the file
  std::string checksum;            // with a format: what the file says
  std::uint64_t data_offset = 0;   // of the data, from the start of the file
  std::string text;                // as it stands in the file
  int version = format_version;    // of a newer one nothing but the checksum and the text are read
};

/// A file that is whole, but of something else than what was asked for.
class Differs : public BadFile {
 public:
  using BadFile::BadFile;
};

[[noreturn]] void bad(const File& file, const std::string& what);

/// Throws BadFile saying what is wrong with it.
Header read_header(const File& file);

/// Throws Differs unless the tensor is there, of that type and shape.
void check_tensor(const std::string& path, const Header& header, const std::string& name, std::string_view dtype,
                  const Shape& shape);

}  // namespace volute::io
