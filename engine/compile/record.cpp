// See record.hpp.

#include "engine/compile/record.hpp"

#include <algorithm>
#include <unordered_map>

#include "engine/compile/program_data.hpp"

namespace volute {

PreparedDispatch prepare(const Command& command, vk::PipelineCache& pipelines, vk::Descriptors& descriptors,
                         const std::function<vk::BufferRange(const Storage*)>& range) {
  const Dispatch& dispatch = *command.dispatch;
  std::vector<vk::BindingKind> kinds;
  std::vector<vk::BufferRange> ranges;
  for (const Binding& binding : dispatch.bindings) {
    kinds.push_back(binding.kind);
    ranges.push_back(range(binding.storage));
  }
  const auto push_bytes = static_cast<std::uint32_t>(dispatch.push.size() * 4);
  if (push_bytes > 128)
    throw Unsupported("kernel " + dispatch.label + " needs " + std::to_string(push_bytes) +
                      " bytes of push constants; 128 are available");
  const vk::Pipeline& pipeline =
      pipelines.get(dispatch.source, kinds, push_bytes, dispatch.constants, command.is_box());
  return {&pipeline, descriptors.get(pipeline, ranges)};
}

void record(vk::CommandList& list, const PreparedDispatch& prepared, const Command& command) {
  const Dispatch& dispatch = *command.dispatch;
  std::uint32_t words[32];
  for (std::size_t i = 0; i < dispatch.push.size(); ++i)
    words[i] = static_cast<std::uint32_t>(dispatch.push[i].at(command.t));
  list.dispatch(*prepared.pipeline, prepared.set, words, command.groups);
}

namespace {

double copy_seconds(const Program::Data& data, double bytes) {
  return estimated_seconds({.bytes = bytes}, data.device->context->is_cpu);
}

/// A program's dispatches, each brought to pipeline and descriptor set once, however often it is recorded.
class Preparation {
 public:
  explicit Preparation(Program::Data& data) : data_(data) {}

  const PreparedDispatch& of(const Command& command) {
    auto found = ready_.find(command.dispatch);
    if (found == ready_.end()) {
      const auto range = [&](const Storage* storage) { return data_.ranges[storage->id]; };
      const PreparedDispatch prepared = prepare(command, *data_.device->pipelines, *data_.descriptors, range);
      found = ready_.emplace(command.dispatch, prepared).first;
    }
    return found->second;
  }
  const std::unordered_map<const Dispatch*, PreparedDispatch>& all() const { return ready_; }

 private:
  Program::Data& data_;
  std::unordered_map<const Dispatch*, PreparedDispatch> ready_;
};

class Recorder {
 public:
  explicit Recorder(Program::Data& data) : data_(data), list_(*data.list), prepared_(data) {}

  /// The parts between the copies.
  void run() {
    for (const Command& command : data_.commands) {
      if (command.new_part) next_part();
      if (command.barrier) {
        list_.barrier();
        ++data_.stats.barriers;
      }
      dispatch(command);
      seconds_ += command.seconds;
    }
    end_part();
    warm_up();
  }

 private:
  void next_part() {
    end_part();
    seconds_ = 0;
    ++part_;
    list_.begin();
    if (data_.exchange) data_.exchange->record_receive(list_, part_);
    mark({.label = "between parts"});
  }

  void end_part() {
    if (!part_) return;
    const bool sends = data_.exchange && data_.exchange->record_send(list_, part_);
    data_.parts->end(list_, part_, seconds_, sends);
  }

  void mark(Profile::Span span) {
    if (!data_.profile) return;
    span.part = static_cast<int>(part_);
    data_.profile->mark(list_, ++span_, std::move(span));
  }

  void dispatch(const Command& command) {
    const Dispatch& d = *command.dispatch;
    record(list_, prepared_.of(command), command);
    if (!data_.profile) return;
    list_.barrier();
    const double share = command.share();
    mark({d.label, true, command.in_loop ? command.t : -1, 0, 0, d.flops * share, d.bytes * share});
  }

  /// Drivers that compile at a kernel's first dispatch do so here, by dispatches of no workgroup, and not in the
  /// first step.
  void warm_up() const {
    vk::CommandList once(data_.device->context);
    once.begin();
    const std::uint32_t words[32] = {};
    for (const auto& [dispatch, ready] : prepared_.all()) {
      once.dispatch(*ready.pipeline, ready.set, words, 0, 0, 0);
      once.barrier();  // validation layers look at bindings, not at group counts
    }
    once.end();
    data_.device->context->wait(data_.device->context->submit_batch(once.buffers()));
  }

  Program::Data& data_;
  vk::CommandList& list_;
  Preparation prepared_;
  std::size_t part_ = 0, span_ = 0;  ///< those of the copy of inputs are 0
  double seconds_ = 0;               ///< of the part, by estimate
};

}  // namespace

double estimated_seconds(const Dispatch& dispatch, bool cpu) {
  const double flops = cpu ? 5e10 : 1e12, bandwidth = cpu ? 5e9 : 1e11, launch = cpu ? 1e-5 : 5e-6;
  return launch + std::max(dispatch.flops / flops, dispatch.bytes / bandwidth);
}

namespace {

/// Whether the slot is bound to where it is: the application uses it there, and nothing is copied.
bool in_place(const Program::Data::HostSlot& slot) {
  return slot.bound && slot.bound->slice.buffer == slot.device.buffer->handle() &&
         slot.bound->slice.offset == slot.device.offset;
}

/// Where the slot's values come from or go to: the application's buffer, or the host's.
interop::Slice outside(const Program::Data::HostSlot& slot, const vk::Buffer& host) {
  if (slot.bound) return {slot.bound->slice.buffer, slot.bound->slice.offset, slot.device.bytes};
  return {host.handle(), slot.offset, slot.device.bytes};
}

/// Returns the bytes that are moved.
double copy_inputs(const Program::Data& data, vk::CommandList& list) {
  double bytes = 0;
  list.barrier_around();
  for (const auto& [node, slot] : data.inputs) {
    if (slot.bound) list.acquire(slot.bound->slice, slot.bound->family);
    if (in_place(slot)) continue;
    list.copy(outside(slot, *data.staging), slot.device.slice());
    bytes += 2.0 * static_cast<double>(slot.device.bytes);
  }
  list.barrier_around();  // bound buffers are the application's again
  return bytes;
}

double copy_outputs(const Program::Data& data, vk::CommandList& list) {
  double bytes = 0;
  list.barrier_around();  // the application may have used bound buffers since the step began
  for (const auto& [node, slot] : data.outputs) {
    if (!in_place(slot)) {
      list.copy(slot.device.slice(), outside(slot, *data.readback));
      bytes += 2.0 * static_cast<double>(slot.device.bytes);
    }
    if (slot.bound) list.release(slot.bound->slice, slot.bound->family);
  }
  for (const Watch::Slot& slot : data.watch.slots)
    list.copy(slot.device.slice(), {data.readback->handle(), slot.offset, slot.device.bytes});
  list.barrier_around();
  return bytes;
}

}  // namespace

void record_inputs(Program::Data& data) {
  auto list = std::make_unique<vk::CommandList>(data.device->context);
  list->begin();
  if (data.profile) data.profile->start(*list);
  const double bytes = copy_inputs(data, *list);
  if (data.profile) {
    list->barrier();
    data.profile->mark(*list, 0, {.label = "copy of inputs", .bytes = bytes});
  }
  data.parts->end(*list, 0, copy_seconds(data, bytes), false);
  data.input_copies = std::move(list);
}

void record_outputs(Program::Data& data) {
  auto list = std::make_unique<vk::CommandList>(data.device->context);
  const std::size_t part = data.parts->size() - 1;
  list->begin();
  if (data.exchange) data.exchange->record_receive(*list, part);
  const auto mark = [&](std::size_t before_last, Profile::Span span) {
    span.part = static_cast<int>(part);
    if (data.profile) data.profile->mark(*list, data.profile->spans().size() - 1 - before_last, std::move(span));
  };
  mark(1, {.label = "between parts"});
  const double bytes = copy_outputs(data, *list);
  if (data.profile) list->barrier();
  mark(0, {.label = "copy of outputs", .bytes = bytes});
  data.parts->end(*list, part, copy_seconds(data, bytes), true);
  data.output_copies = std::move(list);
}

void record_whole(Program::Data& data, vk::CommandList& list) {
  if (data.exchange)
    throw Unsupported("record: a step that waits for other ranks cannot run inside an application's commands");
  Preparation prepared(data);  // pipelines and sets were made when the program was compiled, and are found again
  copy_inputs(data, list);
  for (const Command& command : data.commands) {
    if (command.barrier || command.new_part) list.barrier();
    record(list, prepared.of(command), command);
  }
  copy_outputs(data, list);
  list.to_host();
}

void record_step(Program::Data& data, double submission_seconds) {
  const auto& context = data.device->context;
  const auto cuts = static_cast<std::size_t>(std::count_if(
      data.commands.begin(), data.commands.end(), [](const Command& command) { return command.new_part; }));
  const std::size_t copies = 2, gaps = cuts + 1;
  data.parts = std::make_unique<Parts>(context, cuts + copies, submission_seconds);
  if (data.profiled) data.profile = std::make_unique<Profile>(context, data.commands.size() + gaps + copies);
  data.descriptors = std::make_unique<vk::Descriptors>(context);
  data.list = std::make_unique<vk::CommandList>(context);
  record_inputs(data);
  Recorder(data).run();
  record_outputs(data);
  if (data.exchange) {
    for (const Bucket& bucket : data.exchange->buckets()) data.parts->end_submission_at(bucket.after);
    data.parts->stop_before(data.exchange->gate(data.parts->size()));
  }
  data.stats.submissions = data.parts->submissions();
}

}  // namespace volute
