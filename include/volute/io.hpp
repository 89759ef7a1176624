// Parameters to and from safetensors files, with PyTorch's state_dict names ("lstm.weight_ih_l0").
// Format: https://github.com/huggingface/safetensors, f32 little-endian, 8-byte header length.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <volute/nn.hpp>

namespace volute::io {

/// A module under its name in the file; parameters are stored as "prefix.parameter".
struct Entry {
  std::string prefix;
  const nn::Module* module;
  Entry(std::string p, const nn::Module& m) : prefix(std::move(p)), module(&m) {}
};

/// Metadata strings stored beside the tensors (cell kind, sizes, vocabulary).
using Metadata = std::map<std::string, std::string>;

/// Writes atomically: a temporary file beside `path`, then rename. Throws BadFile if it cannot.
VOLUTE_API void save(const std::string& path, const std::vector<Entry>& entries, const Metadata& metadata = {});

/// Reads parameters into the modules. Throws BadFile, and changes nothing, if the file is not a
/// safetensors file, or a tensor is missing or has another shape.
VOLUTE_API void load(const std::string& path, const std::vector<Entry>& entries);

/// The metadata alone. Throws BadFile if the file is not a safetensors file.
VOLUTE_API Metadata read_metadata(const std::string& path);

}  // namespace volute::io
