// Files: parameters alone, with PyTorch's state_dict names ("lstm.weight_ih_l0"), and checkpoints of whole trainings.
// Both are safetensors (https://github.com/huggingface/safetensors), written atomically, with a checksum and a format
// version in the metadata. No file is trusted: what is wrong with it is a BadFile, and nothing has changed then. Memory
// is asked for what was added, never for what a file says it holds, but for the header, which keeps to these limits.
// Files of other projects are read and written by the optional component volute::interchange, to be linked with it;
// sections that need it say so.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <volute/data.hpp>
#include <volute/device.hpp>
#include <volute/nn.hpp>
#include <volute/optim.hpp>

namespace volute::io {

inline constexpr std::uint64_t max_header_bytes = 100'000'000;  ///< as in the reference implementation
inline constexpr std::uint64_t max_tensors = 100'000;           ///< of a file, each of at most max_rank axes
inline constexpr std::int64_t max_text_bytes = 1 << 26;         ///< of a text in a checkpoint

/// A module under its name in the file; parameters are stored as "prefix.parameter".
struct Entry {
  std::string prefix;
  const nn::Module* module;
  Entry(std::string p, const nn::Module& m) : prefix(std::move(p)), module(&m) {}
};

/// Metadata strings stored beside the tensors (cell kind, sizes, vocabulary). Keys that begin with "volute." are
/// Volute's own.
using Metadata = std::map<std::string, std::string>;

/// Writes atomically: a temporary file beside `path` ("model.safetensors.tmp"), flushed to disk, then renamed. Throws
/// BadFile if it cannot, NotFinite if a parameter holds infinity or NaN, and the file that was there stays, but for a
/// BadFile "is written, but ...".
VOLUTE_API void save(const std::string& path, const std::vector<Entry>& entries, const Metadata& metadata = {});

/// Reads parameters into the modules, from a file of Volute's (checkpoints too) or another's. Throws BadFile, and
/// changes nothing, if the file is not a safetensors file, its checksum is wrong (files of others have none), or a
/// tensor is missing, has another shape, or holds infinity or NaN.
VOLUTE_API void load(const std::string& path, const std::vector<Entry>& entries);

/// The metadata alone, but for keys that begin with "volute.". Throws BadFile if the file is not a safetensors file or
/// its checksum is wrong.
VOLUTE_API Metadata read_metadata(const std::string& path);

/// Everything a training run consists of, under names, to be saved and loaded as one. What is added is referred to and
/// must outlive the checkpoint, at its place.
///   std::int64_t epoch = 0;
///   io::Checkpoint checkpoint;
///   checkpoint.add("lstm", lstm).add("train", train).add("plateau", plateau).add("epoch", epoch);
///   if (resume) checkpoint.load("run.safetensors");
///   for (std::int64_t step = train.steps(); step < steps; ++step) ...
/// A run that loads continues with the bits of one that never stopped, on the same device, if everything that changes
/// from step to step is added: data are read by a position (the step, an epoch, a Generator) that is.
class VOLUTE_API Checkpoint {
 public:
  Checkpoint();
  ~Checkpoint();
  Checkpoint(Checkpoint&&) noexcept;
  Checkpoint& operator=(Checkpoint&&) noexcept;

  // Throw InvalidGraph for a name that is empty, taken, or begins with "volute.".

  /// Parameters, as "name.parameter": io::load reads the modules alone from the file.
  Checkpoint& add(const std::string& name, const nn::Module& module);
  Checkpoint& add(const std::string& name, const std::vector<Parameter>& parameters);
  /// States (moments, counters, carried states), scalars, seed and step count, and those of its parameters that
  /// nothing else added has.
  Checkpoint& add(const std::string& name, Program& program);
  Checkpoint& add(const std::string& name, EMA& ema);
  Checkpoint& add(const std::string& name, OptimizerStates& states);
  Checkpoint& add(const std::string& name, Plateau& plateau);
  Checkpoint& add(const std::string& name, EarlyStopping& stopping);
  Checkpoint& add(const std::string& name, data::Generator& generator);
  Checkpoint& add(const std::string& name, std::int64_t& number);
  Checkpoint& add(const std::string& name, double& number);
  Checkpoint& add(const std::string& name, std::string& text);

  /// Replaces `path` atomically; what was there becomes previous(path), so at any moment at least one whole checkpoint
  /// exists. Waits for running programs. Throws BadFile if it cannot be written, NotFinite naming the parameter if one
  /// holds infinity or NaN, InvalidGraph while a step of a program is in progress: the files that were there stay, but
  /// for a BadFile "is written, but ...", after which `path` is the new one.
  void save(const std::string& path, const Metadata& metadata = {}) const;

  struct Loaded {
    std::string path;     ///< the file that was read
    Metadata metadata;
    std::string problem;  ///< why it was not the newest: what is wrong with `path`; empty if it was
  };
  /// Puts everything back from `path`, or from previous(path) if the first is missing or broken, and warns then.
  /// Throws BadFile, and changes nothing, if neither can be read, or if the file is of a newer version or differs from
  /// what was added: something missing, left over, of another type or shape. InvalidGraph while a step of a program is
  /// in progress. Other errors (OutOfMemory, Timeout, DeviceLost) may leave a part loaded: load again.
  Loaded load(const std::string& path) const;

  /// "run.safetensors" -> "run.previous.safetensors"
  static std::string previous(const std::string& path);
  /// Whether a file, or a previous one, is there to be loaded.
  static bool exists(const std::string& path);

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

/// Saves a checkpoint every so often. A save that fails (the disk, a parameter that is not finite, memory) warns and
/// leaves training and the last checkpoint alone; the next one is tried when it is due. What waiting for the programs
/// throws is no failure of the save and is thrown. The checkpoint must outlive it.
struct AutosaveOptions {
  std::int64_t steps = 0;  ///< every so many steps; 0: not by steps
  double seconds = 0;      ///< after so much time; 0: not by time
  Metadata metadata = {};
};

class VOLUTE_API Autosave {
 public:
  /// Throws InvalidGraph if neither steps nor seconds are positive, BadFile if the folder of `path` does not exist.
  Autosave(std::string path, const Checkpoint& checkpoint, AutosaveOptions options);
  /// To be called after each step: saves if it is due. Whether it saved.
  bool step();
  /// Saves now; false, with a warning, if that failed.
  bool save();
  /// Saves that failed since the last that did not.
  int failures() const { return failures_; }

 private:
  std::string path_;
  const Checkpoint* checkpoint_;
  AutosaveOptions options_;
  std::int64_t steps_ = 0;
  std::chrono::steady_clock::time_point saved_;
  int failures_ = 0;
};

}  // namespace volute::io

// ONNX (https://onnx.ai). In the component volute::interchange. ---------------------------------------------------

namespace volute::onnx {

/// A result and its name in the file.
struct Output {
  std::string name;
  Tensor value;
};

struct SaveOptions {
  /// Loops of layers become ONNX's LSTM, GRU and RNN where these say the same; false: all loops become Scan.
  bool operators = true;
  io::Metadata metadata = {};  ///< metadata_props of the model
};

/// Writes what computes the outputs, with the values parameters have now, for opset 17: inputs of the graph are the
/// model's (u32 as INT64), with the graph's shapes. Layers become ONNX's recurrent operators, with lengths, initial
/// states, peepholes, both directions, activations and (GRU, RNN) clip, where nothing else of a step is asked for and no
/// option of theirs is beyond these operators (projection, layer norm, zoneout, masks, clips of states ...); those,
/// other cells and loops of one's own become Scan, all else single operators. Scalars keep their defaults. A carried
/// state becomes an input of its name and an output "NAME.next". Indices beyond a table are an error in ONNX; Volute
/// reads the last row. Written atomically, the same bytes for the same graph and values. Throws Unsupported naming an
/// operation that has no place in such a model (random numbers, scatter_add ...), InvalidGraph if the graph is not
/// Mode::inference or names are taken, NotFinite naming the parameter, BadFile if the file cannot be written.
///   Graph g(Mode::inference);
///   Tensor x = g.input("x", {T, N}, DType::u32);
///   onnx::save("model.onnx", {{"logits", head(lstm(embed(x)))}});
VOLUTE_API void save(const std::string& path, const std::vector<Output>& outputs, const SaveOptions& options = {});

/// An input or output of a model. Integers are u32 in a graph, truth values f32 with 0 or 1.
struct Value {
  std::string name;
  std::vector<std::int64_t> extents;  ///< -1 where the file leaves it open
  bool any_shape = false;             ///< the file says nothing about the shape
  DType dtype = DType::f32;
  bool optional = false;              ///< an input with a default
};

/// A model from a file, for inference and for training on: its f32 initializers of at least one axis are parameters,
/// by their names; those of LSTM, GRU and RNN, where nothing else reads them, those of nn::LSTM, nn::GRU, nn::RNN
/// ("NODE.weight_ih_l0"). Copies share them.
///   onnx::Model model = onnx::Model::load("model.onnx");
///   Tensor logits = model(g, {{"x", x}}).at("logits");
class VOLUTE_API Model : public nn::Module {
 public:
  /// Opsets 9 to 21. Throws BadFile for what is no such model, Unsupported naming the operator and the node, or the
  /// type, for what Volute has no maths for.
  static Model load(const std::string& path);

  const std::vector<Value>& inputs() const;
  const std::vector<Value>& outputs() const;
  const io::Metadata& metadata() const;

  /// Builds the model into the graph; its outputs by name. Dropout is the identity. Throws InvalidGraph naming the
  /// input that is missing, unknown or of another shape or type, or the node whose operands do not fit; Unsupported
  /// naming the node that needs what is not known before a run (a shape that is an input), or an option of it; BadFile
  /// naming the node whose attributes or number of operands are wrong.
  std::map<std::string, Tensor> operator()(Graph graph, const std::map<std::string, Tensor>& inputs) const;

 private:
  struct Data;
  explicit Model(std::shared_ptr<const Data> data);
  std::shared_ptr<const Data> data_;
};

}  // namespace volute::onnx
