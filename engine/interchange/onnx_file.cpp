// See onnx_file.hpp.
#include "engine/interchange/onnx_file.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <volute/io.hpp>

#include "engine/io/file.hpp"

namespace volute::onnx {

::onnx::ModelProto read_model(const std::string& path) {
  const std::string bytes = io::read_file(path, max_file_bytes);
  ::onnx::ModelProto model;
  // Partial: of required fields, which ONNX has none of, protobuf would complain on stderr.
  if (bytes.empty() || !model.ParsePartialFromString(bytes)) throw BadFile(path + ": is not an ONNX file");
  return model;
}

void write_model(const std::string& path, const ::onnx::ModelProto& model) {
  if (model.ByteSizeLong() > max_file_bytes)
    throw BadFile(path + ": cannot be written: the model is larger than the 2 GiB an ONNX file can have");
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    if (!model.SerializeToCodedStream(&coded)) throw BadFile(path + ": cannot be written as an ONNX file");
  }
  io::replace_file(path, bytes);
}

}  // namespace volute::onnx
