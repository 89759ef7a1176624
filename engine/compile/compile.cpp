// From targets to a recorded program: passes, memory, commands, in this order.

#include <algorithm>
#include <cstring>
#include <iostream>
#include <limits>
#include <mutex>

#include "engine/compile/agree.hpp"
#include "engine/compile/limits.hpp"
#include "engine/compile/program_data.hpp"
#include "engine/compile/record.hpp"
#include "engine/environment.hpp"
#include "engine/graph/operation.hpp"

namespace volute {
namespace {

constexpr std::uint32_t kGuardWord = 0x7fc0dead;  // a NaN, so that reads of it show too
constexpr std::uint64_t kBlockLimit = 1ull << 30;

int count_fused(const std::vector<Unit>& units) {
  int count = 0;
  for (const Unit& unit : units) {
    const std::size_t nodes = unit.nodes.size() + (unit.kind == Unit::Kind::reduce ? 1 : 0);
    if (nodes > 1) count += static_cast<int>(nodes);
    count += count_fused(unit.body);
  }
  return count;
}

/// Offsets of everything the kernels pass to one another.
void plan_memory(Program::Data& data) {
  std::vector<const Storage*> kept;
  for (const Node* node : data.live.outputs) kept.push_back(data.layout->view(node).storage);
  auto lives = lifetimes(data.sections, data.layout->storages().size(), kept);
  for (Lifetime& life : lives)
    if (!data.alias && life.used()) life = {0, std::numeric_limits<std::int64_t>::max()};
  const auto home = in_place(data.sections, lives);
  std::vector<ArenaRequest> requests(lives.size());
  for (const Storage& storage : data.layout->storages()) {
    if (storage.kind != Storage::Kind::temporary || !lives[storage.id].used()) continue;
    ArenaRequest& request = requests[home[storage.id]];
    request.bytes = storage.bytes + data.guard_bytes;
    request.life.first =
        request.life.used() ? std::min(request.life.first, lives[storage.id].first) : lives[storage.id].first;
    request.life.last = std::max(request.life.last, lives[storage.id].last);
  }
  data.arena = plan_arena(requests, data.device->context->offset_alignment(),
                          std::min(kBlockLimit, data.device->context->info.max_allocation_bytes));
  for (std::size_t i = 0; i < home.size(); ++i) data.arena.regions[i] = data.arena.regions[home[i]];
  data.stats.arena_bytes = data.arena.bytes;
  for (const Storage& storage : data.layout->storages())
    if (storage.kind == Storage::Kind::temporary && lives[storage.id].used())
      data.stats.unaliased_bytes += storage.bytes;
}

/// Passes, kernels and memory.
void build_plan(Program::Data& data, const Graph& graph, const Targets& targets, bool recompute) {
  data.stats = {};
  data.live = live_graph(graph, targets);
  check_counts(data.live);
  const auto note = [&](const char* pass) {
    data.stats.passes.push_back({pass, static_cast<int>(data.live.graph->nodes.size())});
  };
  note("built");
  const int ranks = data.exchange ? data.exchange->communicator().size() : 1;
  Passed passed = run_passes(data.live, targets.precision, recompute, ranks, note);
  data.stats.recomputes = passed.recomputes;
  data.stats.hoisted = std::move(passed.hoisted);
  data.destinations = std::move(passed.destinations);
  check_counts(data.live);
  const auto units = fuse(data.live, fuse_limits(data.target));
  data.stats.nodes_fused = count_fused(units);
  data.layout = std::make_unique<Layout>(data.live, data.destinations, units);
  data.sections = lower(units, *data.layout, data.target, data.tuner);
  check_counts(*data.layout, data.sections);
  plan_memory(data);
}

/// The plan as it is, or with recomputation if it does not fit.
void build_within(Program::Data& data, const Graph& graph, const Targets& targets, std::uint64_t memory_bytes) {
  // What is exchanged with other ranks lies beside the arena.
  const auto needed = [&] {
    std::uint64_t bytes = data.arena.bytes;
    for (const Storage& storage : data.layout->storages())
      if (storage.kind == Storage::Kind::exchanged) bytes += storage.bytes;
    return bytes;
  };
  build_plan(data, graph, targets, false);
  const std::uint64_t plain = needed();
  if (!memory_bytes || plain <= memory_bytes) return;
  build_plan(data, graph, targets, true);
  if (needed() > memory_bytes)
    throw Unsupported("the program needs " + std::to_string(needed()) + " bytes even when it recomputes (" +
                      std::to_string(plain) + " without); the limit is " + std::to_string(memory_bytes));
}

void count_dispatches(Program::Data& data) {
  for (const Section& section : data.sections) {
    const int count = static_cast<int>(section.dispatches.size());
    data.stats.kernels += count;
    const bool back = section.reverse || section.walks_back;
    const char* name = back ? "backward in time" : "forward in time";
    if (section.walked) data.stats.loops.push_back({name, section.walked, 0, back, section.length});
    else if (section.length)
      data.stats.loops.push_back({name, section.steps, count, back, count * section.length});
    else
      data.stats.dispatches_outside_loops += count;
  }
}

class MemoryBuilder {
 public:
  MemoryBuilder(Program::Data& data, const Targets& targets) : data_(data), targets_(targets) {
    data.ranges.resize(data.layout->storages().size());
    data.buffer_of.assign(data.layout->storages().size(), -1);
  }

  void run() {
    arena();
    if (data_.exchange) exchanged();
    inputs();
    states();
    parameters();
    outputs();
    if (data_.guard_bytes) fill_guards();
  }

 private:
  std::uint64_t aligned(std::uint64_t bytes) const {
    const std::uint64_t a = data_.device->context->offset_alignment();
    return (bytes + a - 1) / a * a;
  }

  int add_buffer(std::uint64_t bytes) {
    data_.buffers.push_back(std::make_shared<vk::Buffer>(data_.device->context, bytes, vk::Residency::device));
    return static_cast<int>(data_.buffers.size()) - 1;
  }

  void place(const Storage* storage, int buffer, std::uint64_t offset) {
    data_.buffer_of[storage->id] = buffer;
    data_.ranges[storage->id] = {data_.buffers[buffer].get(), offset, storage->bytes};
  }

  void arena() {
    for (std::uint64_t bytes : data_.arena.block_bytes) add_buffer(bytes);
    for (const Storage& storage : data_.layout->storages()) {
      const Region& region = data_.arena.regions[storage.id];
      if (region.block >= 0) place(&storage, region.block, region.offset);
      // Bound with its guard where that is nobody else's: drivers drop stores beyond a binding's end.
      if (region.block >= 0 && !data_.alias) data_.ranges[storage.id].bytes += data_.guard_bytes;
    }
  }

  /// Buckets are ranges of one buffer, so values that can be sent about the same time lie together.
  void exchanged() {
    const auto storages =
        exchanged_storages(data_.live, *data_.layout, data_.sections, data_.exchange->communicator());
    if (storages.empty()) return;
    std::uint64_t bytes = 0;
    for (const Storage* storage : storages) bytes += aligned(storage->bytes);
    data_.buffers.push_back(data_.exchange->make_buffer(data_.device->context, bytes));
    std::uint64_t offset = 0;
    for (const Storage* storage : storages) {
      place(storage, static_cast<int>(data_.buffers.size()) - 1, offset);
      data_.exchanged.push_back({storage, offset});
      offset += aligned(storage->bytes);
    }
  }

  std::vector<std::pair<const Node*, const Storage*>> leaves(Op op) const {
    std::vector<std::pair<const Node*, const Storage*>> found;
    for (const auto& [node, storage] : data_.layout->leaves())
      if (node->op == op) found.emplace_back(node, storage);
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first->id < b.first->id; });
    return found;
  }

  void inputs() {
    const auto found = leaves(Op::input);
    std::uint64_t bytes = 0;
    for (const auto& [node, storage] : found) bytes += aligned(storage->bytes);
    if (!bytes) return;
    const int buffer = add_buffer(bytes);
    data_.staging = std::make_unique<vk::Buffer>(data_.device->context, bytes, vk::Residency::host_upload);
    std::uint64_t offset = 0;
    for (const auto& [node, storage] : found) {
      place(storage, buffer, offset);
      const Node* user = data_.user_graph->names.at(node->name);
      const bool has_value = node->has_default;
      data_.inputs[user] = {node->shape, node->dtype, offset, has_value, node->name, data_.ranges[storage->id]};
      data_.input_names[node->name] = user;
      if (has_value) {
        const float value = static_cast<float>(node->value);
        const std::uint32_t seed = data_.seed_offset();
        const bool is_seed = node->dtype == DType::u32;
        pack(node->shape, is_seed ? static_cast<const void*>(&seed) : &value, data_.staging->mapped() + offset);
      }
      offset += aligned(storage->bytes);
    }
  }

  void states() {
    const auto found = leaves(Op::state);
    std::uint64_t bytes = 0;
    for (const auto& [node, storage] : found) bytes += aligned(storage->bytes);
    if (!bytes) return;
    const int buffer = add_buffer(bytes);
    std::uint64_t offset = 0;
    for (const auto& [node, storage] : found) {
      place(storage, buffer, offset);
      auto array = std::make_shared<DeviceArray>(data_.device, node->shape, data_.buffers[buffer], offset);
      array->fill(node->value, node->dtype);
      data_.states[node->name] = {const_cast<Node*>(node), std::move(array)};
      offset += aligned(storage->bytes);
    }
  }

  /// Parameters new to the device share one allocation; the others keep the copy they have.
  void parameters() {
    static std::mutex placing;  // compiles on other threads may share parameters that live nowhere yet
    const std::lock_guard lock(placing);
    const auto found = leaves(Op::parameter);
    std::uint64_t bytes = 0;
    for (const auto& [node, storage] : found) {
      ParameterData& p = *node->parameter;
      p.leave_lost_device();
      if (p.device && p.device_owner != data_.device.get())
        throw Unsupported("parameter \"" + p.name + "\" already lives on another device");
      if (!p.device) bytes += aligned(storage->bytes);
    }
    const auto fresh =
        bytes ? std::make_shared<vk::Buffer>(data_.device->context, bytes, vk::Residency::device) : nullptr;
    std::uint64_t offset = 0;
    std::erase_if(data_.device->parameters, [](const auto& parameter) { return parameter.expired(); });
    // The device knows all parameters that live there, whatever else fails.
    data_.device->parameters.reserve(data_.device->parameters.size() + found.size());
    for (const auto& [node, storage] : found) {
      ParameterData& p = *node->parameter;
      if (!p.device) {
        auto array = std::make_shared<DeviceArray>(data_.device, p.shape, fresh, offset);
        array->write(p.host);
        p.device = std::move(array);
        p.device_owner = data_.device.get();
        data_.device->parameters.push_back(node->parameter);
        offset += aligned(storage->bytes);
      }
      data_.parameters.push_back(node->parameter);
      data_.parameter_arrays.push_back(std::static_pointer_cast<DeviceArray>(p.device));
      data_.ranges[storage->id] = data_.parameter_arrays.back()->range();
      // Parameters are told apart by numbers of their own: no two share bytes.
      data_.buffer_of[storage->id] = static_cast<int>(1000000 + data_.parameters.size());
    }
    for (const auto& [target, value] : data_.live.updates)
      if (target->op == Op::parameter) data_.trained.push_back(target->parameter.get());
  }

  /// Where the values of an output lie when the step ends.
  vk::BufferRange range_of(const Node* node) const {
    const View view = data_.layout->view(node);
    vk::BufferRange device = data_.ranges[view.storage->id];
    device.offset += static_cast<std::uint64_t>(view.offset.base) * 4;
    device.bytes = padded_bytes(node->shape);  // outputs are f32 or u32
    return device;
  }

  void outputs() {
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < targets_.outputs.size(); ++i) {
      const Node* node = data_.live.outputs[i];
      const auto [slot, fresh] = data_.outputs.try_emplace(targets_.outputs[i].node());
      if (!fresh) continue;  // named twice, read from one place
      slot->second = {node->shape, node->dtype, bytes, true, name_of(node->op), range_of(node)};
      bytes += aligned(slot->second.device.bytes);
    }
    for (std::size_t i = 0; i < targets_.watched.size(); ++i) {
      const vk::BufferRange device = range_of(data_.live.outputs[targets_.outputs.size() + i]);
      data_.watch.slots.push_back({targets_.watched[i].name, device, bytes});
      bytes += aligned(device.bytes);
    }
    if (bytes)
      data_.readback = std::make_unique<vk::Buffer>(data_.device->context, bytes, vk::Residency::host_readback);
  }

  void fill_guards() {
    for (const auto& buffer : data_.buffers)
      vk::fill(data_.device->context, {buffer.get(), 0, buffer->bytes()}, kGuardWord);
    for (auto& [name, state] : data_.states) state.second->fill(state.first->value, state.first->dtype);
  }

  Program::Data& data_;
  const Targets& targets_;
};

/// Where the step sends values to other ranks and waits for theirs.
void plan_exchange(Program::Data& data) {
  if (data.exchanged.empty()) return;
  Exchange& exchange = *data.exchange;
  exchange.set_buckets(cut_for_exchange(data.commands, data.exchanged, exchange.options().bucket_bytes,
                                        exchange.communicator()));
  for (const Bucket& bucket : exchange.buckets()) data.stats.buckets.push_back({bucket.end - bucket.begin});
}

/// What a run leaves to the next is of the rank's rows: carried states of two axes or more, rows being axis -2.
void share_states(Program::Data& data, const std::shared_ptr<Communicator>& communicator) {
  data.rank_states = std::make_unique<RankStates>(communicator);
  std::vector<const Node*> shared;
  std::string text;
  for (const Update& update : data.user_graph->carried) {
    const Node* node = update.target.node();
    if (node->op != Op::state || node->shape.rank() < 2 || !data.states.contains(node->name)) continue;
    shared.push_back(node);
    text += "state \"" + node->name + "\" " + with_rows(node->shape, 0).str() + " with rows at axis -2; ";
  }
  require_same(*communicator, text.empty() ? "no carried states" : text);
  for (const Node* node : shared) data.rank_states->add(node->name, node->shape);
}

/// Every rank goes on with rank 0's parameters.
void share_parameters(Program::Data& data) {
  Communicator& ranks = data.exchange->communicator();
  std::string names = data.exchange->options().half ? "values as f16; " : "";
  for (const auto& parameter : data.parameters) names += parameter->name + parameter->shape.str() + "; ";
  require_same(ranks, names);
  for (const auto& parameter : data.parameters) {
    std::vector<float> values = Parameter(parameter).values();
    ranks.broadcast(std::as_writable_bytes(std::span(values)));
    Parameter(parameter).set(values);  // on rank 0 too: snapshots are kept after values are set, and by all ranks
  }
}

/// Work for every processor in each box a dispatch is divided into; a GPU's hide latency with several workgroups each.
std::uint32_t groups_at_once(const Program::Data& data) {
  return data.device->context->is_cpu ? data.target.cores : 4 * data.target.cores;
}

}  // namespace

Locate Program::Data::locate() const {
  return [this](const Storage* storage) { return std::pair(buffer_of[storage->id], ranges[storage->id].offset); };
}

Program compile_program(const std::shared_ptr<Device::Data>& device, const Graph& graph, const Targets& targets,
                        const CompileOptions& options) {
  auto data = std::make_unique<Program::Data>();
  data->device = device;
  data->user_graph = graph.data();
  data->target = device->target;
  if (options.tune.value_or(device->tune)) data->tuner = device->tuner.get();
  data->guard_bytes = options.guard_bytes;
  data->alias = options.alias;
  if (options.scans) data->target.scans = *options.scans;
  if (!options.matmul.empty()) data->target.matmul = options.matmul;
  if (options.texel_loads) data->target.texel_loads = *options.texel_loads;
  data->target.join = options.join;
  if (options.max_storage_range) data->target.max_storage_range = options.max_storage_range;
  data->watch.targets = targets;
  if (options.communicator && options.communicator->size() > 1)
    data->exchange = std::make_unique<Exchange>(options.communicator, options.exchange, options.shared_memory);
  build_within(*data, graph, targets, options.memory_bytes);
  count_dispatches(*data);
  MemoryBuilder(*data, targets).run();
  const bool cpu = device->context->is_cpu;
  data->profiled = options.profile.value_or(environment().profile || !environment().trace.empty());
  data->commands = schedule(data->sections, data->locate(),
                            {std::min(options.part_seconds, options.submission_seconds / 2),
                             [cpu](const Dispatch& d) { return estimated_seconds(d, cpu); }, groups_at_once(*data)});
  data->stats.dispatches = static_cast<std::int64_t>(data->commands.size());
  if (data->exchange) {
    plan_exchange(*data);
    share_states(*data, options.communicator);
    share_parameters(*data);
  }
  record_step(*data, options.submission_seconds);
  if (environment().print_plan) std::cerr << explain_text(*data);
  return Program(std::move(data));
}

Program Device::compile(const Graph& graph, const Targets& targets, const CompileLimits& limits) {
  return compile_program(data_, graph, targets,
                         {.memory_bytes = limits.memory_bytes, .submission_seconds = limits.submission_seconds});
}

Program Device::compile(const Graph& graph, const Targets& targets, std::shared_ptr<Communicator> communicator,
                        const ExchangeOptions& exchange, const CompileLimits& limits) {
  return compile_program(data_, graph, targets,
                         {.memory_bytes = limits.memory_bytes,
                          .submission_seconds = limits.submission_seconds,
                          .communicator = std::move(communicator),
                          .exchange = exchange});
}

bool guards_intact(Program& program) {
  program.wait();
  Program::Data& data = program.data();
  bool intact = true;
  for (const Storage& storage : data.layout->storages()) {
    const Region& region = data.arena.regions[storage.id];
    if (region.block < 0) continue;
    // Guards shared in time with another storage's bytes are checked only where nothing else may write.
    const std::uint64_t begin = region.offset + storage.bytes, end = begin + data.guard_bytes;
    bool exclusive = true;
    for (const Storage& other : data.layout->storages()) {
      const Region& r = data.arena.regions[other.id];
      if (&other != &storage && r.block == region.block && r.offset < end && begin < r.offset + other.bytes)
        exclusive = false;
    }
    if (!exclusive) continue;
    std::vector<std::uint32_t> words(data.guard_bytes / 4);
    vk::download(data.device->context, {data.buffers[region.block].get(), begin, data.guard_bytes}, words.data());
    intact &= std::all_of(words.begin(), words.end(), [](std::uint32_t w) { return w == kGuardWord; });
  }
  return intact;
}

}  // namespace volute
