// Running a program and reading from it: host buffers and replay, nothing else.
// Invariant: host buffers are touched only while no run is in flight.

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iostream>

#include "engine/compile/program_data.hpp"
#include "engine/environment.hpp"

namespace volute {

namespace {

void report_profile(const Program::Data& data) {
  if (!data.profile) return;
  const Environment& asked = environment();
  const std::string& device = data.device->context->info.name;
  if (asked.profile) std::cerr << profile_text(*data.profile, device);
  if (!asked.trace.empty()) write_trace(asked.trace, *data.profile, device);
}

}  // namespace

Program::Program(std::unique_ptr<Data> data) : data_(std::move(data)) {}
Program::Program(Program&&) noexcept = default;

Program& Program::operator=(Program&& other) noexcept {
  std::swap(data_, other.data_);
  return *this;
}

Program::~Program() {
  if (!data_) return;
  try {
    wait();
    report_profile(*data_);
  } catch (const Error& error) {
    // A lost device has nothing left to wait for; destruction goes on.
    if (data_->profile) std::cerr << error.what() << "\n";
  }
}

void Program::wait() {
  if (!data_->last_run) return;
  data_->device->context->wait(data_->last_run);
  if (data_->profile) data_->profile->collect();
}

namespace {

struct FeedView {
  DType dtype;
  const void* values;
  std::size_t count;
};

FeedView look(const Feed& feed) {
  if (const auto* f = std::get_if<std::span<const float>>(&feed.values)) return {DType::f32, f->data(), f->size()};
  const auto& u = std::get<std::span<const std::uint32_t>>(feed.values);
  return {DType::u32, u.data(), u.size()};
}

/// Everything is checked before anything is written.
void check_feeds(Program::Data& data, const std::vector<Feed>& feeds) {
  std::set<const Node*> fed;
  for (const Feed& feed : feeds) {
    const Node* node = feed.input.node();
    const auto found = data.inputs.find(node);
    if (found == data.inputs.end()) {
      throw InvalidGraph("run: " + (node ? "\"" + node->name + "\"" : std::string("an empty tensor")) +
                         " is not an input of this program");
    }
    const auto& slot = found->second;
    const FeedView view = look(feed);
    if (view.dtype != slot.dtype || static_cast<std::int64_t>(view.count) != slot.shape.elements()) {
      throw InvalidGraph("run: input \"" + slot.name + "\" takes " + std::to_string(slot.shape.elements()) +
                         " values " + slot.shape.str() + " " + name_of(slot.dtype) + "; got " +
                         std::to_string(view.count) + " " + name_of(view.dtype));
    }
    fed.insert(node);
  }
  for (const auto& [node, slot] : data.inputs)
    if (!slot.fed && !fed.contains(node))
      throw InvalidGraph("run: input \"" + slot.name + "\" " + slot.shape.str() + " was never fed");
}

const Program::Data::HostSlot& output_slot(const Program::Data& data, Tensor output, DType dtype) {
  const auto found = data.outputs.find(output.node());
  if (found == data.outputs.end())
    throw InvalidGraph("read: the tensor is not an output of this program; name it in the targets of compile");
  if (found->second.dtype != dtype)
    throw InvalidGraph(std::string("read: the output is ") + name_of(found->second.dtype) + ", not " + name_of(dtype));
  if (!data.last_run) throw InvalidGraph("read: the program has not run yet");
  return found->second;
}

}  // namespace

void Program::run(const std::vector<Feed>& feeds) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  check_feeds(*data_, feeds);
  const auto checked = Clock::now();
  wait();
  const auto waited = Clock::now();
  for (const Feed& feed : feeds) {
    auto& slot = data_->inputs.at(feed.input.node());
    pack(slot.shape, look(feed).values, data_->staging->mapped() + slot.offset);
    slot.fed = true;
  }
  data_->last_run = data_->device->context->submit_batch(data_->list->buffers());
  const std::chrono::duration<double> host = (checked - start) + (Clock::now() - waited);
  if (data_->profile) data_->profile->submitted(host.count());
}

std::vector<float> Program::read(Tensor output) {
  const auto& slot = output_slot(*data_, output, DType::f32);
  wait();
  std::vector<float> values(slot.shape.elements());
  unpack(slot.shape, data_->readback->mapped() + slot.offset, values.data());
  return values;
}

std::vector<std::uint32_t> Program::read_u32(Tensor output) {
  const auto& slot = output_slot(*data_, output, DType::u32);
  wait();
  std::vector<std::uint32_t> values(slot.shape.elements());
  unpack(slot.shape, data_->readback->mapped() + slot.offset, values.data());
  return values;
}

float Program::value(Tensor output) {
  const auto& slot = output_slot(*data_, output, DType::f32);
  if (slot.shape.elements() != 1) throw InvalidGraph("value: the output has shape " + slot.shape.str() + "; use read");
  return read(output)[0];
}

void Program::set(const std::string& scalar, float value) {
  const auto found = data_->input_names.find(scalar);
  if (found == data_->input_names.end() || scalar == "seed" || !found->second->has_default)
    throw InvalidGraph("set: this program has no scalar \"" + scalar + "\"");
  wait();
  std::memcpy(data_->staging->mapped() + data_->inputs.at(found->second).offset, &value, sizeof value);
}

void Program::seed(std::uint32_t seed) {
  const auto found = data_->input_names.find("seed");
  if (found == data_->input_names.end()) return;  // nothing random in it
  wait();
  std::memcpy(data_->staging->mapped() + data_->inputs.at(found->second).offset, &seed, sizeof seed);
}

void Program::reset(const std::string& prefix) {
  wait();
  for (auto& [name, state] : data_->states)
    if (name.starts_with(prefix)) state.second->fill(state.first->value, state.first->dtype);
}

namespace {

DeviceArray& state_array(Program::Data& data, const std::string& name) {
  const auto found = data.states.find(name);
  if (found == data.states.end()) throw InvalidGraph("this program has no state \"" + name + "\"");
  return *found->second.second;
}

}  // namespace

std::vector<float> Program::read_state(const std::string& name) {
  DeviceArray& array = state_array(*data_, name);
  wait();
  std::vector<float> values(data_->states.at(name).first->shape.elements());
  array.read(values);
  return values;
}

void Program::write_state(const std::string& name, std::span<const float> values) {
  DeviceArray& array = state_array(*data_, name);
  const Shape& shape = data_->states.at(name).first->shape;
  if (static_cast<std::int64_t>(values.size()) != shape.elements())
    throw InvalidGraph("write_state: \"" + name + "\" takes " + std::to_string(shape.elements()) + " values; got " +
                       std::to_string(values.size()));
  wait();
  array.write(values);
}

std::vector<std::string> Program::state_names() const {
  std::vector<std::string> names;
  for (const auto& [name, state] : data_->states) names.push_back(name);
  return names;
}

std::string Program::explain() const { return explain_text(*data_); }
const ProgramStats& Program::stats() const { return data_->stats; }

}  // namespace volute
