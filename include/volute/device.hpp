// A Vulkan device and the programs compiled for it. No Vulkan type appears here.
// A program is recorded once at compile; run() only feeds inputs and replays it.
#pragma once

#include <chrono>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <volute/graph.hpp>

namespace volute {

/// One device the loader offers, and why it cannot be used if it cannot.
struct DeviceInfo {
  int index = 0;                           ///< in the loader's order; also a selector
  std::string name;                        ///< as the driver names it
  std::string type;                        ///< discrete, integrated, virtual, cpu, other
  std::string driver;                      ///< name and version
  std::string api;                         ///< Vulkan version, "1.3.230"
  std::string rejected;                    ///< empty if usable
  std::uint64_t memory_bytes = 0;          ///< of its largest device-local heap
  std::uint64_t max_storage_range = 0;     ///< of one storage buffer, in bytes
  std::uint64_t max_texel_elements = 0;    ///< of one texel buffer
  std::uint64_t max_allocation_bytes = 0;  ///< of one allocation
  std::uint32_t max_shared_bytes = 0;      ///< shared memory of a workgroup
  std::uint32_t max_workgroup = 0;         ///< invocations in a workgroup
  std::uint32_t subgroup_size = 0;         ///< lanes
  bool subgroup_shuffle = false;           ///< compute shaders may shuffle between the lanes of a subgroup
  std::vector<std::string> without;        ///< what it goes without, "timeline semaphores: ...", and what that costs
};

/// Every device of the machine, in the loader's order. Empty without a Vulkan loader or driver.
VOLUTE_API std::vector<DeviceInfo> list_devices();

/// Values for one input: f32 or u32, row-major, exactly the input's element count.
struct Feed {
  Tensor input;  ///< Graph::input
  std::variant<std::span<const float>, std::span<const std::uint32_t>> values;  ///< referred to until the call returns
  Feed(Tensor t, std::span<const float> v) : input(t), values(v) {}  ///< f32
  Feed(Tensor t, std::span<const std::uint32_t> v) : input(t), values(v) {}  ///< u32
  Feed(Tensor t, const std::vector<float>& v) : input(t), values(std::span<const float>(v)) {}  ///< f32
  Feed(Tensor t, const std::vector<std::uint32_t>& v) : input(t), values(std::span<const std::uint32_t>(v)) {}  ///< u32
};

/// Figures of a compiled program, as `explain` prints them.
struct ProgramStats {
  /// A loop over time, as it was compiled.
  struct Loop {
    std::string name;             ///< what it walks
    std::int64_t length = 0;      ///< steps
    int dispatches_per_step = 0;  ///< 0: persistent, a kernel walks the steps itself
    bool reverse = false;         ///< from the last step to the first
    std::int64_t dispatches = 0;  ///< for all steps
  };
  /// A pass of the compiler.
  struct Pass {
    std::string name;  ///< as engine/compile has it
    int nodes = 0;     ///< live nodes after it
  };
  /// Values that are summed over ranks together.
  struct Bucket {
    std::uint64_t bytes = 0;  ///< that a rank has of them
    double ready = 0;         ///< device_seconds from the step's beginning until they can be sent
    double needed = 0;        ///< the same until the step first reads a sum
  };
  std::vector<Pass> passes;           ///< in the order they ran; the first is the graph as built
  std::vector<std::string> hoisted;   ///< operations moved out of scans, with the shape they had there
  int kernels = 0;                    ///< distinct dispatches before unrolling
  int nodes_fused = 0;                ///< pointwise nodes that share a kernel with another node
  std::vector<Loop> loops;            ///< scans, forward and backward
  int dispatches_outside_loops = 0;   ///< once a run
  std::int64_t dispatches = 0;        ///< per run, unrolled
  std::int64_t barriers = 0;          ///< per run
  std::uint64_t arena_bytes = 0;      ///< what the program's values take
  std::uint64_t unaliased_bytes = 0;  ///< what the arena would take without aliasing
  int submissions = 0;                ///< of the last whole step; before the first, by estimate
  std::vector<Bucket> buckets;        ///< of a program with a Communicator, in the order they are summed
  double device_seconds = 0;          ///< of a step, without the time it waits for other ranks; as measured so far
  bool recomputes = false;            ///< scans run in segments to meet CompileLimits::memory_bytes
  std::int64_t non_finite = 0;        ///< runs seen not to be finite (Targets::non_finite)
};

/// The values of one tensor on the host, bit by bit.
struct HostArray {
  std::string name;                  ///< of the state or parameter
  DType dtype = DType::f32;          ///< f32 or u32
  Shape shape;                       ///< extents
  std::vector<std::uint32_t> words;  ///< row-major; the bits of f32
};

/// All that a program keeps from one step to the next, but for its inputs: each is fed again after restore(). A program
/// of the same graph continues from it bit by bit. In a program with a Communicator it is of all ranks: carried states of
/// two axes or more are joined along axis -2, their rows, in the order of ranks, so that any number of ranks with as many
/// rows together goes on from it; what else differs between ranks is each one's own (of a shared Checkpoint: rank 0's).
struct Snapshot {
  std::int64_t steps = 0;                ///< Program::steps
  std::uint32_t seed = 0;                ///< of the random numbers
  std::map<std::string, float> scalars;  ///< Graph::scalar, by name
  std::vector<HostArray> states;         ///< optimisers' moments, counters, carried states; by name
  std::vector<HostArray> parameters;     ///< in the order of Program::parameters
};

/// How far a step has come.
struct Progress {
  bool finished = false;  ///< the step ends with the work submitted so far
  double fraction = 0;    ///< of the step's cost that has been submitted, 0 to 1
  double seconds = 0;     ///< device time of what this call submitted, by the times measured so far
  int submissions = 0;    ///< made by this call
};

/// A recorded command stream with its memory. Move-only; keeps its device and parameters alive.
class VOLUTE_API Program {
 public:
  struct Data;
  explicit Program(std::unique_ptr<Data> data);  ///< the engine's
  Program(Program&&) noexcept;                   ///< moves; the other can only be destroyed or assigned to
  Program& operator=(Program&&) noexcept;        ///< moves
  ~Program();

  /// Feeds and starts one run; returns before the device has finished. An input not fed keeps its last
  /// values. Throws InvalidGraph on a wrong or missing feed (nothing is run), DeviceLost if the device is, Timeout,
  /// NotFinite about the run before.
  /// The step goes to the device in submissions of at most CompileLimits::submission_seconds.
  void run(const std::vector<Feed>& feeds = {});
  /// Feeds a step without starting it: advance() then runs it in parts. Throws as run() does, and InvalidGraph
  /// while a step is in progress, as run() does too.
  void begin(const std::vector<Feed>& feeds = {});
  /// Submits as much of the step as `budget` of device time has room for, and returns without waiting for it; the
  /// next call goes on where this one stopped. What earlier calls submitted and is not yet done counts against the
  /// budget, so that a caller who advances once a frame never has more than one budget queued. At least one part
  /// is submitted unless the device is still busy; no part goes beyond the step, so Progress::finished comes with
  /// every step. Without begin() the step takes the values inputs have. However a step is cut, the results are the
  /// same bits. Outputs are those of the last finished step until the next one ends; parameters and states change
  /// part by part as a step ends.
  Progress advance(std::chrono::duration<double> budget);
  /// Submits the rest of a step in progress; nothing otherwise.
  void finish();
  /// Whether begin() or advance() has started a step that is not submitted whole.
  bool in_step() const;
  /// Values of an output after the last run, row-major; waits for it.
  std::vector<float> read(Tensor output);
  std::vector<std::uint32_t> read_u32(Tensor output);  ///< the same of a u32 output
  /// The value of a scalar output.
  float value(Tensor output);
  /// Sets a Graph::scalar from the next run on.
  void set(const std::string& scalar, float value);
  /// Seed of the random numbers from the next run on.
  void seed(std::uint32_t seed);
  /// Back to the initial values: all states, the step count included, or those whose names start with `prefix`.
  void reset(const std::string& prefix = "");
  /// Values of a state, by name, and its replacement. Throws InvalidGraph for an unknown name.
  std::vector<float> read_state(const std::string& name);
  void write_state(const std::string& name, std::span<const float> values);  ///< row-major, as many as the state has
  std::vector<std::string> state_names() const;                              ///< all, in the order of their names
  /// Parameters the program reads or trains, in the order they were added to its graph.
  std::vector<Parameter> parameters() const;
  /// Steps submitted whole since compile, reset() or restore(), which sets the snapshot's; those an application submits
  /// (interop::record) do not count.
  std::int64_t steps() const;
  /// Waits for the last run. Throws InvalidGraph while a step is in progress, DeviceLost if a parameter has lost its
  /// values. Collective, with a Communicator, and so are runs that keep one.
  Snapshot snapshot();
  /// What a snapshot of this program consists of: names, types and shapes, the arrays without values.
  Snapshot layout() const;
  /// Puts everything back, parameters included, on this device or another. Throws InvalidGraph, and changes nothing,
  /// if the snapshot is of another program: names, types and shapes must agree.
  void restore(const Snapshot& snapshot);
  /// Keeps a snapshot on the host every so many steps, taken before the next step begins (which waits for the one
  /// before then); 0: no longer. What is put in place of the program's values (restore, reset, write_state,
  /// Parameter::set) is kept before the next step, too. After DeviceLost the last snapshot is kept():
  ///   Device another;
  ///   Program again = another.compile(graph, targets);
  ///   again.restore(train.kept());  // and feed from step again.steps() on
  void keep(std::int64_t every_steps);
  /// Throws InvalidGraph if there is none.
  const Snapshot& kept() const;
  /// Blocks until the last run has finished. Throws DeviceLost, Timeout, and NotFinite if asked for.
  void wait();
  /// The compiled plan in words: passes, kernels, loops, memory.
  std::string explain() const;
  const ProgramStats& stats() const;  ///< the plan in figures
  Data& data() { return *data_; }     ///< the engine's

 private:
  std::unique_ptr<Data> data_;
};
/// What a program may take: memory, and the device without a pause.
struct CompileLimits {
  /// Bound on the program's arena in bytes; 0: none. If it is exceeded, scans of 256 steps and more
  /// recompute what the backward pass needs instead of keeping it (the gradients stay bit-equal).
  std::uint64_t memory_bytes = 0;
  /// Bound on the device time of one submission, in seconds, by measurement (estimates in a first run): drivers reset
  /// a device that works on one for some seconds, and nothing else of the device's runs meanwhile.
  double submission_seconds = 0.1;
};

// Ranks. -------------------------------------------------------------------------------------------------------

/// The ranks of a job: processes (or threads), each with a device of its own and its part of every batch, that train one
/// model together. They build the same graph and make the same calls; calls that are collective wait for what they
/// need of the others. mpi_world() is the one for MPI; a class of one's own carries bytes over anything else. A rank that
/// fails must end the job: the others wait for it. One thread at a time uses a Communicator and all programs compiled
/// with it.
class VOLUTE_API Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;                          ///< of this process, from 0
  virtual int size() const = 0;                          ///< how many ranks there are
  virtual int local_rank() const { return rank(); }      ///< among the ranks of the same host
  /// Collective. send[r] arrives as rank r's receive[rank()], which has its size; what is for the rank itself is left
  /// alone. Neither is used after the call.
  virtual void all_to_all(std::span<const std::span<const std::byte>> send,
                          std::span<const std::span<std::byte>> receive) = 0;
  /// Collective. blocks[r], of the same size everywhere, becomes what rank r has there.
  virtual void all_gather(std::span<const std::span<std::byte>> blocks) = 0;

  /// Ends this process, and with it the job, with that exit status: for a rank that cannot go on and has said why.
  [[noreturn]] virtual void abort(int status);

  /// Collective. Each value becomes the sum over all ranks, in their order: the same bits on every rank.
  void sum(std::span<double> values);
  /// Collective. Returns when every rank has called it.
  void barrier();
  /// Collective. The values of one rank become those of all.
  void broadcast(std::span<std::byte> values, int from = 0);
};

/// The ranks that `mpirun` (or a scheduler) has started; MPI ends with the last copy. A copy that an exception destroys
/// takes no leave of the others: the launcher then ends the job when this process ends. Of the library volute_mpi, which
/// a build with MPI has.
VOLUTE_API std::shared_ptr<Communicator> mpi_world();
/// The same in a process that was launched as one of several, and null in one that was started by itself: for programs
/// that do either.
VOLUTE_API std::shared_ptr<Communicator> mpi_job();

/// A selector for Device: the ranks of a host take its devices of the best type in turn. VOLUTE_DEVICE goes before.
VOLUTE_API std::string device_of(const Communicator& communicator);

/// How a program exchanges values with the other ranks (sum_over_ranks: the gradients of `minimize`).
struct ExchangeOptions {
  bool half = false;  ///< values travel as f16, each bucket's slices scaled by powers of two of their own; sums are f32
  /// Values travel together until they are so many bytes, as soon as the device has computed them, while it works on.
  std::uint64_t bucket_bytes = 1 << 20;
};

/// A Vulkan device, Volute's own or lent by an application (interop.hpp). Copies share it.
///
/// Threads: several may use one Device, and programs compiled from it, at the same time, compiling included, as long as
/// one thread at a time uses each Program, Graph (its tensors with it), Parameter, Module and data set. A program that
/// runs uses the parameters it reads: programs that share some may run on different threads only while nothing trains
/// or sets those. Compiling only looks up where parameters live and may go on beside programs that share them.
/// interop::detach has the Device to itself. Devices, made or destroyed on any thread, know nothing of one another.
/// Threads wait for their turn with the queue, the pipelines and the tuner of one Device, and compiles for one another
/// while they put parameters on devices.
class VOLUTE_API Device {
 public:
  struct Data;
  /// The best device (discrete, integrated, virtual, CPU), or the one `selector` (an index or part of a
  /// name; default: the environment's VOLUTE_DEVICE) names. Throws Unsupported listing every device and
  /// the reason it was rejected.
  explicit Device(const std::string& selector = "");
  explicit Device(std::shared_ptr<Data> data) : data_(std::move(data)) {}  ///< the engine's

  std::string name() const;        ///< as the driver names it
  const DeviceInfo& info() const;  ///< what it can do, and goes without
  /// The longest that calls wait without the device finishing any submission before they throw Timeout. 120 s unless
  /// set, 600 s on a CPU, whose driver compiles a kernel when it first runs; 0: for ever.
  void set_timeout(double seconds);
  /// Whether a call has found the device lost. Its programs and arrays can only be destroyed then; parameters follow
  /// to the next device that compiles them, with the values Program::keep has on the host or with those they are set to
  /// before that program first runs.
  bool lost() const;
  /// Turns the targets into a recorded program. Throws InvalidGraph for targets that are not of this graph,
  /// Unsupported if the device or the limits cannot hold it, OutOfMemory.
  Program compile(const Graph& graph, const Targets& targets, const CompileLimits& limits = {});
  /// The same for a program that every rank compiles and runs as often: its sums over ranks are taken inside the step.
  /// Collective. The values of parameters are rank 0's afterwards; random numbers differ from rank to rank. run() waits
  /// for the other ranks, and so does advance() where a step needs what they send. Throws InvalidGraph too if the ranks'
  /// programs differ. Ranks on devices of different kinds agree within rounding only.
  Program compile(const Graph& graph, const Targets& targets, std::shared_ptr<Communicator> communicator,
                  const ExchangeOptions& exchange = {}, const CompileLimits& limits = {});
  const std::shared_ptr<Data>& data() const { return data_; }  ///< the engine's

 private:
  std::shared_ptr<Data> data_;
};

}  // namespace volute
