// Snapshots of programs: states, parameters, scalars and seed, bit by bit.
#include "engine/compile/snapshot.hpp"

#include <algorithm>
#include <cstring>

#include "engine/compile/program_data.hpp"

namespace volute {
namespace {

/// One after the other, each a multiple of 16 bytes; the last is the size of all.
std::vector<std::uint64_t> offsets_of(std::span<const vk::BufferRange> ranges) {
  std::vector<std::uint64_t> offsets{0};
  for (const vk::BufferRange& range : ranges) offsets.push_back(offsets.back() + range.bytes);
  return offsets;
}

}  // namespace

HostCopies::HostCopies(const std::shared_ptr<vk::Context>& context, std::span<const vk::BufferRange> ranges)
    : context_(context),
      offsets_(offsets_of(ranges)),
      buffer_(context, offsets_.back(), vk::Residency::host_readback),
      list_(context) {
  list_.begin();
  for (std::size_t i = 0; i < ranges.size(); ++i) list_.copy(ranges[i], {&buffer_, offsets_[i], ranges[i].bytes});
  list_.end();
}

void HostCopies::fetch(const std::shared_ptr<HostCopies>& self) {
  context_->wait(under_way_);  // commands are submitted again when they are done, which the last wait may not have told
  under_way_ = context_->submit_batch(list_.buffers());
  context_->wait(under_way_, self);
}

namespace {

/// States, then parameters: the order of a snapshot's arrays.
std::vector<vk::BufferRange> kept_ranges(const Program::Data& data) {
  std::vector<vk::BufferRange> ranges;
  for (const auto& [name, state] : data.states) ranges.push_back(state.second->range());
  for (const auto& array : data.parameter_arrays) ranges.push_back(array->range());
  return ranges;
}

bool is_scalar(const Node* input) { return input->has_default && input->name != "seed"; }

/// Words of an input's first element in staging.
template <class Word>
Word staged(const Program::Data& data, const Node* input) {
  Word word;
  std::memcpy(&word, data.staging->mapped() + data.inputs.at(input).offset, sizeof word);
  return word;
}

template <class Word>
void stage(Program::Data& data, const Node* input, Word word) {
  std::memcpy(data.staging->mapped() + data.inputs.at(input).offset, &word, sizeof word);
}

const Share* share_of(const Program::Data& data, const std::string& state) {
  return data.rank_states ? data.rank_states->share_of(state) : nullptr;
}

/// Everything but the values of arrays.
Snapshot outline(const Program::Data& data) {
  Snapshot snapshot;
  snapshot.steps = data.steps;
  for (const auto& [name, input] : data.input_names) {
    if (name == "seed") snapshot.seed = staged<std::uint32_t>(data, input) - data.seed_offset();
    else if (is_scalar(input) && !data.inputs.at(input).bound) snapshot.scalars[name] = staged<float>(data, input);
  }
  for (const auto& [name, state] : data.states) {
    snapshot.states.push_back({name, state.first->dtype, state.first->shape, {}});
    if (const Share* share = share_of(data, name)) snapshot.states.back().shape = with_rows(state.first->shape, share->all());
  }
  for (const auto& parameter : data.parameters)
    snapshot.parameters.push_back({parameter->name, DType::f32, parameter->shape, {}});
  return snapshot;
}

Snapshot take(const Program::Data& data, const std::shared_ptr<HostCopies>& copies) {
  require_parameters(data);
  Snapshot snapshot = outline(data);
  if (copies) copies->fetch(copies);
  std::size_t next = 0;
  for (auto* arrays : {&snapshot.states, &snapshot.parameters})
    for (HostArray& array : *arrays) {
      const bool shared = arrays == &snapshot.states && share_of(data, array.name);
      if (shared) array.shape = data.states.at(array.name).first->shape;
      array.words.resize(static_cast<std::size_t>(array.shape.elements()));
      unpack(array.shape, copies->bytes(next++), array.words.data());
      if (shared) data.rank_states->join(array);
    }
  return snapshot;
}

/// Null if there is nothing to copy.
std::shared_ptr<HostCopies> copies_of(const Program::Data& data) {
  const auto ranges = kept_ranges(data);
  return ranges.empty() ? nullptr : std::make_shared<HostCopies>(data.device->context, ranges);
}

std::span<const float> as_floats(const std::vector<std::uint32_t>& words) {
  return {reinterpret_cast<const float*>(words.data()), words.size()};
}

std::uint64_t sets_of(const Program::Data& data) {
  std::uint64_t sets = 0;
  for (const auto& parameter : data.parameters) sets += parameter->sets;
  return sets;
}

void keep_now(Program::Data& data) {
  Keeping& keeping = data.keeping;
  const auto fresh = std::make_shared<const Snapshot>(take(data, keeping.copies));
  keeping.last = fresh;
  keeping.sets = sets_of(data);
  keeping.overtaken = false;
  for (std::size_t i = 0; i < data.parameters.size(); ++i)
    if (std::ranges::find(data.trained, data.parameters[i].get()) != data.trained.end())
      data.parameters[i]->kept = {fresh, &fresh->parameters[i].words};
}

[[noreturn]] void differs(const std::string& what) {
  throw InvalidGraph("restore: the snapshot is of another program: " + what);
}

void check_arrays(const std::vector<HostArray>& own, const std::vector<HostArray>& given, const std::string& kind) {
  if (own.size() != given.size())
    differs("it has " + std::to_string(given.size()) + " " + kind + "s, this one " + std::to_string(own.size()));
  for (std::size_t i = 0; i < own.size(); ++i) {
    const auto text = [&](const HostArray& a) { return "\"" + a.name + "\" " + a.shape.str() + " " + name_of(a.dtype); };
    if (own[i].name != given[i].name || own[i].dtype != given[i].dtype || own[i].shape != given[i].shape)
      differs("its " + kind + " " + text(given[i]) + " stands where this one has " + text(own[i]));
    if (static_cast<std::int64_t>(given[i].words.size()) != own[i].shape.elements())
      differs(kind + " " + text(given[i]) + " has " + std::to_string(given[i].words.size()) + " values");
  }
}

void check_snapshot(const Program::Data& data, const Snapshot& given) {
  const Snapshot own = outline(data);
  check_arrays(own.states, given.states, "state");
  check_arrays(own.parameters, given.parameters, "parameter");
  for (const auto& [name, value] : own.scalars)
    if (!given.scalars.contains(name)) differs("it has no scalar \"" + name + "\"");
  for (const auto& [name, value] : given.scalars)
    if (!own.scalars.contains(name)) differs("this one has no scalar \"" + name + "\"");
}

}  // namespace

void keep_if_due(Program::Data& data) {
  const Keeping& keeping = data.keeping;
  if (!keeping.every) return;
  const bool due = data.steps % keeping.every == 0 && data.steps != keeping.last->steps;
  double now = due || keeping.overtaken || keeping.sets != sets_of(data);
  if (data.exchange) data.exchange->communicator().sum({&now, 1});  // what one rank alone has set, all keep
  if (now > 0) keep_now(data);
}

void require_parameters(const Program::Data& data) {
  for (const auto& parameter : data.parameters) parameter->require_values();
}

void expect_changes(Program::Data& data) {
  for (ParameterData* parameter : data.trained) parameter->will_change(data.keeping.every != 0);
}

std::vector<Parameter> Program::parameters() const {
  return {data_->parameters.begin(), data_->parameters.end()};
}

std::int64_t Program::steps() const { return data_->steps; }

Snapshot Program::snapshot() {
  require_no_step(*data_, "snapshot");
  wait();
  return take(*data_, copies_of(*data_));
}

Snapshot Program::layout() const { return outline(*data_); }

void Program::restore(const Snapshot& snapshot) {
  require_no_step(*data_, "restore");
  check_snapshot(*data_, snapshot);
  wait();
  for (std::size_t i = 0; i < snapshot.parameters.size(); ++i)
    Parameter(data_->parameters[i]).set(as_floats(snapshot.parameters[i].words));
  for (const HostArray& state : snapshot.states) {
    const bool shared = share_of(*data_, state.name);
    const HostArray part = shared ? data_->rank_states->part_of(state) : HostArray();
    data_->states.at(state.name).second->write(as_floats(shared ? part.words : state.words));
  }
  for (const auto& [name, value] : snapshot.scalars) stage(*data_, data_->input_names.at(name), value);
  if (data_->input_names.contains("seed")) stage(*data_, data_->input_names.at("seed"), snapshot.seed + data_->seed_offset());
  data_->steps = snapshot.steps;
  data_->keeping.overtaken = true;
}

void Program::keep(std::int64_t every_steps) {
  if (every_steps < 0) throw InvalidGraph("keep: must be 0 or more steps, got " + std::to_string(every_steps));
  require_no_step(*data_, "keep");
  if (every_steps == 0) {
    data_->keeping.every = 0;
    return;
  }
  wait();
  if (!data_->keeping.copies) data_->keeping.copies = copies_of(*data_);
  keep_now(*data_);
  data_->keeping.every = every_steps;
}

const Snapshot& Program::kept() const {
  if (!data_->keeping.last) throw InvalidGraph("kept: this program has kept no snapshot; ask for them with keep");
  return *data_->keeping.last;
}

}  // namespace volute
