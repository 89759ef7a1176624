// The static graph a user holds, with the types every header uses: element types, shapes, typed errors. Tensors are
// handles to the graph's nodes, parameters outlive it. Shapes are checked when a node is added; nothing here touches a
// device.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

/// What a shared library exports. On Windows, define VOLUTE_STATIC to use the static library; CMake's targets do.
#if defined(_WIN32) && !defined(VOLUTE_STATIC)
#ifdef VOLUTE_BUILDING
#define VOLUTE_API __declspec(dllexport)
#else
#define VOLUTE_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define VOLUTE_API __attribute__((visibility("default")))
#else
#define VOLUTE_API
#endif

namespace volute {

/// Element type of a tensor. u32 holds indices and counters, everything else is f32. f16 (IEEE binary16) and bf16
/// (the upper half of f32) are how a program keeps operands of products under Precision; no tensor of a user's
/// graph has them.
enum class DType : std::uint8_t { f32, u32, f16, bf16 };

VOLUTE_API const char* name_of(DType dtype);  ///< "f32"

// What any graph keeps to; what would exceed one of these throws InvalidGraph naming it. They keep arithmetic on sizes
// far from overflow. A device's own limits (of one buffer: at most 4 GiB) are found at compile.
inline constexpr int max_rank = 16;                             ///< axes of a tensor
inline constexpr std::int64_t max_elements = 1ll << 40;         ///< of a tensor
inline constexpr std::int64_t max_parameter_elements = 1 << 30; ///< what a Vulkan device can bind at most
inline constexpr std::int64_t max_nodes = 1 << 24;              ///< of a graph, gradients included

/// Extents of a tensor, outermost first. Rank 0 is a scalar.
class VOLUTE_API Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : dims_(dims) {}            ///< {T, N, C}
  explicit Shape(std::vector<std::int64_t> dims) : dims_(std::move(dims)) {}  ///< extents known at run time only

  int rank() const { return static_cast<int>(dims_.size()); }  ///< number of axes
  /// Number of elements: the product of the extents, 1 for a scalar. Throws InvalidGraph if an extent is negative or
  /// the product does not fit.
  std::int64_t elements() const;
  /// Extent of an axis; negative axes count from the end. The axis must exist.
  std::int64_t operator[](int axis) const { return dims_[axis < 0 ? axis + dims_.size() : axis]; }
  std::int64_t& operator[](int axis) { return dims_[axis < 0 ? axis + dims_.size() : axis]; }  ///< changeable
  const std::vector<std::int64_t>& dims() const { return dims_; }  ///< all extents
  bool operator==(const Shape&) const = default;  ///< same rank and extents
  /// "[64, 32]"
  std::string str() const;

 private:
  std::vector<std::int64_t> dims_;
};

/// Base of every error Volute throws.
class VOLUTE_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A mistake in how a graph is built or fed; names the operation and the shapes.
class VOLUTE_API InvalidGraph : public Error {
 public:
  using Error::Error;
};

/// The graph is right but this device, or this version, cannot run it.
class VOLUTE_API Unsupported : public Error {
 public:
  using Error::Error;
};

/// Host or device memory is exhausted.
class VOLUTE_API OutOfMemory : public Error {
 public:
  using Error::Error;
};

/// The device stopped answering; objects made from it are unusable.
class VOLUTE_API DeviceLost : public Error {
 public:
  using Error::Error;
};

/// The device has made no progress for as long as Device::set_timeout allows. Its work may still be under way: the
/// call that threw may be repeated.
class VOLUTE_API Timeout : public Error {
 public:
  using Error::Error;
};

/// A run of a program with NonFinite::stop met infinity or NaN; says in which node and time step first. The run has
/// changed nothing, and the call that threw did nothing else: it may be repeated.
class VOLUTE_API NotFinite : public Error {
 public:
  using Error::Error;
};

/// A file is missing, unreadable or not what it should be.
class VOLUTE_API BadFile : public Error {
 public:
  using Error::Error;
};

/// What deserves a person's attention and is no error (an autosave that failed, a run that was not finite) goes to this
/// handler, by default a line on stderr. An empty handler brings the default back. Any thread may call either.
VOLUTE_API void set_warning_handler(std::function<void(const std::string& message)> handler);
VOLUTE_API void warn(const std::string& message);  ///< hands a message to the handler

struct Node;           // one operation; private to the engine
struct GraphData;      // nodes of a graph; private to the engine
struct ParameterData;  // values of a parameter and their device copy; private to the engine
struct RecurrentOperator;  // the operator of exchange formats a scan is; private to the engine

/// Handle to the result of one operation. Cheap to copy; valid while its Graph lives.
class VOLUTE_API Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Node* node) : node_(node) {}  ///< the engine's: users get tensors from a Graph and from operations

  const Shape& shape() const;        ///< extents; the tensor must not be empty, here as below
  std::int64_t dim(int axis) const;  ///< extent of an axis; negative axes count from the end
  DType dtype() const;               ///< element type
  /// Number of axes.
  int rank() const { return shape().rank(); }
  Node* node() const { return node_; }                         ///< the engine's; null for an empty tensor
  explicit operator bool() const { return node_ != nullptr; }  ///< false for an empty tensor, as a default one is
  bool operator==(const Tensor&) const = default;              ///< the same result of the same graph

 private:
  Node* node_ = nullptr;
};

/// A trainable f32 array shared by every program compiled from graphs that use it.
/// Copies refer to the same values. Programs that train it change it in place.
class VOLUTE_API Parameter {
 public:
  /// Throws InvalidGraph unless `values` has exactly shape.elements() entries, at most max_parameter_elements.
  Parameter(std::string name, Shape shape, std::vector<float> values);
  explicit Parameter(std::shared_ptr<ParameterData> data) : data_(std::move(data)) {}  ///< the engine's

  const std::string& name() const;  ///< as given to the constructor
  const Shape& shape() const;       ///< as given to the constructor
  /// Current values, row-major; waits for running programs that use the parameter. Throws DeviceLost if they were on a
  /// device that is lost and no Program::keep has them on the host.
  std::vector<float> values() const;
  /// Replaces the values, on every device copy too, and gives new ones after a loss. Throws InvalidGraph on a wrong
  /// count.
  void set(std::span<const float> values);
  const std::shared_ptr<ParameterData>& data() const { return data_; }  ///< the engine's

 private:
  std::shared_ptr<ParameterData> data_;
};

/// Marks recurrent state that continues where the previous run of the program stopped, with the
/// gradient cut between runs (truncated BPTT).
struct Carried {};
/// Whether a graph trains (dropout drops, batch norm uses the batch) or only computes.
enum class Mode { training, inference };

/// A static, shaped, typed graph. Build it once, compile it, replay it.
class VOLUTE_API Graph {
 public:
  explicit Graph(Mode mode = Mode::training);  ///< empty
  explicit Graph(std::shared_ptr<GraphData> data) : data_(std::move(data)) {}  ///< the engine's

  /// A tensor fed before each run. Throws InvalidGraph if the name is taken or an extent is not positive.
  Tensor input(const std::string& name, Shape shape, DType dtype = DType::f32);
  /// A scalar with a default, changed between runs with Program::set (learning rate, clip bound).
  Tensor scalar(const std::string& name, float value);
  /// The parameter as a tensor; the same node each time it is asked for.
  Tensor parameter(const Parameter& parameter);
  /// Values that persist between runs of one program, filled with `initial` at compile and reset().
  Tensor state(const std::string& name, Shape shape, float initial = 0.0f, DType dtype = DType::f32);
  /// After each run of a program that reads `target` (a state or a parameter), it holds `value`.
  void carry(Tensor target, Tensor value);
  /// A tensor with one value everywhere.
  Tensor full(Shape shape, float value);
  Tensor full_u32(Shape shape, std::uint32_t value);  ///< the same of u32
  /// [length] u32: 0, 1, 2, ...
  Tensor iota(std::int64_t length);
  /// u32 scalar: number of runs the program has completed. Also the step of the random numbers.
  Tensor step();
  Carried carried() const { return {}; }  ///< for a layer's call: lstm(x, g.carried())
  /// False in Mode::inference, where dropout is the identity.
  bool training() const;
  /// Whether an input, scalar or state has this name.
  bool has(const std::string& name) const;
  const std::shared_ptr<GraphData>& data() const { return data_; }  ///< the engine's

 private:
  std::shared_ptr<GraphData> data_;
};

/// The graph a tensor belongs to, with everything reachable from it still owned by the user's Graph.
VOLUTE_API Graph graph_of(Tensor tensor);

/// The parameters a tensor depends on other than through stop_gradient, in the order they were added to its graph.
VOLUTE_API std::vector<Tensor> parameters_of(Tensor tensor);

/// Name of a parameter, state, input or scalar; empty for any other tensor.
VOLUTE_API std::string label(Tensor tensor);

/// One value to store into a parameter or state when a run ends.
struct Update {
  Tensor target;  ///< a state, or a parameter's tensor
  Tensor value;   ///< of the same shape and type
};

/// How a program takes its matrix products. With f16 or bf16 both operands of every product are rounded to 16 bits
/// (to nearest, ties to even) and kept that way, products and their sums are f32; a sum over leading axes or time
/// (the gradient of a bias) of a value that products read rounded reads it rounded too, and so does a scan that reads
/// elements of sigmoids or tanhs another scan has stacked: its gradient does, and a layer on top of an RNN. Parameters,
/// states, losses, norms and optimisers stay f32. Gradients see through the rounding as if it were the identity. f16 has
/// 11 bits of precision and overflows at 65520: training needs a loss scale, which `minimize` brings
/// (MinimizeOptions::loss_scale). bf16 has 8 bits and the range of f32.
enum class Precision : std::uint8_t { f32, f16, bf16 };

VOLUTE_API const char* name_of(Precision precision);  ///< "bf16"

/// What a program does about a run that is not finite: one of Targets::watched is infinite or NaN. Found without
/// waiting: the first call of the program that waits for the run anyway (run, read, value, wait, ..., of a step that is
/// advanced the call that sees it done, at the latest before the next one ends) warns or throws. Strictest last.
enum class NonFinite : std::uint8_t {
  off,   ///< nothing: NaN spreads, as in most frameworks
  warn,  ///< a warning at the first such run, the second, fourth, eighth ...; what it computed is kept
  skip,  ///< warnings; the run changes nothing but the step count: no parameter, moment, average or carried state
  stop,  ///< as skip, and NotFinite is thrown, naming the first node and time step (the run is repeated to find it).
         ///< The program can go on from there, with another learning rate, say
};

/// A [] f32 tensor that is a number in a run that is finite.
struct Watched {
  std::string name;  ///< in messages: "loss"
  Tensor value;      ///< [] f32
};

/// What a program computes: tensors to read after a run, updates to make in it, and how precisely. `minimize`
/// fills one in; to evaluate a loss in 16 bits: Targets t(loss); t.precision = Precision::bf16;
struct Targets {
  std::vector<Tensor> outputs;            ///< read after a run
  std::vector<Update> updates;            ///< made when a run ends
  Precision precision = Precision::f32;   ///< of all products
  NonFinite non_finite = NonFinite::off;  ///< about a run with infinity or NaN
  std::vector<Watched> watched = {};      ///< none if non_finite is off, else at least one
  Targets() = default;
  Targets(Tensor output) : outputs{output} {}                     ///< one tensor to read
  Targets(std::initializer_list<Tensor> list) : outputs(list) {}  ///< tensors to read
  Targets(std::vector<Tensor> list, std::vector<Update> changes = {})
      : outputs(std::move(list)), updates(std::move(changes)) {}  ///< tensors to read, values to store
};

}  // namespace volute
