// Reading a header; see header.hpp.
// Invariant: nothing is allocated by a number from the file before it has been checked against the file's size.
#include "engine/io/header.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

namespace volute::io {
namespace {

// Not ordered_json, whose linear search would make a header of a million names take hours.
using Json = nlohmann::json;

// {"name": {"shape": [..]}} is three deep; deeper nesting is no header, only a way to exhaust memory.
constexpr int max_header_depth = 3;
// Of all kinds: a value takes many times the bytes it has in the file.
constexpr std::uint64_t max_header_values = 40 * max_tensors;

std::uint64_t unsigned_number(const File& file, const Json& value, const std::string& what) {
  if (!value.is_number_unsigned()) bad(file, what + " must be a whole number of 0 or more, it is " + value.dump());
  return value.get<std::uint64_t>();
}

std::string text_of(std::uint64_t number) { return std::to_string(number); }

/// Extents and the bytes they take, or an error if that does not fit 63 bits.
std::pair<Shape, std::uint64_t> read_shape(const File& file, const Json& value, std::uint64_t element,
                                           const std::string& where) {
  if (!value.is_array()) bad(file, where + ": shape must be an array");
  if (value.size() > max_rank) bad(file, where + ": the shape has more than " + std::to_string(max_rank) + " axes");
  std::vector<std::int64_t> dims;
  std::uint64_t bytes = element;
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
  const std::uint64_t element = dtype.is_string() ? size_of(dtype.get_ref<const std::string&>()) : 0;
  if (element == 0) bad(file, where + " has a dtype that does not exist: " + dtype.dump());

  auto [shape, bytes] = read_shape(file, entry["shape"], element, where);
  const Json& offsets = entry["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2) bad(file, where + ": data_offsets must be two numbers");
  Range range{dtype.get<std::string>(), std::move(shape),
              unsigned_number(file, offsets[0], where + ": data_offsets"),
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

/// The tensors in order of their offsets, which must lie end to end: no overlap, no hole, nothing left over.
std::vector<std::string> check_cover(const File& file, const std::map<std::string, Range>& tensors,
                                     std::uint64_t data_bytes) {
  std::multimap<std::pair<std::uint64_t, std::uint64_t>, std::string> order;
  for (const auto& [name, range] : tensors) {
    const std::pair<std::uint64_t, std::uint64_t> at{range.begin, range.end};
    if (const auto same = order.find(at); same != order.end() && range.begin != range.end)
      bad(file, "tensors '" + same->second + "' and '" + name + "' have the same offsets");
    order.emplace(at, name);
  }
  std::vector<std::string> names;
  std::uint64_t covered = 0;
  for (const auto& [range, name] : order) {
    if (range.first != covered)
      bad(file, "tensor '" + name + "' starts at byte " + text_of(range.first) + " of the data, not at " +
                    text_of(covered) + " where the one before it ends");
    covered = range.second;
    names.push_back(name);
  }
  if (covered != data_bytes)
    bad(file, "its tensors take " + text_of(covered) + " bytes, the file has " + text_of(data_bytes));
  return names;
}

/// JSON with duplicate names, deep nesting and sheer number refused while parsing.
Json parse_json(const File& file, const std::string& text) {
  std::set<std::string> names;
  std::uint64_t values = 0;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > max_header_depth) bad(file, "its header is nested too deeply");
    if (++values > max_header_values) bad(file, "its header has more than " + text_of(max_header_values) + " values");
    if (event == Json::parse_event_t::key && depth == 1 && !names.insert(parsed.get<std::string>()).second)
      bad(file, "its header names '" + parsed.get<std::string>() + "' twice");
    if (names.size() > max_tensors + 1) bad(file, "it has more than " + text_of(max_tensors) + " tensors");
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const Json::exception&) {
    bad(file, "its header is not JSON");
  }
}

int version_of(const File& file, const Metadata& own) {
  const auto found = own.find(std::string(version_key));
  if (found == own.end()) bad(file, "its metadata has no '" + std::string(version_key) + "'");
  const std::string& text = found->second;
  int version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size() || version < 1 || text != std::to_string(version))
    bad(file, "its version is '" + text + "'");
  return version;
}

/// Moves what is ours out of the metadata: all of it must be there, or nothing. Every version has a checksum.
void take_own(const File& file, Header& header) {
  Metadata own;
  for (auto at = header.metadata.lower_bound(std::string(own_keys));
       at != header.metadata.end() && at->first.starts_with(own_keys);) {
    own.insert(*at);
    at = header.metadata.erase(at);
  }
  if (own.empty()) return;
  header.version = version_of(file, own);
  for (const auto& key : {format_key, checksum_key})
    if (!own.contains(std::string(key))) bad(file, "its metadata has no '" + std::string(key) + "'");
  header.checksum = own.at(std::string(checksum_key));
  if (header.version > format_version) return;
  if (own.size() != 3) bad(file, "its metadata has keys of Volute's that version 1 has not");
  header.format = own.at(std::string(format_key));
  if (header.format != parameters_format && header.format != checkpoint_format)
    bad(file, "its format is '" + header.format + "'");
}

}  // namespace

void bad(const File& file, const std::string& what) {
  throw BadFile(file.path() + ": is not a valid safetensors file: " + printable(what, 500));
}

Header read_header(const File& file) {
  if (file.size() < length_bytes) bad(file, "it has " + text_of(file.size()) + " bytes, too few for a header");
  std::uint64_t length = 0;
  file.read_at(0, &length, sizeof length);
  const std::uint64_t room = std::min(file.size() - length_bytes, max_header_bytes);
  if (length > room) bad(file, "its header claims " + text_of(length) + " bytes, there is room for " + text_of(room));
  Header header;
  header.text.resize(length);
  file.read_at(length_bytes, header.text.data(), length);

  const Json json = parse_json(file, header.text);
  if (!json.is_object()) bad(file, "its header is not a JSON object");
  header.data_offset = length_bytes + length;
  const std::uint64_t data_bytes = file.size() - header.data_offset;
  if (const auto metadata = json.find("__metadata__"); metadata != json.end()) {
    header.metadata = read_strings(file, *metadata);
    take_own(file, header);
    if (header.version > format_version) return header;
  }
  for (const auto& [name, entry] : json.items())
    if (name != "__metadata__") header.tensors.emplace(name, read_range(file, entry, name, data_bytes));
  header.order = check_cover(file, header.tensors, data_bytes);
  return header;
}

void check_tensor(const std::string& path, const Header& header, const std::string& name, std::string_view dtype,
                  const Shape& shape) {
  const auto found = header.tensors.find(name);
  if (found == header.tensors.end()) throw Differs(path + ": has no tensor '" + name + "' " + shape.str());
  const Range& range = found->second;
  const std::string where = path + ": tensor '" + name + "' has ";
  if (range.dtype != dtype) throw Differs(where + "dtype " + range.dtype + ", it should be " + std::string(dtype));
  if (range.shape != shape)
    throw Differs(where + "shape " + range.shape.str() + ", it should be " + shape.str());
}

}  // namespace volute::io
