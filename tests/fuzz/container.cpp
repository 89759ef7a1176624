// Repairs of safetensors files; see container.hpp.
#include "tests/fuzz/container.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/io/checksum.hpp"
#include "engine/io/tensor.hpp"

namespace volute::fuzz {
namespace {

using Json = nlohmann::ordered_json;

std::string with_length(const std::string& header, std::string_view data) {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + header + std::string(data);
}

/// Bytes of a tensor as its entry says; 0 for one that is not to be repaired.
std::uint64_t bytes_of(const Json& entry) {
  if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") || !entry["dtype"].is_string() ||
      !entry["shape"].is_array())
    return 0;
  constexpr std::uint64_t most = 1 << 16;
  std::uint64_t bytes = io::size_of(entry["dtype"].get<std::string>());
  for (const Json& extent : entry["shape"]) {
    if (!extent.is_number_unsigned() || extent.get<std::uint64_t>() > most) return 0;
    bytes *= extent.get<std::uint64_t>();
    if (bytes > most) return 0;
  }
  return bytes;
}

/// Tensors end to end in the order of the header, and as much data as they take.
void place(std::string& header, std::string& data) {
  Json json = Json::parse(header, nullptr, false);
  if (!json.is_object()) return;
  std::uint64_t at = 0;
  for (auto& [name, entry] : json.items()) {
    if (name == "__metadata__" || !entry.is_object()) continue;
    const std::uint64_t end = at + bytes_of(entry);
    entry["data_offsets"] = {at, end};
    at = end;
  }
  header = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  data.resize(at);
}

void seal(std::string& header, std::string_view data) {
  const std::string before = "\"" + std::string(io::checksum_key) + "\":\"";
  const std::size_t at = header.find(before);
  if (at == std::string::npos || header.size() < at + before.size() + io::Checksum::digits) return;
  header.replace(at + before.size(), io::Checksum::digits, io::Checksum::digits, '0');
  io::Checksum checksum;
  const std::uint64_t length = header.size();
  checksum.add(&length, sizeof length);
  checksum.add(header.data(), header.size());
  checksum.add(data.data(), data.size());
  header.replace(at + before.size(), io::Checksum::digits, checksum.text());
}

}  // namespace

std::string repaired(Input& in) {
  const std::uint8_t what = in.byte();
  const std::string_view bytes = in.rest();
  if (what % 8 == 0 || bytes.size() < io::length_bytes) return std::string(bytes);
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  const std::string_view rest = bytes.substr(io::length_bytes);
  if (length > rest.size()) {  // to the last brace
    const std::size_t end = rest.rfind('}');
    if (!(what & 1)) return std::string(bytes);
    length = end == std::string_view::npos ? rest.size() : end + 1;
  }
  std::string header(rest.substr(0, length)), data(rest.substr(length));
  if (what & 2) place(header, data);
  if (what & 4) seal(header, data);
  return with_length(header, data);
}

void check_error(const std::string& message, const std::string& path) {
  require(message.starts_with(path + ": "), "errors name the file");
  require(message.size() < 5000, "errors are short");
  require(std::none_of(message.begin(), message.end(), [](char c) { return c >= 0 && c < 32; }),
          "errors hold no control characters");
}

}  // namespace volute::fuzz
