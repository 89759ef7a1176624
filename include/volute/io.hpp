// Files: parameters alone, with PyTorch's state_dict names ("lstm.weight_ih_l0"), checkpoints of whole trainings, and
// what a run leaves to look at (metrics). The first two are safetensors (https://github.com/huggingface/safetensors),
// written atomically, with a checksum and a format version in the metadata. No file is trusted: what is wrong with it is
// a BadFile, and nothing has changed then. Memory is asked for what was added, never for what a file says it holds, but
// for the header, which keeps to these limits.
// Files of other projects are read and written by the optional component volute::interchange, to be linked with it;
// sections that need it say so.
#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <volute/data.hpp>
#include <volute/device.hpp>
#include <volute/nn.hpp>
#include <volute/optim.hpp>

namespace volute::io {

inline constexpr std::uint64_t max_header_bytes = 100'000'000;  ///< as in the reference implementation
inline constexpr std::uint64_t max_tensors = 100'000;           ///< of a file, each of at most max_rank axes
inline constexpr std::int64_t max_text_bytes = 1 << 26;         ///< of a text in a checkpoint

/// A module under its name in the file; parameters are stored as "prefix.parameter", PyTorch's state_dict names if the
/// prefix is the module's there ("encoder.0"; "encoder.0." is the same), and without a prefix as "parameter".
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
/// BadFile "is written, but ...". PyTorch's load_state_dict takes what its own layers have strictly: the
/// num_batches_tracked of a BatchNorm, which is not written, is 0 to it then. A parameter that several entries share is
/// written under each name. Layers with Bias::single have no bias_hh, which PyTorch's want: see weights_of.
VOLUTE_API void save(const std::string& path, const std::vector<Entry>& entries, const Metadata& metadata = {});

/// What load takes from a file.
struct LoadOptions {
  /// The name in the file of a tensor, by its name here ("lstm.weight_ih_l0"); unset: the same.
  std::function<std::string(const std::string& name)> rename = {};
  bool strict = false;   ///< tensors of the file that no entry has are a BadFile, num_batches_tracked of a norm aside
  bool partial = false;  ///< parameters the file does not have stay as they are
};

/// By the names in the file.
struct LoadReport {
  std::vector<std::string> missing;    ///< with partial: not in the file; of a tied parameter none of its names is
  std::vector<std::string> left_over;  ///< in the file, and in no entry
};

/// Reads parameters into the modules, from a file of Volute's (checkpoints too) or another's, of F32, or of F64
/// (rounded to nearest), F16 or BF16. A parameter two entries share (a tied head) may be there under one name or
/// several, then of the same values. Throws BadFile, and changes nothing, if the file is not a safetensors file, its
/// checksum is wrong (files of others have none), or tensors, which it lists, are missing, have another shape or type,
/// hold infinity or NaN, or values beyond f32.
VOLUTE_API LoadReport load(const std::string& path, const std::vector<Entry>& entries, const LoadOptions& options = {});

/// The metadata alone, but for keys that begin with "volute.". Throws BadFile if the file is not a safetensors file or
/// its checksum is wrong.
VOLUTE_API Metadata read_metadata(const std::string& path);

/// What came from a file or a user, for a message: cut after `most` bytes, and what is a control character or no UTF-8
/// in hexadecimal, so that no terminal does what it says.
VOLUTE_API std::string printable(std::string_view text, std::size_t most = 100);

/// Writes the file as save does, atomically: it is the old one or the whole new one. Throws BadFile, as save.
VOLUTE_API void replace_file(const std::string& path, std::string_view bytes);

// Arrays. ---------------------------------------------------------------------------------------------

/// An array of f32. Throws InvalidGraph unless there are shape.elements() values.
VOLUTE_API HostArray host_array(Shape shape, std::span<const float> values, std::string name = "");
/// An array of u32. Throws InvalidGraph unless there are shape.elements() values.
VOLUTE_API HostArray host_array(Shape shape, std::span<const std::uint32_t> values, std::string name = "");
/// Its values. Throws InvalidGraph for an array of u32, or one whose shape and words disagree.
VOLUTE_API std::vector<float> f32_values(const HostArray& array);

// NumPy's files. --------------------------------------------------------------------------------------

/// An array as a .npy file holds it: f2 f4 f8, i1 i2 i4 i8, u1 u2 u4 u8, b1, of either byte order, in C or Fortran
/// order, of versions 1.0 to 3.0. Floats become f32 (f8 rounded to nearest), integers and booleans u32; `as` asks for
/// the other.
/// Throws BadFile for what is no such file, for other types (structures, objects, complex numbers, text), more than
/// max_rank axes or 2^29 elements, and naming the element: infinity, NaN, f8 beyond f32, an integer that is negative or
/// beyond u32 (as f32 it may be), one that f32 does not hold exactly, a float that is no whole number of u32. `name` is
/// the array's, and begins the errors.
VOLUTE_API HostArray parse_npy(std::string_view bytes, const std::string& name, std::optional<DType> as = {});
/// The bytes of such a file: version 1.0, '<f4' or '<u4', C order. Throws InvalidGraph if shape and words disagree,
/// NotFinite for infinity or NaN.
VOLUTE_API std::string format_npy(const HostArray& array);
/// A .npy file of at most data::max_file_bytes. Throws as parse_npy does. The array's name is empty.
VOLUTE_API HostArray load_npy(const std::string& path, std::optional<DType> as = {});
/// Written atomically. Throws as format_npy does, and BadFile.
VOLUTE_API void save_npy(const std::string& path, const HostArray& array);

/// The component volute::interchange has these. The arrays of a .npz file by name, stored or deflated, in its order.
/// At most max_tensors, which unpack to `most` bytes. Throws BadFile, as parse_npy and for what is no zip file, is
/// damaged, encrypted, or has two arrays of one name.
VOLUTE_API std::vector<HostArray> load_npz(const std::string& path, std::optional<DType> as = {},
                                           std::uint64_t most = data::max_file_bytes);
/// Written atomically, deflated unless `compressed` is false. Throws as save_npy, InvalidGraph for a name that is
/// empty, taken, no UTF-8 or holds NUL.
VOLUTE_API void save_npz(const std::string& path, const std::vector<HostArray>& arrays, bool compressed = true);

// Recurrent weights of other frameworks. --------------------------------------------------------------

/// What one layer in one direction has, in the order and orientation of a WeightLayout; what it has not is empty. Of G
/// gates, hidden size H, I inputs, and P, the projection's size, or H. Axes of extent 1 in front and gates as an axis
/// of their own ([I, G, H], [G, H]) are read too.
struct RecurrentWeights {
  HostArray input;           ///< [G H, I], or [I, G H] if transposed
  HostArray recurrent;       ///< [G H, P], or [P, G H] if transposed
  HostArray bias;            ///< see Biases; empty: none
  HostArray recurrent_bias;  ///< [G H] with Biases::separate
  HostArray peepholes;       ///< LSTM: [3 H]
  HostArray projection;      ///< LSTM, RNN: [P, H], or [H, P] if transposed
  HostArray input_gamma;     ///< layer norm: [G H]
  HostArray recurrent_gamma;  ///< [G H]
  HostArray cell_gamma;       ///< LSTM: [H]
  HostArray cell_beta;        ///< LSTM: [H]
};

/// How the bias of W x and that of U h are kept.
enum class Biases : std::uint8_t {
  single,     ///< their sum, [G H]; not for a GRU that resets after the product, unless n's second bias is 0
  separate,   ///< in `bias` and `recurrent_bias`
  stacked,    ///< in `bias`, [2, G H]: of W x, then of U h
  candidate,  ///< GRU: in `bias`, [4 H]: the sums, but n's of W x alone, then n's of U h
};

/// How a framework keeps recurrent weights. Gates by Volute's letters: i f g o of an LSTM (g is c in Keras, ONNX and
/// oneDNN), r z n of a GRU (n is h in Keras and ONNX, g in haste; oneDNN has u r o for z r n).
struct VOLUTE_API WeightLayout {
  std::string name = "PyTorch";    ///< in messages
  std::string lstm = "ifgo";       ///< order of the gates
  std::string gru = "rzn";         ///< the same
  std::string peepholes = "ifo";   ///< order; empty: it has none
  bool transposed = false;         ///< matrices are [columns, rows], as x W is written
  bool reset_after = true;         ///< GRU: n = tanh(W x + r (U h + b)) rather than tanh(W x + U (r h) + b)
  bool z_keeps = true;             ///< GRU: h' = (1 - z) n + z h rather than z n + (1 - z) h
  bool coupled = false;            ///< LSTM: f = 1 - i, its rows are there but say nothing (ONNX input_forget)
  Biases biases = Biases::separate;      ///< of RNN and LSTM
  Biases gru_biases = Biases::separate;  ///< of GRU
  bool projection = true;          ///< it has projections
  bool layer_norm = true;          ///< it has layer norms, as RecurrentOptions::layer_norm

  /// Volute's own, which is PyTorch's.
  static WeightLayout pytorch();
  /// kernel, recurrent_kernel, bias of Keras 2 and 3. `reset_after` as the GRU was made (true by default there).
  static WeightLayout keras(bool reset_after = true);
  /// W, R, B, P of one direction. The attributes linear_before_reset and input_forget.
  static WeightLayout onnx(bool linear_before_reset = false, bool input_forget = false);
  /// Weights ldigo, bias ldgo, projection ldio of a layer and direction; vanilla GRU, or the one that is linear before
  /// reset (lbr_gru).
  static WeightLayout onednn(bool lbr_gru = false);
  /// kernel, recurrent_kernel, bias, recurrent_bias; gamma[0], gamma[1], gamma_h, beta_h of its layer-norm layers.
  static WeightLayout haste();
};

/// Gives one layer and direction of an RNN, LSTM or GRU the weights.
///   auto keras = io::load_npz("gru.npz");   // np.savez("gru.npz", *layer.get_weights())
///   io::set_weights(gru, {.input = keras[0], .recurrent = keras[1], .bias = keras[2]}, io::WeightLayout::keras());
/// A bias is summed or filled up with zeros as the module's Bias and the layout's want it, if that gives the same
/// outputs. With z_keeps = false, z's part is negated, which its sigmoid makes 1 - z. Throws InvalidGraph, and changes
/// nothing, naming both sides: shapes that do not fit, other resets, coupling, peepholes, projection or layer norm;
/// coupling with layer norm, whose mean over all gates has f in it on one side; a bias the module has no place for;
/// values that are not finite; z_keeps = false with a gate_activation of one's own or lopsided clip_inputs; another
/// cell.
VOLUTE_API void set_weights(const nn::Recurrent& module, const RecurrentWeights& weights, const WeightLayout& layout,
                            int layer = 0, bool backward = false);
/// The way back; the same errors. A coupled LSTM's f gets the negated rows of i: 1 - i, whoever reads them.
VOLUTE_API RecurrentWeights weights_of(const nn::Recurrent& module, const WeightLayout& layout, int layer = 0,
                                       bool backward = false);

// Checkpoints. ----------------------------------------------------------------------------------------

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

  /// From here on the checkpoint is that of all ranks: each saves and loads at the same time, rank 0 writes the one file,
  /// and the others hear how that went. Every rank must see the file to load it; as many ranks as saved it need not.
  Checkpoint& share(std::shared_ptr<Communicator> ranks);

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
  /// Null unless it is shared.
  Communicator* ranks() const;

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

/// Saves a checkpoint every so often. A save that fails (the disk, a parameter that is not finite, memory) warns and
/// leaves training and the last checkpoint alone; the next one is tried when it is due. What waiting for the programs
/// throws is no failure of the save and is thrown. The checkpoint must outlive it.
struct AutosaveOptions {
  std::int64_t steps = 0;  ///< every so many steps; 0: not by steps
  double seconds = 0;      ///< after so much time; 0: not by time. Of a shared checkpoint, by the clock of rank 0, for
                           ///< which every step waits
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

// What a run leaves to look at. ----------------------------------------------------------------------------------------

/// A figure of one step. Integers are exact up to 2^53; an f32 stands for the shortest decimal number that is read as
/// it again (0.1f is 0.1), so that files show it with the digits it has.
struct Metric {
  std::string name;  ///< of the column, or of the curve
  double value;      ///< any, NaN and infinities as well
  Metric(std::string n, double v) : name(std::move(n)), value(v) {}  ///< as it is
  VOLUTE_API Metric(std::string n, float v);                         ///< by its shortest decimal
  template <std::integral Integer>
  Metric(std::string n, Integer v) : Metric(std::move(n), static_cast<double>(v)) {}  ///< rounded beyond 2^53
};

/// How a metrics file is begun.
struct MetricsOptions {
  /// Goes on with a file that a run left which resumes after this step: its rows stay up to there, those beyond it,
  /// which this run makes again, and what a killed run left of a line are dropped. Nothing: the file is begun anew.
  std::optional<std::int64_t> resume_after = {};
};

/// The figures of a run, a row for each write: CSV if the path ends in ".csv", else JSON Lines.
///   io::MetricsFile log("run.jsonl");
///   log.write(step, {{"loss", loss}, {"lr", 1e-3}});   // {"step":100,"loss":1.2,"lr":0.001}
/// CSV begins with a line of names, "step" the first. A row without some of them has empty fields; a name that is new
/// becomes the last column, for which the file is written again (atomically) with empty fields in the rows before.
/// A row is handed to the system whole, so that a run killed at any moment leaves whole lines (a power failure may not).
/// Numbers have the digits it takes to read the same double again. What is no number is nan, inf or -inf in CSV, and
/// in JSON, which has no such numbers, the strings "NaN", "Infinity" and "-Infinity".
class VOLUTE_API MetricsFile {
 public:
  /// Throws BadFile if the file cannot be written, or to resume if it holds lines (but for a last one cut short) that
  /// are no rows; it is left as it was then. Pipes and devices are written to from where they are.
  explicit MetricsFile(std::string path, MetricsOptions options = {});
  ~MetricsFile();
  MetricsFile(MetricsFile&&) noexcept;             ///< the other is empty then
  MetricsFile& operator=(MetricsFile&&) noexcept;  ///< the other is empty then

  /// Throws InvalidGraph, and writes nothing, for a name that is empty, "step", there twice, or has a comma, a quote or
  /// a control character in it; BadFile if the row cannot be written (no part of it stays), or if a pipe would have to
  /// take a new column.
  void write(std::int64_t step, const std::vector<Metric>& metrics);
  const std::string& path() const;  ///< of the file

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

// The rest is in the component volute::interchange. --------------------------------------------------------------------

/// How an event file is begun.
struct EventOptions {
  /// Of a run that resumes after this step: TensorBoard then forgets what files of the folder have beyond it.
  std::optional<std::int64_t> resume_after = {};
  std::string suffix = {};  ///< of the file's name, without '/'
};

/// Writes what TensorBoard shows (`tensorboard --logdir FOLDER`, or a folder above it for several runs): a file
/// "events.out.tfevents.<seconds>.<host>.<process>.<number>" in a folder, which is made if it is not there. Tags with a
/// '/' are grouped by what is before it. Each call hands a whole record to the system, as MetricsFile does.
class VOLUTE_API EventFile {
 public:
  /// Throws BadFile if the folder or the file cannot be made.
  explicit EventFile(const std::string& folder, EventOptions options = {});
  ~EventFile();
  EventFile(EventFile&&) noexcept;             ///< the other is empty then
  EventFile& operator=(EventFile&&) noexcept;  ///< the other is empty then

  // Throw InvalidGraph if a tag is empty, BadFile if the record cannot be written.

  /// One point of each curve; the name is the tag. Values are kept as f32, NaN and infinities as they are.
  void scalars(std::int64_t step, const std::vector<Metric>& metrics);
  /// How values (of a weight, a gradient) are spread, in buckets of a tenth of their size; those that are not finite
  /// are left out.
  void histogram(std::int64_t step, const std::string& tag, std::span<const float> values);
  /// Markdown in UTF-8: the configuration, a sample of what a model writes.
  void text(std::int64_t step, const std::string& tag, const std::string& markdown);
  const std::string& path() const;  ///< of the file

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

/// How the values of a series are drawn.
enum class ChartLook { line, points };

/// A curve of a chart, with a band, or a band alone. Values that are not finite, or not positive on a logarithmic axis,
/// leave a gap.
struct ChartSeries {
  std::string name = {};       ///< in the legend; empty: not there
  std::vector<double> x = {};  ///< where the values are
  std::vector<double> y = {};  ///< as many as x; or none, if there is a band
  std::vector<double> low = {};   ///< lower limits of a band (an interval of a forecast); as many as x, or none
  std::vector<double> high = {};  ///< upper limits
  ChartLook look = ChartLook::line;  ///< of y
};

/// A picture of curves over common axes, in colours that people of any colour vision can tell apart, seven, then dashed.
struct Chart {
  std::string title = {};    ///< above the picture
  std::string x_label = {};  ///< of the horizontal axis
  std::string y_label = {};  ///< of the vertical axis
  std::vector<ChartSeries> series = {};  ///< later ones are drawn over earlier ones
  bool log_x = false;  ///< a logarithmic horizontal axis
  bool log_y = false;  ///< a logarithmic vertical axis
  int width = 800;     ///< in pixels of the SVG, 240 to 4096
  int height = 450;    ///< in pixels of the SVG, 160 to 4096
  double scale = 2;    ///< pixels of the PNG for each of those, 0.5 to 4
};

/// Writes the chart, atomically, as ".svg" or ".png", which the path ends in:
///   io::save_chart("loss.svg", {.title = "Training", .x_label = "step", .series = {{.name = "loss", .x = x, .y = y}}});
/// Throws InvalidGraph if counts of a series differ or a size is out of range, BadFile if the path ends in something
/// else or cannot be written.
VOLUTE_API void save_chart(const std::string& path, const Chart& chart);

}  // namespace volute::io

// ONNX (https://onnx.ai). In the component volute::interchange. ---------------------------------------------------

namespace volute::onnx {

/// A result and its name in the file.
struct Output {
  std::string name;  ///< of the model's output
  Tensor value;      ///< f32 or u32
};

/// What is written besides the maths, and how.
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

/// An input or output of a model. Integers are u32 in a graph, and 0 if they are negative there; truth values are f32 with
/// 0 or 1.
struct Value {
  std::string name;                   ///< in the file
  std::vector<std::int64_t> extents;  ///< -1 where the file leaves it open
  bool any_shape = false;             ///< the file says nothing about the shape
  DType dtype = DType::f32;           ///< in a graph
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

  const std::vector<Value>& inputs() const;   ///< in the file's order
  const std::vector<Value>& outputs() const;  ///< in the file's order
  const io::Metadata& metadata() const;       ///< metadata_props of the model

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
