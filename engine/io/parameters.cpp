// Parameters of modules to and from files.
// Invariant: a file is trusted for nothing, and one that fails changes no parameter.
#include <volute/io.hpp>

#include "engine/io/reader.hpp"
#include "engine/io/writer.hpp"

namespace volute::io {
namespace {

std::vector<std::pair<std::string, Parameter>> named(const std::vector<Entry>& entries) {
  std::vector<std::pair<std::string, Parameter>> tensors;
  for (const Entry& entry : entries)
    for (const Parameter& parameter : entry.module->parameters())
      tensors.emplace_back(entry.prefix + "." + parameter.name(), parameter);
  return tensors;
}

}  // namespace

void save(const std::string& path, const std::vector<Entry>& entries, const Metadata& metadata) {
  std::vector<Output> outputs;
  for (const auto& [name, parameter] : named(entries)) outputs.push_back(output_of(name, parameter));
  write_safetensors(path, parameters_format, std::move(outputs), metadata);
}

void load(const std::string& path, const std::vector<Entry>& entries) {
  const Reader reader(path);
  const auto tensors = named(entries);
  std::map<std::string, std::uint64_t> wanted;
  for (const auto& [name, parameter] : tensors)
    wanted[name] = static_cast<std::uint64_t>(parameter.shape().elements()) * sizeof(float);
  const Values read = reader.read(wanted);
  std::vector<std::vector<float>> found;
  for (const auto& [name, parameter] : tensors) {
    check_tensor(path, reader.header(), name, dtype_of<float>(), parameter.shape());
    found.push_back(values_of<float>(read.at(name)));
    if (const auto where = not_finite(parameter.shape(), found.back()))
      throw BadFile(path + ": tensor '" + name + "' " + parameter.shape().str() + ": " + *where);
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) Parameter(tensors[i].second).set(found[i]);
}

Metadata read_metadata(const std::string& path) {
  const Reader reader(path);
  reader.read({});
  return reader.header().metadata;
}

}  // namespace volute::io
