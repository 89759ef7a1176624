// Writes safetensors files of Volute's: atomically, with format, version and checksum in the metadata.
// Invariant: tensors are asked for one after the other, as they are written.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <volute/io.hpp>

#include "engine/io/tensor.hpp"

namespace volute::io {

/// A parameter that may not be saved; an autosave goes on after it, unlike after a run that asked to stop.
class ParameterNotFinite : public NotFinite {
 public:
  using NotFinite::NotFinite;
};

struct Output {
  std::string name;
  std::string_view dtype;
  Shape shape;
  bool parameter = false;  ///< must be finite
  std::function<Bytes()> values;
};

Output output_of(std::string name, const Parameter& parameter);

/// What was at `path` is `kept` afterwards, unless that is empty. Throws BadFile, ParameterNotFinite.
void write_safetensors(const std::string& path, std::string_view format, std::vector<Output> outputs,
                       const Metadata& metadata, const std::string& kept = "");

}  // namespace volute::io
