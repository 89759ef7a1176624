// The graph behind the public handles: nodes, scans and parameter storage.
// Invariant: nodes never move; a node's inputs were made before it, in its scope or an enclosing one.
// A scan body is no separate graph: its nodes carry the scan they belong to as `scope` and use nodes of
// enclosing scopes directly, so moving work out of a loop is a change of scope.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <volute/graph.hpp>

namespace volute {

enum class Op : std::uint8_t {
  // leaves
  input, parameter, state, constant, iota, random,
  // pointwise
  copy, neg, exp, expm1, log, sqrt, abs, tanh, sigmoid, relu, to_f32, to_u32, to_f16, to_bf16,
  add, sub, mul, div, maximum, minimum, less, equal, where,
  // reductions
  sum, max,
  // shape
  broadcast, reshape, transpose, slice, concat, stop_gradient,
  // products and lookups
  matmul, embedding, scatter_add,
  // between the ranks of a job
  sum_over_ranks,
  // time: in the outer scope ...
  scan, stack, last, total,
  // ... and in the body
  element, carry,
};

/// 16-bit values are stored so and read as f32 by every kernel; see narrow.hpp.
inline bool is_half(DType dtype) { return dtype == DType::f16 || dtype == DType::bf16; }

struct Scan;

/// One operation. The meaning of `ints` by operation: axes (sum, max), order (transpose),
/// {axis, begin, end} (slice), {axis} (concat), {rows} (scatter_add), {key} (random).
struct Node {
  Op op = Op::constant;
  DType dtype = DType::f32;
  Shape shape;
  std::vector<Node*> inputs;
  std::vector<std::int64_t> ints;
  double value = 0;              ///< constant; initial value of a state or scalar input; random: steps before its first;
                                 ///< matmul: 1 if no precision rounds its operands
  std::string name;              ///< input, state, parameter
  bool has_default = false;      ///< input made by Graph::scalar
  std::shared_ptr<ParameterData> parameter;
  Scan* scan = nullptr;          ///< scan, stack, last, total: which; element, carry: same as scope
  Node* body = nullptr;          ///< stack, total: the body node whose values are stacked or summed over time
  int index = 0;                 ///< last, carry: which state
  Scan* scope = nullptr;         ///< the innermost scan whose body this node is in; null: outside
  GraphData* graph = nullptr;
  int id = 0;
};

/// An unrolled loop. element nodes read inputs[0][t]; carry nodes start from inputs[0].
struct Scan {
  std::int64_t length = 0;
  bool reverse = false;
  bool segment = false;            ///< a part of a longer scan, made by the compiler
  std::shared_ptr<const RecurrentOperator> exported_as;  ///< in a user's graph: what exporters may write instead
  Scan* outer = nullptr;
  Node* node = nullptr;            ///< the Op::scan node that stands for the loop in the outer scope
  std::vector<Node*> carries;      ///< body: state j as the step finds it
  std::vector<Node*> next;         ///< body (or enclosing scope): state j as the step leaves it
  std::vector<Node*> elements;     ///< body: xs[t]
  std::vector<Node*> results;      ///< body: nodes some stack or total refers to (filled by clone_live)
};

struct GraphData : std::enable_shared_from_this<GraphData> {
  std::deque<Node> nodes;
  std::deque<Scan> scans;
  Mode mode = Mode::training;
  std::map<std::string, Node*> names;  ///< inputs and states
  std::map<const ParameterData*, Node*> parameters;
  std::vector<Update> carried;         ///< Graph::carry
  std::uint32_t random_keys = 0;

  /// Throws InvalidGraph beyond the limits of graph.hpp.
  Node* add(Node node);
  Scan* add_scan();
};

/// Where a parameter's values live on a device. Implemented beside the program, so the graph knows no Vulkan.
class DeviceCopy {
 public:
  virtual ~DeviceCopy() = default;
  virtual void read(std::span<float> values) = 0;
  virtual void write(std::span<const float> values) = 0;
  /// Whether the device is lost, and the copy with it.
  virtual bool lost() const = 0;
};

/// Values of a parameter. Once a device holds a copy, that copy is the truth, and `host` what was last read or set.
struct ParameterData {
  std::string name;
  Shape shape;
  std::vector<float> host;
  std::shared_ptr<DeviceCopy> device;
  const void* device_owner = nullptr;  ///< the device that holds the copy

  std::uint64_t changes = 0;  ///< how often the values have changed: they were set, or work that trains them was submitted
  std::uint64_t host_at = 0;  ///< `changes` when the host had them
  std::uint64_t sets = 0;     ///< of the changes, those by set()
  bool changes_unseen = false;  ///< an application submits work that trains them: `changes` does not know
  std::shared_ptr<const std::vector<std::uint32_t>> kept;  ///< bits a program has kept since that work; null: none
  bool lost = false;  ///< with a device; the parameter must be set before it is used again

  void set_host(std::span<const float> values);
  /// Work that trains it is about to be submitted, by a program that keeps snapshots or by one that does not.
  void will_change(bool keeping);
  /// Lets go of a copy whose device is lost. The host's values stand in if they are the same, else those kept.
  void leave_lost_device();
  /// Throws DeviceLost if the values were lost with their device.
  void require_values() const;
};

/// True if `inner` is `outer` or nested in it; null is the scope outside of all scans.
bool encloses(const Scan* outer, const Scan* inner);

/// Whether the node is Graph::step's state, which counts runs: a name alone may be a user's.
bool counts_runs(const Node& node);

/// "matmul", "sum"; the names in messages and plans.
const char* name_of(Op op);

}  // namespace volute
