// The things that are stored as parameters and as numbers; see items.hpp. Programs have a file of their own.
#include "engine/io/items.hpp"

#include <bit>
#include <cmath>
#include <set>

namespace volute::io {
namespace {

using Named = std::vector<std::pair<std::string, Parameter>>;

void claim_all(const Named& parameters, Owners& owners) {
  for (const auto& [name, parameter] : parameters) owners.emplace(parameter.data().get(), name);
}

/// `finite`: moments may hold what they like, weights may not.
Part part_of(const Named& parameters, bool finite) {
  Part part;
  for (const auto& [name, parameter] : parameters) {
    part.outputs.push_back(output_of(name, parameter));
    part.outputs.back().parameter = finite;
  }
  part.prepare = [parameters, finite](const Stored& stored) {
    std::vector<std::vector<float>> values;
    for (const auto& [name, parameter] : parameters)
      values.push_back(finite ? parameter_of(stored, name) : values_of<float>(stored.values.at(name)));
    return [parameters, values = std::move(values)] {
      for (std::size_t i = 0; i < parameters.size(); ++i) Parameter(parameters[i].second).set(values[i]);
    };
  };
  return part;
}

Item parameters_item(std::function<Named()> parameters, bool finite) {
  Item item;
  item.claim = [parameters](Owners& owners) { claim_all(parameters(), owners); };
  item.part = [parameters, finite](const Owners&, const Header*) { return part_of(parameters(), finite); };
  return item;
}

Item plain_item(std::function<Part(const Header*)> part) {
  return {false, [](Owners&) {}, [part = std::move(part)](const Owners&, const Header* file) { return part(file); }};
}

template <class T>
Item number_item(const std::string& name, T& number) {
  return plain_item([name, &number](const Header*) {
    const auto prepare = [name, &number](const Stored& stored) -> Commit {
      const T value = scalar_of<T>(stored, name);
      return [&number, value] { number = value; };
    };
    return Part{{scalar_output<T>(name, number)}, prepare};
  });
}

[[noreturn]] void senseless(const Stored& stored, const std::string& name, const std::string& why) {
  throw BadFile(stored.path + ": tensor '" + name + "' " + why);
}

std::int64_t count_of(const Stored& stored, const std::string& name, std::int64_t least = 0) {
  const auto count = scalar_of<std::int64_t>(stored, name);
  if (count < least) senseless(stored, name, "is " + std::to_string(count) + ", which no count can be");
  return count;
}

double number_of(const Stored& stored, const std::string& name, bool finite) {
  const auto number = scalar_of<double>(stored, name);
  if (std::isnan(number) || (finite && !std::isfinite(number)))
    senseless(stored, name, "is " + std::to_string(number));
  return number;
}

/// The values early stopping keeps, if the file has any, or it has when there is no file.
std::vector<Output> kept_outputs(const std::string& name, const EarlyStopping& stopping, const Header* file) {
  std::vector<Output> outputs;
  const std::vector<Parameter>& keeps = stopping.keeps();
  for (std::size_t i = 0; i < keeps.size(); ++i) {
    const std::string tensor = name + ".kept." + std::to_string(i) + "." + keeps[i].name();
    if (i == 0 && (file ? !file->tensors.contains(tensor) : stopping.state().kept.empty())) return {};
    outputs.push_back(output_of(tensor, keeps[i]));
    outputs.back().values = [&stopping, i] { return bytes_of<float>(stopping.state().kept[i]); };
  }
  return outputs;
}

}  // namespace

std::vector<float> parameter_of(const Stored& stored, const std::string& name) {
  std::vector<float> values = values_of<float>(stored.values.at(name));
  const Shape& shape = stored.header.tensors.at(name).shape;
  if (const auto where = not_finite(shape, values)) senseless(stored, name, shape.str() + ": " + *where);
  return values;
}

Item item_of(const std::string& name, const std::vector<Parameter>& parameters) {
  Named named;
  std::set<std::string> names;
  for (const Parameter& parameter : parameters) {
    named.emplace_back(name + "." + parameter.name(), parameter);
    if (!names.insert(parameter.name()).second)
      throw InvalidGraph("checkpoint: two parameters of \"" + name + "\" are named \"" + parameter.name() + "\"");
  }
  return parameters_item([named] { return named; }, true);
}

Item item_of(const std::string& name, const EMA& ema) {
  Named named;
  for (std::size_t i = 0; i < ema.shadows().size(); ++i)
    named.emplace_back(name + "." + std::to_string(i) + "." + ema.parameters()[i].name(), ema.shadows()[i]);
  return parameters_item([named] { return named; }, true);
}

Item item_of(const std::string& name, const OptimizerStates& states) {
  const auto named = [name, states] {  // there may be more by the time it is saved
    Named all;
    for (const Parameter& parameter : states.parameters()) all.emplace_back(name + "." + parameter.name(), parameter);
    return all;
  };
  return parameters_item(named, false);
}

Item item_of(const std::string& name, Plateau& plateau) {
  return plain_item([name, &plateau](const Header*) {
    const Plateau::State& s = plateau.state();
    const auto prepare = [name, &plateau](const Stored& stored) -> Commit {
      const Plateau::State state{number_of(stored, name + ".lr", true), number_of(stored, name + ".best", false),
                                 count_of(stored, name + ".bad"), count_of(stored, name + ".cooling")};
      return [&plateau, state] { plateau.restore(state); };
    };
    return Part{{scalar_output(name + ".lr", s.lr), scalar_output(name + ".best", s.best),
                 scalar_output(name + ".bad", s.bad), scalar_output(name + ".cooling", s.cooling)},
                prepare};
  });
}

Item item_of(const std::string& name, EarlyStopping& stopping) {
  return plain_item([name, &stopping](const Header* file) {
    const EarlyStopping::State& s = stopping.state();
    Part part{{scalar_output(name + ".best", s.best), scalar_output(name + ".looks", s.looks),
               scalar_output(name + ".best_look", s.best_look), scalar_output(name + ".waited", s.waited)},
              {}};
    std::vector<std::string> kept;
    for (Output& output : kept_outputs(name, stopping, file)) {
      kept.push_back(output.name);
      part.outputs.push_back(std::move(output));
    }
    part.prepare = [name, &stopping, kept](const Stored& stored) -> Commit {
      EarlyStopping::State state{number_of(stored, name + ".best", false), count_of(stored, name + ".looks"),
                                 count_of(stored, name + ".best_look", -1), count_of(stored, name + ".waited"), {}};
      for (const std::string& tensor : kept) state.kept.push_back(parameter_of(stored, tensor));
      return [&stopping, state] { stopping.restore(state); };
    };
    return part;
  });
}

Item item_of(const std::string& name, data::Generator& generator) {
  return plain_item([name, &generator](const Header*) {
    const auto prepare = [name, &generator](const Stored& stored) -> Commit {
      const auto state = std::bit_cast<std::uint64_t>(scalar_of<std::int64_t>(stored, name));
      return [&generator, state] { generator.restore(state); };
    };
    return Part{{scalar_output(name, std::bit_cast<std::int64_t>(generator.state()))}, prepare};
  });
}

Item item_of(const std::string& name, std::int64_t& number) { return number_item(name, number); }
Item item_of(const std::string& name, double& number) { return number_item(name, number); }

Item item_of(const std::string& name, std::string& text) {
  return plain_item([name, &text](const Header* file) {
    Output output{name, dtype_of<std::uint8_t>(), {static_cast<std::int64_t>(text.size())}, false, {}};
    output.values = [&text] { return bytes_of<char>(std::span<const char>(text)); };
    if (!file && output.shape[0] > max_text_bytes)
      throw BadFile("checkpoint: text \"" + name + "\" has " + std::to_string(text.size()) + " bytes, at most " +
                    std::to_string(max_text_bytes) + " can be loaded again");
    const auto found = file ? file->tensors.find(name) : std::map<std::string, Range>::const_iterator();
    const bool plausible = file && found != file->tensors.end() && found->second.shape.rank() == 1 &&
                           found->second.shape[0] <= max_text_bytes;
    if (plausible) output.shape = found->second.shape;
    const auto prepare = [name, &text](const Stored& stored) -> Commit {
      const std::vector<char> bytes = values_of<char>(stored.values.at(name));
      return [&text, value = std::string(bytes.begin(), bytes.end())] { text = value; };
    };
    return Part{{std::move(output)}, prepare};
  });
}

}  // namespace volute::io
