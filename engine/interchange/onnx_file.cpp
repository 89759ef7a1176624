// See onnx_file.hpp.
#include "engine/interchange/onnx_file.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "engine/io/file.hpp"

namespace volute::onnx {

::onnx::ModelProto read_model(const std::string& path) {
  const io::File file(path);
  if (file.size() > max_file_bytes) throw BadFile(path + ": is larger than the 2 GiB an ONNX file can have");
  std::string bytes(file.size(), '\0');
  file.read_at(0, bytes.data(), bytes.size());
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
  io::ReplacingFile file(path);
  file.write(bytes.data(), bytes.size());
  file.commit({});
}

}  // namespace volute::onnx
