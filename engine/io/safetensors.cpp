// Parameters to and from safetensors files: header length (u64), JSON header, tensors back to back.
// Invariant: a file is trusted for nothing. Sizes are checked against the file before anything of that
// size is allocated, the tensors must fill the data exactly, and a file that fails changes no parameter.
#include <bit>
#include <cstring>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>

#include <volute/io.hpp>

#include "engine/io/file.hpp"

namespace volute::io {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

// Not ordered_json, whose linear search would make a header of a million names take hours.
using Json = nlohmann::json;

// The limit of the reference implementation.
constexpr std::uint64_t max_header_bytes = 100'000'000;
constexpr std::uint64_t length_bytes = 8;
// {"name": {"shape": [..]}} is three deep; deeper nesting is no header, only a way to exhaust memory.
constexpr int max_header_depth = 3;

struct Range {
  Shape shape;
  std::uint64_t begin = 0, end = 0;  // from the start of the data
};

struct Header {
  std::map<std::string, Range> tensors;
  Metadata metadata;
  std::uint64_t data_offset = 0;  // of the data, from the start of the file
};

std::uint64_t bytes_of(const Shape& shape) { return static_cast<std::uint64_t>(shape.elements()) * sizeof(float); }

[[noreturn]] void bad(const File& file, const std::string& what) {
  throw BadFile(file.path() + ": is not a valid safetensors file: " + what);
}

std::uint64_t unsigned_number(const File& file, const Json& value, const std::string& what) {
  if (!value.is_number_unsigned()) bad(file, what + " must be a whole number of 0 or more, it is " + value.dump());
  return value.get<std::uint64_t>();
}

std::string text_of(std::uint64_t number) { return std::to_string(number); }

/// Extents and the bytes they take, or an error if that does not fit 63 bits.
std::pair<Shape, std::uint64_t> read_shape(const File& file, const Json& value, const std::string& where) {
  if (!value.is_array()) bad(file, where + ": shape must be an array");
  std::vector<std::int64_t> dims;
  std::uint64_t bytes = sizeof(float);
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  for (const Json& extent : value) {
    const std::uint64_t size = unsigned_number(file, extent, where + ": an extent of the shape");
    if (size > most || (size != 0 && bytes > most / size)) bad(file, where + ": the shape is too large");
    bytes *= size;
    dims.push_back(static_cast<std::int64_t>(size));
  }
  return {Shape(std::move(dims)), bytes};
}

Range read_range(const File& file, const Json& entry, const std::string& name, std::uint64_t data_bytes) {
  const std::string where = "tensor '" + name + "'";
  if (!entry.is_object()) bad(file, where + " must be an object with dtype, shape and data_offsets");
  for (const char* key : {"dtype", "shape", "data_offsets"})
    if (!entry.contains(key)) bad(file, where + " has no " + key);
  const Json& dtype = entry["dtype"];
  if (dtype != "F32")
    throw BadFile(file.path() + ": " + where + " has dtype " + dtype.dump() + ", only \"F32\" is supported");

  auto [shape, bytes] = read_shape(file, entry["shape"], where);
  const Json& offsets = entry["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2) bad(file, where + ": data_offsets must be two numbers");
  Range range{std::move(shape), unsigned_number(file, offsets[0], where + ": data_offsets"),
              unsigned_number(file, offsets[1], where + ": data_offsets")};
  if (range.begin > range.end || range.end > data_bytes)
    bad(file, where + " lies at " + text_of(range.begin) + " to " + text_of(range.end) + " of " + text_of(data_bytes) +
                  " bytes of data");
  if (range.end - range.begin != bytes)
    bad(file, where + " of shape " + range.shape.str() + " needs " + text_of(bytes) + " bytes, its offsets give " +
                  text_of(range.end - range.begin));
  return range;
}

Metadata read_strings(const File& file, const Json& entry) {
  if (!entry.is_object()) bad(file, "__metadata__ must be an object of strings");
  Metadata metadata;
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) bad(file, "__metadata__: '" + key + "' must be a string");
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

/// The tensors, in order of their offsets, must lie end to end: no overlap, no hole, nothing left over.
void check_cover(const File& file, const std::map<std::string, Range>& tensors, std::uint64_t data_bytes) {
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> order;
  for (const auto& [name, range] : tensors) {
    const auto [at, fresh] = order.emplace(std::pair(range.begin, range.end), name);
    if (!fresh && range.begin != range.end)
      bad(file, "tensors '" + at->second + "' and '" + name + "' have the same offsets");
  }
  std::uint64_t covered = 0;
  for (const auto& [range, name] : order) {
    if (range.first != covered)
      bad(file, "tensor '" + name + "' starts at byte " + text_of(range.first) + " of the data, not at " +
                    text_of(covered) + " where the one before it ends");
    covered = range.second;
  }
  if (covered != data_bytes)
    bad(file, "its tensors take " + text_of(covered) + " bytes, the file has " + text_of(data_bytes));
}

/// JSON with duplicate names and deep nesting refused while parsing.
Json parse_json(const File& file, const std::string& text) {
  std::set<std::string> names;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > max_header_depth) bad(file, "its header is nested too deeply");
    if (event == Json::parse_event_t::key && depth == 1 && !names.insert(parsed.get<std::string>()).second)
      bad(file, "its header names '" + parsed.get<std::string>() + "' twice");
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const Json::exception&) {
    bad(file, "its header is not JSON");
  }
}

Header read_header(const File& file) {
  if (file.size() < length_bytes) bad(file, "it has " + text_of(file.size()) + " bytes, too few for a header");
  std::uint64_t length = 0;
  file.read_at(0, &length, sizeof length);
  const std::uint64_t room = std::min(file.size() - length_bytes, max_header_bytes);
  if (length > room) bad(file, "its header claims " + text_of(length) + " bytes, there is room for " + text_of(room));
  std::string text(length, '\0');
  file.read_at(length_bytes, text.data(), length);

  const Json json = parse_json(file, text);
  if (!json.is_object()) bad(file, "its header is not a JSON object");
  Header header;
  header.data_offset = length_bytes + length;
  const std::uint64_t data_bytes = file.size() - header.data_offset;
  for (const auto& [name, entry] : json.items()) {
    if (name == "__metadata__")
      header.metadata = read_strings(file, entry);
    else
      header.tensors.emplace(name, read_range(file, entry, name, data_bytes));
  }
  check_cover(file, header.tensors, data_bytes);
  return header;
}

/// The header padded with spaces so that the data starts at a multiple of 8.
std::string write_header(const std::string& path, const std::vector<std::pair<std::string, Parameter>>& tensors,
                         const Metadata& metadata) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (!metadata.empty()) json["__metadata__"] = metadata;
  std::uint64_t at = 0;
  for (const auto& [name, parameter] : tensors) {
    if (json.contains(name)) throw BadFile(path + ": cannot be written: two tensors are named '" + name + "'");
    const std::uint64_t end = at + bytes_of(parameter.shape());
    json[name] = {{"dtype", "F32"}, {"shape", parameter.shape().dims()}, {"data_offsets", {at, end}}};
    at = end;
  }
  try {
    std::string text = json.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    return text;
  } catch (const Json::exception&) {
    throw BadFile(path + ": cannot be written: a name or metadata string is not UTF-8");
  }
}

std::vector<std::pair<std::string, Parameter>> named(const std::vector<Entry>& entries) {
  std::vector<std::pair<std::string, Parameter>> tensors;
  for (const Entry& entry : entries)
    for (const Parameter& parameter : entry.module->parameters())
      tensors.emplace_back(entry.prefix + "." + parameter.name(), parameter);
  return tensors;
}

}  // namespace

void save(const std::string& path, const std::vector<Entry>& entries, const Metadata& metadata) {
  const auto tensors = named(entries);
  const std::string header = write_header(path, tensors, metadata);
  const std::uint64_t length = header.size();
  ReplacingFile file(path);
  file.write(&length, sizeof length);
  file.write(header.data(), header.size());
  for (const auto& [name, parameter] : tensors) {
    const std::vector<float> values = parameter.values();
    file.write(values.data(), values.size() * sizeof(float));
  }
  file.commit();
}

void load(const std::string& path, const std::vector<Entry>& entries) {
  const File file(path);
  const Header header = read_header(file);
  std::vector<std::pair<Parameter, std::vector<float>>> found;
  for (const auto& [name, parameter] : named(entries)) {
    const auto at = header.tensors.find(name);
    if (at == header.tensors.end()) throw BadFile(path + ": has no tensor '" + name + "' " + parameter.shape().str());
    const Range& range = at->second;
    if (range.shape != parameter.shape())
      throw BadFile(path + ": tensor '" + name + "' has shape " + range.shape.str() + ", it should be " +
                    parameter.shape().str());
    std::vector<float> values(static_cast<std::size_t>(parameter.shape().elements()));
    file.read_at(header.data_offset + range.begin, values.data(), values.size() * sizeof(float));
    found.emplace_back(parameter, std::move(values));
  }
  for (auto& [parameter, values] : found) parameter.set(values);
}

Metadata read_metadata(const std::string& path) { return read_header(File(path)).metadata; }

}  // namespace volute::io
