// Layers: parameters plus a few lines of graph. Weight names, order and initial distributions are
// PyTorch's. Sequences are time-major: [T, N, C].
#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <volute/ops.hpp>

namespace volute {

/// Seeds the initial values of layers built from here on in this process.
VOLUTE_API void manual_seed(std::uint64_t seed);

namespace nn {

/// Something with parameters. Names are PyTorch's within the layer ("weight_ih_l0").
class VOLUTE_API Module {
 public:
  virtual ~Module() = default;
  const std::vector<Parameter>& parameters() const { return parameters_; }  ///< in the order of PyTorch's state_dict

 protected:
  std::vector<Parameter> parameters_;  ///< filled by the derived class
};
/// What an embedding can be told.
struct EmbeddingOptions {
  std::int64_t padding = -1;  ///< index whose row starts at zero and gets no gradient from lookups; -1: none
  bool frozen = false;        ///< no gradient at all, not trained
};

/// indices [...] u32 -> [..., E]. weight [V, E] from N(0, 1).
class VOLUTE_API Embedding : public Module {
 public:
  Embedding(std::int64_t vocabulary, std::int64_t size, EmbeddingOptions options = {});  ///< vocabulary V, size E
  Tensor operator()(Tensor indices) const;  ///< looks up rows
  bool frozen() const { return options_.frozen; }  ///< whether it is not trained

 private:
  Tensor weight(Graph graph) const;
  EmbeddingOptions options_;
};

/// x [..., I] -> x weight^T + bias, [..., O]. weight [O, I], bias [O], both U(+-1/sqrt(I)).
class VOLUTE_API Linear : public Module {
 public:
  Linear(std::int64_t inputs, std::int64_t outputs, bool bias = true);  ///< inputs I, outputs O
  /// A head [..., E] -> [..., V] on the embedding's own weight, which both then train; only the bias is new.
  explicit Linear(const Embedding& tied, bool bias = true);
  Tensor operator()(Tensor x) const;  ///< x [..., I]

 private:
  bool frozen_ = false;
};

/// An elementwise function: one of the usual ones, or any lambda of public operations.
class VOLUTE_API Activation {
 public:
  /// standard: whatever the cell uses by itself. hard_sigmoid is clip(x / 6 + 1/2, 0, 1) (PyTorch, Keras 3);
  /// leaky_relu has slope 0.01, elu alpha 1.
  enum Function : std::uint8_t {
    standard, identity, tanh, sigmoid, relu, leaky_relu, elu, silu, softplus, softsign, hard_sigmoid
  };
  Activation(Function function = standard) : function_(function) {}  ///< one by name
  template <class F>
    requires std::is_invocable_r_v<Tensor, F, Tensor>
  Activation(F custom) : custom_(std::move(custom)) {}  ///< a function Tensor -> Tensor

  Tensor operator()(Tensor x) const;  ///< element by element
  bool is_standard() const { return !custom_ && function_ == standard; }  ///< whether the cell decides
  bool is_custom() const { return custom_ != nullptr; }                   ///< whether it is a function of one's own
  /// Which of the usual ones it is; `standard` for a custom one.
  Function function() const { return function_; }

 private:
  Function function_ = standard;
  std::function<Tensor(Tensor)> custom_;
};

/// A range values are clipped to; one number b means [-b, b].
struct Bounds {
  float low;   ///< the least value
  float high;  ///< the largest, not below low
  Bounds(float bound) : low(-bound), high(bound) {}  ///< [-bound, bound]
  Bounds(float low_bound, float high_bound) : low(low_bound), high(high_bound) {}  ///< [low, high]
};

/// How the two directions of a layer become one output.
enum class Merge : std::uint8_t { concat, sum, mul, average };
/// both: bias_ih and bias_hh (PyTorch, cuDNN); single: bias_ih alone. Cells without a recurrent matrix have
/// one bias at most.
enum class Bias : std::uint8_t { none, single, both };
/// pytorch: all from U(+-1/sqrt(H)). keras: Glorot uniform, orthogonal recurrent, zero bias, forget bias 1.
enum class Initialiser : std::uint8_t { pytorch, keras };
/// What a masked step gives. zero: output 0 (PyTorch's packed sequences, Keras's zero_output_for_mask).
/// repeat: the last output again, 0 before the first (Keras). Either way the state stays.
enum class Masked : std::uint8_t { zero, repeat };

/// Everything a stack of recurrent layers can be told. The defaults are PyTorch's. An option a cell has no
/// maths for throws InvalidGraph when the layer is made.
struct RecurrentOptions {
  // The stack.
  int layers = 1;                ///< stacked; each reads the outputs of the one below
  float dropout = 0.0f;          ///< of a layer's outputs before the next layer, scaled by 1/(1-p)
  bool variational = false;      ///< dropout draws one mask for all steps, not one a step (Gal and Ghahramani 2016)
  bool bidirectional = false;    ///< each layer runs in both directions
  Merge merge = Merge::concat;   ///< how both directions are merged
  bool reverse = false;          ///< from the last step to the first; outputs keep the index of their step
  bool batch_first = false;      ///< x [N, T, I], mask [N, T] and outputs [N, T, H]; states stay [L, N, H]
  Masked masked = Masked::zero;  ///< what masked steps give
  bool learned_states = false;   ///< the initial states are parameters ("h_0" [L, H]), not zeros
  // The cell.
  Bias bias = Bias::both;  ///< how many biases
  bool peepholes = false;       ///< LSTM: i and f see c, o sees c' through weight_ch (Gers et al. 2002)
  std::int64_t projection = 0;  ///< LSTM, RNN: h' becomes weight_hr h', of this size < H (Sak et al. 2014)
  bool coupled = false;         ///< LSTM: f = 1 - i, rows i g o (Greff et al. 2017, ONNX input_forget)
  bool reset_after = true;      ///< GRU: r (U h + b) (PyTorch, cuDNN) rather than U (r h) + b (Cho et al. 2014)
  Activation activation = {};         ///< of the candidate: tanh; relu in IndRNN; identity in minGRU and minLSTM
  Activation gate_activation = {};    ///< sigmoid
  Activation output_activation = {};  ///< LSTM: h' = o output_activation(c'); unset: the same as activation
  std::optional<Bounds> clip_inputs = {};  ///< of what every activation is applied to (ONNX clip)
  std::optional<Bounds> clip_cell = {};    ///< of c', before h' is made of it (cuDNN, TensorFlow)
  std::optional<Bounds> clip_state = {};   ///< of h'
  bool layer_norm = false;  ///< LN(W x; gamma_ih) + LN(U h; gamma_hh) + b, and h' = o tanh(LN(c')); as haste
  // Regularisation, in Mode::training only.
  float zoneout = 0.0f;            ///< an element of h' keeps its old value; mixed at inference (Krueger et al. 2017)
  float zoneout_cell = 0.0f;       ///< the same for c'
  float drop_connect = 0.0f;       ///< of weight_hh, one mask a run (Wan et al. 2013, Merity et al. 2018)
  float recurrent_dropout = 0.0f;  ///< of h where the recurrent product reads it
  bool recurrent_variational = false;  ///< recurrent_dropout draws one mask for all steps (Keras)
  // Initial values.
  std::optional<float> forget_bias = {};           ///< LSTM, minLSTM: value of bias_ih for f; that of bias_hh is then 0
  Initialiser initialiser = Initialiser::pytorch;  ///< of initial values
};

/// What a run may be given besides x. D is 2 if bidirectional, else 1.
struct RecurrentInputs {
  std::vector<Tensor> initial = {};  ///< one a state, each [layers D, N, size], direction fastest; empty: zeros
  Tensor lengths = {};               ///< [N] u32, in any order, 0 allowed: steps from lengths[n] on are masked
  Tensor mask = {};                  ///< [T, N] u32 or f32: steps where it is 0 are masked
  std::optional<Carried> carried = {};  ///< from where the last run of the program stopped, gradient cut
  /// Tensors that stand in for parameters of these names ("weight_hh_l0"), of the same shapes: weights that are fed or
  /// computed.
  std::map<std::string, Tensor> weights = {};
};

/// What a run gives. Unused parts cost nothing.
struct VOLUTE_API RecurrentResult {
  Tensor outputs;            ///< of the last layer, [T, N, D H] ([T, N, H] unless merged by concat)
  Tensor last_output;        ///< the last valid one of each sequence and direction, [N, D H]
  std::vector<Tensor> last;  ///< last valid states, each [layers D, N, size], direction fastest

  /// What a cell kept of every step, [T, N, size]: states as the step left them ("h", "c") and gates ("i",
  /// "f", "g", "o" of LSTM; "r", "z", "n" of GRU; ...). Gates of masked steps mean nothing. Negative layers
  /// count from the last. Throws InvalidGraph naming what there is.
  Tensor step(const std::string& name, int layer = -1, bool backward = false) const;

  std::string cell;                                   ///< name of the cell, for messages
  int directions = 1;                                 ///< D
  std::vector<std::map<std::string, Tensor>> kept;    ///< by layer and direction
};

/// Sizes of one layer: of its input, of its hidden state, and of h (the projection, or H).
struct CellSizes {
  std::int64_t inputs;  ///< I
  std::int64_t hidden;  ///< H
  std::int64_t output;  ///< the projection, or H
};

/// A parameter of a cell besides the usual ones; named "name_l0", "name_l0_reverse", ...
struct CellWeight {
  std::string name;                ///< without "_l0"
  Shape shape;                     ///< row-major
  std::optional<float> fill = {};  ///< unset: the initialiser's
};

/// What a cell sees of one step, and the building blocks that give it the options above.
class VOLUTE_API CellStep {
 public:
  struct Data;
  explicit CellStep(const Data& data);  ///< the engine's

  Tensor x;                         ///< [N, I]
  std::vector<Tensor> states;       ///< as the step finds them, [N, size] each
  const RecurrentOptions& options;  ///< of the stack

  /// weight_ih x (layer norm) (+ bias_ih), one [N, H] a gate. Free of state, so computed for all steps at once.
  std::vector<Tensor> input() const;
  /// weight_hh h (layer norm) (+ bias_hh), one [N, H] a gate, with recurrent dropout.
  std::vector<Tensor> recurrent() const;
  /// The same for `count` gates from the `first` on, of scale h: weight_hh (scale h).
  std::vector<Tensor> recurrent(int first, int count, Tensor scale = {}) const;
  /// weight_hr h if there is a projection, else h.
  Tensor project(Tensor h) const;
  /// The candidate's and the gates' activation, inputs clipped.
  Tensor activate(Tensor a) const;
  Tensor gate(Tensor a) const;  ///< the gates' activation
  /// A parameter by its name without "_l0". Throws InvalidGraph naming what there is.
  Tensor weight(const std::string& name) const;
  /// Makes a value readable as RecurrentResult::step(name). Returns it.
  Tensor keep(const std::string& name, Tensor value) const;

 private:
  const Data& data_;
};

/// A cell as data: what one step computes, and what for. The built-in ones are made of nothing else.
struct Cell {
  /// What the recurrent weight is.
  enum class Recurrence : std::uint8_t {
    matrix,  ///< weight_hh [gates H, H]
    vector,  ///< weight_hh [gates H], elementwise
    none
  };
  std::string name;                            ///< in messages and names of states
  int gates = 1;                               ///< rows of weight_ih in units of H; 0: it brings its own weights
  Recurrence recurrence = Recurrence::matrix;  ///< of weight_hh
  std::vector<std::string> states = {"h"};     ///< the first is the output; the others have size H
  Activation activation = Activation::tanh;    ///< unless the options name another
  /// The options of its maths it understands: "peepholes", "projection", "coupled", "reset_before",
  /// "gate_activation", "output_activation", "clip_cell". All others work for every cell.
  std::vector<std::string> understands = {};
  int forget_gate = -1;      ///< which gate's bias forget_bias sets; -1: none
  float forget_sign = 1.0f;  ///< -1 if that gate says what to write
  std::function<std::vector<CellWeight>(const CellSizes&)> weights = {};  ///< parameters besides the usual ones
  /// The next states, in order. Called once for each layer and direction, to build the graph.
  std::function<std::vector<Tensor>(const CellStep&)> step = {};
  /// Cells that exchange formats (ONNX) know.
  enum class Kind : std::uint8_t { own, lstm, gru, rnn };
  Kind kind = Kind::own;  ///< which of them its maths is, all that it understands included; a cell of one's own is none
};

/// A stack of recurrent layers over one cell: weight names, order and state layout are PyTorch's.
class VOLUTE_API Recurrent : public Module {
 public:
  /// Throws InvalidGraph naming the cell and the option if an option is out of range or the cell has no maths
  /// for it.
  Recurrent(Cell cell, std::int64_t inputs, std::int64_t hidden, RecurrentOptions options = {});

  /// x [T, N, I] -> outputs [T, N, D H]. The second form carries the state from run to run.
  Tensor operator()(Tensor x) const { return run(x).outputs; }
  /// Truncated BPTT.
  Tensor operator()(Tensor x, Carried carried) const { return run(x, {.carried = carried}).outputs; }
  Tensor operator()(Tensor x, const RecurrentInputs& inputs) const { return run(x, inputs).outputs; }  ///< states, mask
  /// The same with states, last outputs and gates. Values of masked steps of x reach nothing, not even as NaN.
  /// Throws InvalidGraph naming the cell and the shapes.
  RecurrentResult run(Tensor x, const RecurrentInputs& inputs = {}) const;
  /// As above from initial states alone. A template, so that {.lengths = n} never means a list of tensors.
  template <std::same_as<std::vector<Tensor>> States>
  RecurrentResult run(Tensor x, const States& initial) const {
    return run(x, RecurrentInputs{.initial = initial});
  }

  const std::string& name() const { return cell_.name; }        ///< of the cell
  const RecurrentOptions& options() const { return options_; }  ///< as given to the constructor
  std::int64_t hidden() const { return hidden_; }               ///< H
  /// Size of the last axis of the outputs.
  std::int64_t features() const;

 private:
  struct Stack;
  int directions() const { return options_.bidirectional ? 2 : 1; }
  CellSizes sizes(int layer) const;
  void add_parameters();
  std::vector<Tensor> initial_states(Tensor x, const RecurrentInputs& inputs) const;

  Cell cell_;
  std::int64_t inputs_, hidden_;
  RecurrentOptions options_;
  std::vector<std::size_t> first_parameter_;  ///< of each layer and direction
};

/// i f g o; c' = f c + i g, h' = o tanh(c'). States h, c. Hochreiter and Schmidhuber 1997, Gers et al. 2000.
class VOLUTE_API LSTM : public Recurrent {
 public:
  LSTM(std::int64_t inputs, std::int64_t hidden, RecurrentOptions options = {});  ///< I, H
};

/// r z n; h' = (1 - z) n + z h. State h. Cho et al. 2014.
class VOLUTE_API GRU : public Recurrent {
 public:
  GRU(std::int64_t inputs, std::int64_t hidden, RecurrentOptions options = {});  ///< I, H
};

/// h' = tanh(W x + b_ih + U h + b_hh), or any activation. State h. Elman 1990.
class VOLUTE_API RNN : public Recurrent {
 public:
  RNN(std::int64_t inputs, std::int64_t hidden, RecurrentOptions options = {});  ///< I, H
};

/// h' = relu(W x + b + u h), elementwise in h: one kernel a step. State h. Li et al. 2018.
class VOLUTE_API IndRNN : public Recurrent {
 public:
  IndRNN(std::int64_t inputs, std::int64_t hidden, RecurrentOptions options = {});  ///< I, H
};

/// z n of x alone; h' = (1 - z) h + z n. State h. Feng et al. 2024.
class VOLUTE_API MinGRU : public Recurrent {
 public:
  MinGRU(std::int64_t inputs, std::int64_t hidden, RecurrentOptions options = {});  ///< I, H
};

/// f i n of x alone; h' = (f h + i n) / (f + i). State h. Feng et al. 2024.
class VOLUTE_API MinLSTM : public Recurrent {
 public:
  MinLSTM(std::int64_t inputs, std::int64_t hidden, RecurrentOptions options = {});  ///< I, H
};

}  // namespace nn
}  // namespace volute
