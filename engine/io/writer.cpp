// Writing: the header with '0's for the checksum, the tensors, then the checksum's digits; see writer.hpp.
#include "engine/io/writer.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/io/checksum.hpp"
#include "engine/io/file.hpp"

namespace volute::io {
namespace {

[[noreturn]] void unwritable(const std::string& path, const std::string& why) {
  throw BadFile(path + ": cannot be written: " + why);
}

nlohmann::ordered_json metadata_json(const std::string& path, std::string_view format, const Metadata& metadata) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  json[format_key] = format;
  json[version_key] = std::to_string(format_version);
  json[checksum_key] = std::string(Checksum::digits, '0');
  for (const auto& [key, value] : metadata) {
    if (key.starts_with(own_keys)) unwritable(path, "the metadata key '" + key + "' is Volute's own");
    json[key] = value;
  }
  return json;
}

/// The header padded with spaces so that the data starts at a multiple of 8.
std::string header_text(const std::string& path, std::string_view format, const std::vector<Output>& outputs,
                        const Metadata& metadata) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  json["__metadata__"] = metadata_json(path, format, metadata);
  std::uint64_t at = 0;
  for (const Output& output : outputs) {
    if (json.contains(output.name)) unwritable(path, "two tensors are named '" + output.name + "'");
    const std::uint64_t end = at + static_cast<std::uint64_t>(output.shape.elements()) * size_of(output.dtype);
    json[output.name] = {{"dtype", output.dtype}, {"shape", output.shape.dims()}, {"data_offsets", {at, end}}};
    at = end;
  }
  try {
    std::string text = json.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    if (text.size() > max_header_bytes || outputs.size() > max_tensors)
      unwritable(path, "there are more tensors or metadata than a file may have");
    return text;
  } catch (const nlohmann::json::exception&) {
    unwritable(path, "a name or metadata string is not UTF-8");
  }
}

void check_finite(const Output& output, const Bytes& bytes) {
  if (const auto where = not_finite(output.shape, values_of<float>(bytes)))
    throw ParameterNotFinite("save: parameter '" + output.name + "' " + output.shape.str() + ": " + *where +
                             "; it is not saved");
}

}  // namespace

Output output_of(std::string name, const Parameter& parameter) {
  return {std::move(name), dtype_of<float>(), parameter.shape(), true,
          [parameter] { return bytes_of<float>(parameter.values()); }};
}

void write_safetensors(const std::string& path, std::string_view format, std::vector<Output> outputs,
                       const Metadata& metadata, const std::string& kept) {
  // Readers in place want every tensor aligned to its elements.
  std::stable_sort(outputs.begin(), outputs.end(),
                   [](const Output& a, const Output& b) { return size_of(a.dtype) > size_of(b.dtype); });
  const std::string header = header_text(path, format, outputs, metadata);
  ReplacingFile file(path);
  Checksum checksum;
  const auto write = [&](const void* bytes, std::uint64_t count) {
    file.write(bytes, count);
    checksum.add(bytes, count);
  };
  const std::uint64_t length = header.size();
  write(&length, sizeof length);
  write(header.data(), header.size());
  for (const Output& output : outputs) {
    const Bytes bytes = output.values();
    if (output.parameter) check_finite(output, bytes);
    write(bytes.data(), bytes.size());
  }
  const std::string before = "\"" + std::string(checksum_key) + "\":\"";
  file.write_at(length_bytes + header.find(before) + before.size(), checksum.text().data(), Checksum::digits);
  file.commit(kept);
}

}  // namespace volute::io
