// A program in a checkpoint: its snapshot, without the parameters something else has.
// Invariant: the layout of the program as it is says what the file must hold, so restoring cannot find a difference.
#include <limits>
#include <memory>

#include "engine/io/items.hpp"

namespace volute::io {
namespace {

std::string state_name(const std::string& name, const HostArray& state) { return name + ".states." + state.name; }

std::string parameter_name(const std::string& name, std::size_t i, const Parameter& parameter) {
  return name + ".parameters." + std::to_string(i) + "." + parameter.name();
}

using Words = std::vector<std::uint32_t>;

Bytes bytes_of_array(const HostArray& array) {
  if (array.dtype != DType::u32) return bytes_of<std::uint32_t>(std::span<const std::uint32_t>(array.words));
  return bytes_of<std::int64_t>(std::vector<std::int64_t>(array.words.begin(), array.words.end()));
}

Output array_output(std::string name, const std::shared_ptr<const Snapshot>& whole, const HostArray& array) {
  return {std::move(name), array.dtype == DType::u32 ? dtype_of<std::int64_t>() : dtype_of<float>(), array.shape, false,
          [whole, &array] { return bytes_of_array(array); }};
}

Words narrowed(const Stored& stored, const std::string& tensor) {
  const std::vector<std::int64_t> values = values_of<std::int64_t>(stored.values.at(tensor));
  for (const std::int64_t value : values)
    if (value < 0 || value > std::numeric_limits<std::uint32_t>::max())
      throw BadFile(stored.path + ": tensor '" + tensor + "' holds " + std::to_string(value) +
                    ", which takes more than 32 bits");
  return Words(values.begin(), values.end());
}

Words words_of(const Stored& stored, const std::string& tensor, const HostArray& like) {
  return like.dtype == DType::u32 ? narrowed(stored, tensor) : values_of<std::uint32_t>(stored.values.at(tensor));
}

/// The words of each parameter, whoever has stored it.
void take_parameters(Snapshot& snapshot, const std::vector<std::string>& tensors, const Stored& stored) {
  for (std::size_t i = 0; i < tensors.size(); ++i)
    snapshot.parameters[i].words = words_of(stored, tensors[i], snapshot.parameters[i]);
}

std::vector<std::string> stored_as(const Program& program, const Owners& owners) {
  std::vector<std::string> tensors;
  for (const Parameter& parameter : program.parameters()) tensors.push_back(owners.at(parameter.data().get()));
  return tensors;
}

std::vector<Output> outputs_of(const std::string& name, const Program& program,
                               const std::shared_ptr<const Snapshot>& snapshot, const Owners& owners) {
  std::vector<Output> outputs{scalar_output(name + ".steps", snapshot->steps),
                              scalar_output(name + ".seed", std::int64_t{snapshot->seed})};
  for (const auto& [scalar, value] : snapshot->scalars)
    outputs.push_back(scalar_output(name + ".scalars." + scalar, value));
  for (const HostArray& state : snapshot->states)
    outputs.push_back(array_output(state_name(name, state), snapshot, state));
  const std::vector<Parameter> parameters = program.parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::string own = parameter_name(name, i, parameters[i]);
    if (owners.at(parameters[i].data().get()) != own) continue;
    outputs.push_back(array_output(own, snapshot, snapshot->parameters[i]));
    outputs.back().parameter = true;
  }
  return outputs;
}

Commit prepare(const std::string& name, Program& program, const std::vector<std::string>& tensors, Snapshot snapshot,
               const Stored& stored) {
  snapshot.steps = scalar_of<std::int64_t>(stored, name + ".steps");
  if (snapshot.steps < 0)
    throw BadFile(stored.path + ": tensor '" + name + ".steps' is " + std::to_string(snapshot.steps));
  snapshot.seed = narrowed(stored, name + ".seed")[0];
  for (auto& [scalar, value] : snapshot.scalars) value = scalar_of<float>(stored, name + ".scalars." + scalar);
  for (HostArray& state : snapshot.states) state.words = words_of(stored, state_name(name, state), state);
  take_parameters(snapshot, tensors, stored);
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].starts_with(name + ".parameters.")) parameter_of(stored, tensors[i]);
  return [&program, snapshot = std::move(snapshot)] { program.restore(snapshot); };
}

}  // namespace

Item item_of(const std::string& name, Program& program) {
  Item item;
  item.program = true;
  item.claim = [name, &program](Owners& owners) {
    const std::vector<Parameter> parameters = program.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i)
      owners.emplace(parameters[i].data().get(), parameter_name(name, i, parameters[i]));
  };
  item.part = [name, &program](const Owners& owners, const Header* file) {
    const auto snapshot = std::make_shared<const Snapshot>(file ? program.layout() : program.snapshot());
    return Part{outputs_of(name, program, snapshot, owners),
                [name, &program, tensors = stored_as(program, owners), snapshot](const Stored& stored) {
                  return prepare(name, program, tensors, *snapshot, stored);
                }};
  };
  return item;
}

}  // namespace volute::io
