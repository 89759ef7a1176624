// A compiled program: plan, memory, recorded commands. Private; tests look into it.
// Invariant: nothing in it changes after compile but the contents of memory and how far the step has come.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "engine/compile/device_data.hpp"
#include "engine/compile/exchange.hpp"
#include "engine/compile/finite.hpp"
#include "engine/compile/memory.hpp"
#include "engine/compile/parts.hpp"
#include "engine/compile/profile.hpp"
#include "engine/compile/rank_states.hpp"
#include "engine/compile/schedule.hpp"
#include "engine/compile/snapshot.hpp"
#include "engine/vulkan/commands.hpp"

namespace volute {

/// Options for tests and tools.
struct CompileOptions {
  std::uint64_t guard_bytes = 0;      ///< untouched bytes after each storage, checked by guards_intact
  bool alias = true;                  ///< false: no two storages share memory, so every guard can be checked
  std::uint64_t memory_bytes = 0;     ///< CompileLimits
  double submission_seconds = 0.1;    ///< CompileLimits
  double part_seconds = 2e-3;         ///< estimated, of a part of the step: those between which advance() may pause
  std::string matmul = {};            ///< matmul family, if not the device's own
  std::optional<Scans> scans = {};         ///< how loops run, if not as is fastest
  std::optional<bool> texel_loads = {};    ///< how kernels read memory, if not as the device likes best
  std::optional<bool> profile = {};  ///< time every dispatch; by default, if the environment asks for it
  std::optional<bool> tune = {};        ///< whether kernels are timed, if not as the device's default says
  bool join = true;                     ///< false: no row kernels and no joint dispatches
  std::uint64_t max_storage_range = 0;  ///< in place of the device's, if not 0
  std::shared_ptr<Communicator> communicator = {};  ///< of the ranks; none: there is one
  ExchangeOptions exchange = {};                    ///< with them
  bool shared_memory = true;  ///< false: what they exchange is copied to the host, wherever the device's memory is
};

struct Program::Data {
  /// An application's buffer in place of the host's.
  struct Bound {
    interop::Slice slice;
    std::uint32_t family = VK_QUEUE_FAMILY_IGNORED;  ///< that owns it between steps, if not Volute's
  };
  /// An input or output in a host-visible buffer.
  struct HostSlot {
    Shape shape;
    DType dtype = DType::f32;
    std::uint64_t offset = 0;
    bool fed = false;  ///< input: has values
    std::string name;
    vk::BufferRange device = {};  ///< where the copy of inputs puts it, that of outputs takes it from
    std::optional<Bound> bound = {};
  };

  std::shared_ptr<Device::Data> device;
  std::shared_ptr<GraphData> user_graph;  ///< keeps the user's nodes, which key the maps below
  LiveGraph live;
  std::unique_ptr<Layout> layout;
  Destinations destinations;
  KernelTarget target;
  Tuner* tuner = nullptr;  ///< of the device; none: the model chooses
  std::vector<Section> sections;
  ArenaPlan arena;
  std::vector<std::shared_ptr<vk::Buffer>> buffers;  ///< arena blocks, inputs, states; by buffer number
  std::vector<vk::BufferRange> ranges;               ///< by storage id
  std::vector<int> buffer_of;                        ///< by storage id
  std::vector<std::shared_ptr<ParameterData>> parameters;
  std::vector<std::shared_ptr<DeviceArray>> parameter_arrays;
  std::vector<ParameterData*> trained;               ///< those of the parameters that a step changes
  std::map<std::string, std::pair<Node*, std::shared_ptr<DeviceArray>>> states;
  std::map<const Node*, HostSlot> inputs;             ///< by user node
  std::map<const Node*, HostSlot> outputs;            ///< by user node
  std::map<std::string, const Node*> input_names;
  Watch watch;
  std::unique_ptr<vk::Buffer> staging, readback;
  std::unique_ptr<vk::Descriptors> descriptors;
  std::unique_ptr<vk::CommandList> list, input_copies, output_copies;
  std::unique_ptr<Parts> parts;      ///< of the step: what is in these lists
  std::unique_ptr<Exchange> exchange;  ///< between these parts; null unless there are other ranks
  std::vector<Exchanged> exchanged;    ///< what it sums
  std::unique_ptr<RankStates> rank_states;  ///< of the carried ones; null unless there are other ranks
  std::unique_ptr<Profile> profile;  ///< null unless asked for
  bool profiled = false;
  std::vector<Command> commands;
  ProgramStats stats;
  std::int64_t steps = 0;      ///< Program::steps
  Keeping keeping;
  bool in_step = false;        ///< begun and not submitted whole
  bool recorded = false;       ///< into a command buffer of an application's: it knows when a step has run
  std::map<std::uint64_t, std::uint32_t> later;  ///< words of staging set during a step, by offset
  double host_seconds = 0;     ///< spent on the step besides waiting
  std::uint64_t guard_bytes = 0;
  bool alias = true;

  Locate locate() const;
  std::uint32_t seed_offset() const { return exchange ? exchange->seed_offset() : 0; }
};

/// Device::compile with options.
Program compile_program(const std::shared_ptr<Device::Data>& device, const Graph& graph, const Targets& targets,
                        const CompileOptions& options = {});

/// Whether no kernel has written between storages. Needs guard_bytes.
bool guards_intact(Program& program);

/// Rough seconds of a dispatch: two CPU cores or a small GPU.
double estimated_seconds(const Dispatch& dispatch, bool cpu);

/// Program::run and Program::advance with semaphores.
void run_program(Program::Data& data, const std::vector<Feed>& feeds, const interop::Sync& sync);
Progress advance_program(Program::Data& data, double seconds, const interop::Sync& sync);
/// Throws InvalidGraph naming the first feed that is wrong or missing.
void check_feeds(const Program::Data& data, const std::vector<Feed>& feeds, const char* call);
/// Before staging is written: waits until the last step's inputs have been copied, and keeps them if that step may have
/// to be repeated.
void prepare_staging(Program::Data& data);
/// Checked feeds, for the next step; behind prepare_staging().
void write_inputs(Program::Data& data, const std::vector<Feed>& feeds);
/// Throws InvalidGraph while a step is in progress.
void require_no_step(const Program::Data& data, const char* call);
void wait_for_all(Program::Data& data);

std::string explain_text(const Program::Data& data);

}  // namespace volute
