// ONNX files as protobuf messages (https://github.com/onnx/onnx, onnx.proto).
// Invariant: what is read is a whole ModelProto of at most max_file_bytes, or it is a BadFile naming the file; what is
// written replaces the file before it atomically.
#pragma once

#include <cstdint>
#include <string>

#include <onnx/onnx_pb.h>

namespace volute::onnx {

/// A message has at most 2 GiB in protobuf.
inline constexpr std::uint64_t max_file_bytes = (1ull << 31) - 1;

::onnx::ModelProto read_model(const std::string& path);
/// The same message always gives the same bytes.
void write_model(const std::string& path, const ::onnx::ModelProto& model);

}  // namespace volute::onnx
