// Files: parameters alone, with PyTorch's state_dict names ("lstm.weight_ih_l0"), and checkpoints of whole trainings.
// Both are safetensors (https://github.com/huggingface/safetensors), written atomically, with a checksum and a format
// version in the metadata. No file is trusted: what is wrong with it is a BadFile, and nothing has changed then. Memory
// is asked for what was added, never for what a file says it holds, but for the header, which keeps to these limits.
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
  std::string prefix;  ///< before the dot
  const nn::Module* module;  ///< must live while the entry is used
  Entry(std::string p, const nn::Module& m) : prefix(std::move(p)), module(&m) {}  ///< a name and a module
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
  Checkpoint(Checkpoint&&) noexcept;             ///< moves
  Checkpoint& operator=(Checkpoint&&) noexcept;  ///< moves

  // Throw InvalidGraph for a name that is empty, taken, or begins with "volute.".

  /// Parameters, as "name.parameter": io::load reads the modules alone from the file.
  Checkpoint& add(const std::string& name, const nn::Module& module);
  Checkpoint& add(const std::string& name, const std::vector<Parameter>& parameters);  ///< parameters of no module
  /// States (moments, counters, carried states), scalars, seed and step count, and those of its parameters that
  /// nothing else added has.
  Checkpoint& add(const std::string& name, Program& program);
  Checkpoint& add(const std::string& name, EMA& ema);                    ///< its averages
  Checkpoint& add(const std::string& name, OptimizerStates& states);     ///< moments and counters shared by programs
  Checkpoint& add(const std::string& name, Plateau& plateau);            ///< its rate, and what it has seen
  Checkpoint& add(const std::string& name, EarlyStopping& stopping);     ///< what it has seen, and the values it keeps
  Checkpoint& add(const std::string& name, data::Generator& generator);  ///< its position
  Checkpoint& add(const std::string& name, std::int64_t& number);        ///< an epoch, a position
  Checkpoint& add(const std::string& name, double& number);              ///< a best loss
  Checkpoint& add(const std::string& name, std::string& text);           ///< a name; at most max_text_bytes

  /// Replaces `path` atomically; what was there becomes previous(path), so at any moment at least one whole checkpoint
  /// exists. Waits for running programs. Throws BadFile if it cannot be written, NotFinite naming the parameter if one
  /// holds infinity or NaN, InvalidGraph while a step of a program is in progress: the files that were there stay, but
  /// for a BadFile "is written, but ...", after which `path` is the new one.
  void save(const std::string& path, const Metadata& metadata = {}) const;

  /// What load has read.
  struct Loaded {
    std::string path;     ///< the file that was read
    Metadata metadata;    ///< as given to save
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
  Metadata metadata = {};  ///< stored with each
};

/// Saves as its options say; nothing else happens between two calls.
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
