// What a checkpoint is made of: for each thing added, the tensors it is stored as and how they are taken back.
// Invariant: `prepare` checks everything and changes nothing; what it returns changes, and can no longer fail for
// anything a file says.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <volute/io.hpp>

#include "engine/io/reader.hpp"
#include "engine/io/writer.hpp"

namespace volute::io {

/// The tensor each parameter is stored as: a program stores only those that nothing else has.
using Owners = std::map<const ParameterData*, std::string>;

struct Stored {
  std::string path;
  const Header& header;
  const Values& values;
};

using Commit = std::function<void()>;

struct Part {
  std::vector<Output> outputs;  ///< to be written, or to be found in the file
  std::function<Commit(const Stored&)> prepare;
};

struct Item {
  bool program = false;  ///< claims parameters after all that are none
  std::function<void(Owners&)> claim;
  /// As things stand. `file`: the one to be read, for what has no fixed shape; null when writing.
  std::function<Part(const Owners&, const Header* file)> part;
};

/// Throws InvalidGraph if two parameters have one name.
Item item_of(const std::string& name, const std::vector<Parameter>& parameters);
Item item_of(const std::string& name, Program& program);
Item item_of(const std::string& name, const EMA& ema);
Item item_of(const std::string& name, const OptimizerStates& states);
Item item_of(const std::string& name, Plateau& plateau);
Item item_of(const std::string& name, EarlyStopping& stopping);
Item item_of(const std::string& name, data::Generator& generator);
Item item_of(const std::string& name, std::int64_t& number);
Item item_of(const std::string& name, double& number);
Item item_of(const std::string& name, std::string& text);

/// A tensor of rank 0.
template <class T>
Output scalar_output(std::string name, T value) {
  return {std::move(name), dtype_of<T>(), Shape{}, false, [value] { return bytes_of<T>(std::span(&value, 1)); }};
}

template <class T>
T scalar_of(const Stored& stored, const std::string& name) {
  return values_of<T>(stored.values.at(name))[0];
}

/// Values of a parameter; throws BadFile if one is not finite.
std::vector<float> parameter_of(const Stored& stored, const std::string& name);

}  // namespace volute::io
