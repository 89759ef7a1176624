// `volute inspect`: what is in a file of a model or of arrays: safetensors, NumPy's, ONNX.
// Invariant: of safetensors only the header is read, after the library has found the file sound.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include "tools/commands/commands.hpp"
#include "tools/config/source.hpp"
#include "tools/tasks/task.hpp"
#include "tools/train/folder.hpp"

namespace volute::tool {
namespace {

namespace fs = std::filesystem;

struct InspectArguments {
  std::string file;
  bool json = false;
};

struct TensorEntry {
  std::string name, dtype;
  Shape shape;
  std::uint64_t bytes = 0;
};

/// The header's JSON: eight bytes of length, then text.
Json header_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  unsigned char length[8] = {};
  file.read(reinterpret_cast<char*>(length), 8);
  std::uint64_t bytes = 0;
  for (int i = 7; i >= 0; --i) bytes = bytes << 8 | length[i];
  std::error_code error;
  if (!file || bytes > std::min(io::max_header_bytes, static_cast<std::uint64_t>(fs::file_size(path, error))))
    throw Mistake(path + ": its header cannot be read");
  std::string text(bytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(bytes));
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!file || !json.is_object()) throw Mistake(path + ": its header cannot be read");
  return json;
}

std::vector<TensorEntry> entries_of(const std::string& path, const Json& header) try {
  std::vector<TensorEntry> entries;
  for (const auto& [name, tensor] : header.items()) {
    if (name == "__metadata__") continue;
    const auto offsets = tensor.at("data_offsets").get<std::vector<std::uint64_t>>();
    entries.push_back({name, tensor.at("dtype"), Shape(tensor.at("shape").get<std::vector<std::int64_t>>()),
                       offsets.at(1) - offsets.at(0)});
  }
  return entries;
} catch (const Json::exception&) {
  throw Mistake(path + ": its header is not that of a safetensors file");
}

/// Control characters would reach the terminal.
std::string shown(const std::string& text, std::size_t most) {
  std::string out = Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
  if (out.size() > most)
    out = out.substr(0, most - 3) + "...\" (" + grouped(static_cast<std::int64_t>(text.size())) + " bytes)";
  return out;
}

/// Without quotes around it.
std::string name_shown(const std::string& name) {
  const std::string text = shown(name, 200);
  return text.substr(1, text.size() - 2);
}

void print_json(const std::string& path, const std::vector<TensorEntry>& entries, const io::Metadata& metadata) {
  Json all = {{"file", path}, {"tensors", Json::array()}, {"metadata", metadata}};
  for (const TensorEntry& e : entries)
    all["tensors"].push_back({{"name", e.name}, {"dtype", e.dtype}, {"shape", e.shape.dims()}, {"bytes", e.bytes}});
  std::puts(all.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

void print_text(const std::vector<TensorEntry>& entries, const io::Metadata& metadata) {
  std::vector<Row> rows{{"tensor", "type", "shape", "count", "size"}};
  std::int64_t count = 0;
  std::uint64_t bytes = 0;
  for (const TensorEntry& e : entries) {
    rows.push_back({name_shown(e.name), e.dtype, e.shape.str(), grouped(e.shape.elements()), bytes_text(e.bytes)});
    count += e.shape.elements();
    bytes += e.bytes;
  }
  rows.push_back({std::to_string(entries.size()) + " tensors", "", "", grouped(count), bytes_text(bytes)});
  print_table(rows);
  if (!metadata.empty()) std::puts("\nmetadata");
  for (const auto& [key, value] : metadata)
    std::printf("  %-16s %s\n", name_shown(key).c_str(), shown(value, 100).c_str());
}

TensorEntry entry_of(const HostArray& array) {
  return {array.name, array.dtype == DType::f32 ? "F32" : "U32", array.shape, array.words.size() * 4};
}

#ifdef VOLUTE_HAS_INTERCHANGE
std::string shape_text(const onnx::Value& value) {
  std::string text;
  for (const std::int64_t extent : value.extents)
    text += (text.empty() ? "" : ", ") + (extent < 0 ? std::string("?") : std::to_string(extent));
  return value.any_shape ? "any shape" : "[" + text + "]";
}

std::vector<TensorEntry> onnx_entries(const std::string& path, io::Metadata& metadata) {
  const onnx::Model model = onnx::Model::load(path);
  metadata = model.metadata();
  std::vector<TensorEntry> entries;
  for (const Parameter& p : model.parameters())
    entries.push_back({p.name(), "F32", p.shape(), static_cast<std::uint64_t>(p.shape().elements()) * 4});
  const auto note = [&](const char* kind, const std::vector<onnx::Value>& values) {
    for (const onnx::Value& value : values)
      metadata[std::string(kind) + " " + value.name] = std::string(name_of(value.dtype)) + " " + shape_text(value);
  };
  note("input", model.inputs());
  note("output", model.outputs());
  return entries;
}
#endif

std::vector<TensorEntry> read(const std::string& path, io::Metadata& metadata) {
  const std::string kind = fs::path(path).extension().string();
  if (kind == ".safetensors") {
    metadata = io::read_metadata(path);
    return entries_of(path, header_of(path));
  }
  if (kind == ".npy") {
    TensorEntry entry = entry_of(io::load_npy(path));
    entry.name = fs::path(path).stem().string();
    return {entry};
  }
#ifdef VOLUTE_HAS_INTERCHANGE
  std::vector<TensorEntry> entries;
  if (kind == ".npz")
    for (const HostArray& array : io::load_npz(path)) entries.push_back(entry_of(array));
  if (kind == ".npz") return entries;
  if (kind == ".onnx") return onnx_entries(path, metadata);
#endif
  throw Mistake(path +
                ": volute inspect reads .safetensors, .npy"
#ifdef VOLUTE_HAS_INTERCHANGE
                ", .npz, .onnx"
#endif
                " files and folders of runs");
}

int inspect(const InspectArguments& a) {
  std::error_code ignored;
  const std::string path = fs::is_directory(a.file, ignored) ? RunFolder{a.file}.model() : a.file;
  if (!fs::exists(path, ignored)) throw Mistake(path + ": there is no such file");
  io::Metadata metadata;
  std::vector<TensorEntry> entries;
  try {
    entries = read(path, metadata);
  } catch (const BadFile& error) {
    throw Mistake(error.what());
  } catch (const Unsupported& error) {
    throw Mistake(error.what());
  }
  if (a.json)
    print_json(path, entries, metadata);
  else
    print_text(entries, metadata);
  return done;
}

}  // namespace

Command add_inspect(CLI::App& app) {
  auto a = std::make_shared<InspectArguments>();
  CLI::App* command = app.add_subcommand("inspect", "Show what is in a model's file: tensors, sizes, metadata");
  command->add_option("file", a->file, "A .safetensors, .npy, .npz or .onnx file, or the folder of a run")
      ->type_name("FILE")
      ->required();
  command->add_flag("--json", a->json, "All of it as JSON, metadata in full");
  command->footer(
      "Examples:\n"
      "  volute inspect sunspots-run\n"
      "  volute inspect sunspots-run/checkpoint.safetensors       optimiser states and counters too\n"
      "  volute inspect model.safetensors --json | jq -r '.tensors[].name'");
  return {command, [a] { return inspect(*a); }};
}

}  // namespace volute::tool
