// Running a program and reading from it: host buffers and replay, nothing else.
// Invariant: staging is written only while no copy of inputs is begun or under way, readback read only after a copy.

#include <bit>
#include <chrono>
#include <cstring>
#include <iostream>
#include <optional>
#include <utility>

#include "engine/compile/program_data.hpp"
#include "engine/environment.hpp"

namespace volute {

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

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
  const std::shared_ptr<vk::Context> context = data_->device->context;
  try {
    if (context->answers()) {
      wait_for_all(*data_);
      check_finite(*data_, false);
      report_profile(*data_);
    }
  } catch (const std::exception& error) {
    // A lost device has nothing left to wait for; destruction goes on.
    if (data_->profile) std::cerr << error.what() << "\n";
  }
  if (context->answers()) return;
  try {
    context->park(std::move(data_));
  } catch (const std::exception&) {
    // Without memory for the list each object is left alone by itself.
  }
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

}  // namespace

void check_feeds(const Program::Data& data, const std::vector<Feed>& feeds, const char* call) {
  const std::string where = std::string(call) + ": ";
  std::set<const Node*> fed;
  for (const Feed& feed : feeds) {
    const Node* node = feed.input.node();
    const auto found = data.inputs.find(node);
    if (found == data.inputs.end()) {
      throw InvalidGraph(where + (node ? "\"" + node->name + "\"" : std::string("an empty tensor")) +
                         " is not an input of this program");
    }
    const auto& slot = found->second;
    const FeedView view = look(feed);
    if (slot.bound)
      throw InvalidGraph(where + "input \"" + slot.name +
                         "\" is bound to a buffer of the application; unbind it to feed it");
    if (view.dtype != slot.dtype || static_cast<std::int64_t>(view.count) != slot.shape.elements()) {
      throw InvalidGraph(where + "input \"" + slot.name + "\" takes " + std::to_string(slot.shape.elements()) +
                         " values " + slot.shape.str() + " " + name_of(slot.dtype) + "; got " +
                         std::to_string(view.count) + " " + name_of(view.dtype));
    }
    fed.insert(node);
  }
  for (const auto& [node, slot] : data.inputs)
    if (!slot.fed && !slot.bound && !fed.contains(node))
      throw InvalidGraph(where + "input \"" + slot.name + "\" " + slot.shape.str() + " was never fed");
}

namespace {

const Program::Data::HostSlot& output_slot(const Program::Data& data, Tensor output, DType dtype) {
  const auto found = data.outputs.find(output.node());
  if (found == data.outputs.end())
    throw InvalidGraph("read: the tensor is not an output of this program; name it in the targets of compile");
  if (found->second.dtype != dtype)
    throw InvalidGraph(std::string("read: the output is ") + name_of(found->second.dtype) + ", not " + name_of(dtype));
  if (found->second.bound)
    throw InvalidGraph("read: the output is bound to a buffer of the application; unbind it to read it");
  if (!data.parts->has_finished_a_step() && !data.recorded) throw InvalidGraph("read: the program has not run yet");
  return found->second;
}

void collect_profile(Program::Data& data) {
  if (data.profile) data.profile->collect(data.parts->submission_of());
}

void wait_for_step(Program::Data& data) {
  data.parts->wait_for_step();
  collect_profile(data);
  check_finite(data);
}

}  // namespace

void require_no_step(const Program::Data& data, const char* call) {
  data.device->context->require_usable();
  if (data.in_step) throw InvalidGraph(std::string(call) + ": a step is in progress; finish() it first");
}

namespace {

/// What was set during a step that is submitted whole.
void write_later(Program::Data& data) {
  if (data.later.empty() || data.in_step) return;
  prepare_staging(data);
  for (const auto& [offset, word] : data.later) std::memcpy(data.staging->mapped() + offset, &word, sizeof word);
  data.later.clear();
}

}  // namespace

void wait_for_all(Program::Data& data) {
  data.parts->wait_for_all();
  write_later(data);
  collect_profile(data);
}

void prepare_staging(Program::Data& data) {
  data.parts->wait_for_inputs();
  keep_inputs(data);
}

void write_inputs(Program::Data& data, const std::vector<Feed>& feeds) {
  for (const Feed& feed : feeds) {
    auto& slot = data.inputs.at(feed.input.node());
    pack(slot.shape, look(feed).values, data.staging->mapped() + slot.offset);
    slot.fed = true;
  }
}

namespace {

/// The step has its inputs. `alone`: all before it is done then, as a profiled step needs it: its timestamps are one
/// set.
void begin_step(Program::Data& data, const std::vector<Feed>& feeds, bool alone, const char* call) {
  const auto start = Clock::now();
  check_feeds(data, feeds, call);
  const auto checked = Clock::now();
  if (alone || data.profile || data.keeping.every) wait_for_all(data);
  else data.parts->wait_for_inputs();
  check_finite(data);
  keep_inputs(data);
  write_later(data);  // which may have failed when the last step ended
  require_parameters(data);
  keep_if_due(data);
  const auto waited = Clock::now();
  write_inputs(data, feeds);
  data.in_step = true;
  data.host_seconds = Seconds((checked - start) + (Clock::now() - waited)).count();
}

/// Sums over ranks are taken on the way: their values are waited for if the whole step is asked for, else only what is
/// ready.
Parts::Sent submit_with_exchange(Program::Data& data, std::optional<double> seconds, const interop::Sync& sync) {
  Parts& parts = *data.parts;
  Exchange& exchange = *data.exchange;
  interop::Sync first{.wait = sync.wait};
  Parts::Sent all;
  const auto send = [&](const interop::Sync& with) {
    const Parts::Sent sent = seconds ? parts.submit(*seconds, with) : parts.submit_rest(with);
    all.seconds += sent.seconds;
    all.submissions += sent.submissions;
  };
  while (const Bucket* bucket = exchange.next()) {
    if (!parts.at_gate()) send(std::exchange(first, {}));
    const bool ready = parts.at_gate() && (!seconds || parts.part_is_done(bucket->after));
    if (!ready) break;
    parts.wait_for_part(bucket->after);
    exchange.run();
    parts.stop_before(exchange.gate(parts.size()));
  }
  first.signal = sync.signal;
  send(first);
  if (!parts.at_start()) return all;
  exchange.begin_step();
  parts.stop_before(exchange.gate(parts.size()));
  return all;
}

/// Parts worth `seconds`, less what is under way, or all that are left.
Progress go_on(Program::Data& data, std::optional<double> seconds, const interop::Sync& sync) {
  const auto start = Clock::now();
  expect_changes(data);
  const Parts::Sent sent = data.exchange ? submit_with_exchange(data, seconds, sync)
                           : seconds     ? data.parts->submit(*seconds, sync)
                                         : data.parts->submit_rest(sync);
  Progress progress{false, data.parts->fraction(), sent.seconds, sent.submissions};
  progress.finished = sent.submissions > 0 && data.parts->at_start();
  if (data.parts->at_start() && !progress.finished) progress.fraction = 0;
  data.host_seconds += Seconds(Clock::now() - start).count();
  if (!progress.finished) return progress;
  data.in_step = false;
  ++data.steps;
  data.stats.submissions = data.parts->submissions_of_step();
  if (data.profile) data.profile->submitted(data.host_seconds);
  write_later(data);
  return progress;
}

}  // namespace

void run_program(Program::Data& data, const std::vector<Feed>& feeds, const interop::Sync& sync) {
  require_no_step(data, "run");
  begin_step(data, feeds, true, "run");
  try {
    go_on(data, std::nullopt, sync);
  } catch (...) {
    data.in_step = !data.parts->at_start();  // of a step that could not be submitted nothing is left to finish
    throw;
  }
}

Progress advance_program(Program::Data& data, double seconds, const interop::Sync& sync) {
  if (!data.in_step) begin_step(data, {}, false, "advance");
  data.parts->poll();
  check_finite(data);
  return go_on(data, seconds, sync);
}

void Program::run(const std::vector<Feed>& feeds) { run_program(*data_, feeds, {}); }

void Program::begin(const std::vector<Feed>& feeds) {
  require_no_step(*data_, "begin");
  begin_step(*data_, feeds, false, "begin");
}

Progress Program::advance(std::chrono::duration<double> budget) { return advance_program(*data_, budget.count(), {}); }

void Program::finish() {
  if (!data_->in_step) return;
  check_before_next(*data_);
  go_on(*data_, std::nullopt, {});
}

bool Program::in_step() const { return data_->in_step; }

void Program::wait() {
  wait_for_all(*data_);
  check_finite(*data_);
}

std::vector<float> Program::read(Tensor output) {
  const auto& slot = output_slot(*data_, output, DType::f32);
  wait_for_step(*data_);
  std::vector<float> values(slot.shape.elements());
  unpack(slot.shape, data_->readback->mapped() + slot.offset, values.data());
  return values;
}

std::vector<std::uint32_t> Program::read_u32(Tensor output) {
  const auto& slot = output_slot(*data_, output, DType::u32);
  wait_for_step(*data_);
  std::vector<std::uint32_t> values(slot.shape.elements());
  unpack(slot.shape, data_->readback->mapped() + slot.offset, values.data());
  return values;
}

float Program::value(Tensor output) {
  const auto& slot = output_slot(*data_, output, DType::f32);
  if (slot.shape.elements() != 1) throw InvalidGraph("value: the output has shape " + slot.shape.str() + "; use read");
  return read(output)[0];
}

namespace {

/// An input of one word, from the next step on: that of a step in progress may not have been copied yet.
template <class Word>
void set_word(Program::Data& data, const Node* input, Word value, const char* call) {
  data.device->context->require_usable();
  const auto& slot = data.inputs.at(input);
  if (slot.bound)
    throw InvalidGraph(std::string(call) + ": \"" + slot.name + "\" is bound to a buffer of the application");
  if (data.in_step) {
    data.later[slot.offset] = std::bit_cast<std::uint32_t>(value);
    return;
  }
  prepare_staging(data);
  write_later(data);
  std::memcpy(data.staging->mapped() + slot.offset, &value, sizeof value);
}

}  // namespace

void Program::set(const std::string& scalar, float value) {
  const auto found = data_->input_names.find(scalar);
  if (found == data_->input_names.end() || scalar == "seed" || !found->second->has_default)
    throw InvalidGraph("set: this program has no scalar \"" + scalar + "\"");
  set_word(*data_, found->second, value, "set");
}

void Program::seed(std::uint32_t seed) {
  const auto found = data_->input_names.find("seed");
  if (found == data_->input_names.end()) return;  // nothing is random in it
  set_word(*data_, found->second, seed + data_->seed_offset(), "seed");
}

void Program::reset(const std::string& prefix) {
  require_no_step(*data_, "reset");
  wait();
  for (auto& [name, state] : data_->states)
    if (name.starts_with(prefix)) state.second->fill(state.first->value, state.first->dtype);
  if (prefix.empty()) data_->steps = 0;
  data_->keeping.overtaken = true;
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
  require_no_step(*data_, "read_state");
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
  require_no_step(*data_, "write_state");
  wait();
  array.write(values);
  data_->keeping.overtaken = true;
}

std::vector<std::string> Program::state_names() const {
  std::vector<std::string> names;
  for (const auto& [name, state] : data_->states) names.push_back(name);
  return names;
}

std::string Program::explain() const { return explain_text(*data_); }

namespace {

/// What a step costs the device, and when it comes to its exchanges.
void note_times(Program::Data& data) {
  data.stats.device_seconds = data.parts->seconds();
  for (std::size_t b = 0; b < data.stats.buckets.size(); ++b) {
    const Bucket& bucket = data.exchange->buckets()[b];
    ProgramStats::Bucket& figures = data.stats.buckets[b];
    figures.ready = data.parts->seconds_before(bucket.after + 1);
    figures.needed = data.parts->seconds_before(bucket.before);
  }
}

}  // namespace

const ProgramStats& Program::stats() const {
  note_times(*data_);
  return data_->stats;
}

}  // namespace volute
