// The header of a .npy file (numpy.lib.format): type, order and shape of the array behind it.
// Invariant: what it says has been checked against the bytes there are.
#pragma once

#include <string>
#include <string_view>

#include <volute/graph.hpp>

namespace volute::io {

struct NpyHeader {
  char kind = 'f';  ///< f, i, u or b
  int size = 4;     ///< bytes of an element
  bool big_endian = false;
  bool fortran = false;
  Shape shape;
  std::size_t data_at = 0;  ///< from where on there are exactly shape.elements() of them
};

/// Throws BadFile, beginning with `name`, for anything else.
NpyHeader read_npy_header(std::string_view bytes, const std::string& name);

}  // namespace volute::io
