// Around the recurrent cell: norms, dropout, attention, encoder-decoder, losses, decoding and metrics.
// Everything is a composition of public operations. Sequences are time-major; a mask is f32, 1 where an
// element counts and 0 where it does not. Definitions and parameter names are PyTorch's where it has them.
#pragma once

#include <optional>
#include <string_view>

#include <volute/device.hpp>
#include <volute/nn.hpp>

namespace volute {

// Losses. -------------------------------------------------------------------------------------------
/// mean over what counts, sum, or one value an element.
enum class Reduction { mean, sum, none };
/// How classes are weighed.
struct ClassOptions {
  /// Targets with this value count for nothing. The default is PyTorch's -100 as u32.
  std::uint32_t ignore_index = 0xFFFFFF9Cu;
  float label_smoothing = 0.0f;           ///< e: the target distribution is (1 - e) onehot + e / V
  Tensor class_weights = {};              ///< [V]; the mean divides by the weights of the targets that count
  Reduction reduction = Reduction::mean;  ///< over the targets
};

/// -log softmax(logits)[target] with options. logits [..., V], targets [...] u32; `none` gives [...].
/// If every target is ignored the mean is NaN, as in PyTorch. A target that is neither a class nor
/// ignored has probability 0: its loss is infinite (check_targets finds it on the host).
VOLUTE_API Tensor cross_entropy(Tensor logits, Tensor targets, const ClassOptions& options);
/// The same from log-probabilities [..., V].
VOLUTE_API Tensor nll_loss(Tensor log_probabilities, Tensor targets, const ClassOptions& options = {});

/// (prediction - target)^2; both of one shape.
VOLUTE_API Tensor mse_loss(Tensor prediction, Tensor target, Reduction reduction = Reduction::mean);
/// |prediction - target|; both of one shape.
VOLUTE_API Tensor l1_loss(Tensor prediction, Tensor target, Reduction reduction = Reduction::mean);
/// d^2 / 2 where |d| < delta, else delta (|d| - delta / 2).
VOLUTE_API Tensor huber_loss(Tensor prediction, Tensor target, float delta = 1.0f,
                             Reduction reduction = Reduction::mean);
/// Huber with delta = beta, divided by beta; beta = 0 is l1_loss.
VOLUTE_API Tensor smooth_l1_loss(Tensor prediction, Tensor target, float beta = 1.0f,
                                 Reduction reduction = Reduction::mean);
/// How binary targets are weighed.
struct BinaryOptions {
  Tensor weight = {};                     ///< broadcast to the logits
  Tensor pos_weight = {};                 ///< weight of the positive term, broadcast to the logits
  Reduction reduction = Reduction::mean;  ///< over all elements
};
/// -(p y log sigmoid(x) + (1 - y) log sigmoid(-x)), finite for every finite x. Targets in [0, 1].
VOLUTE_API Tensor bce_with_logits(Tensor logits, Tensor targets, const BinaryOptions& options = {});
/// What CTC is told.
struct CtcOptions {
  std::uint32_t blank = 0;                ///< the class that stands for nothing
  Reduction reduction = Reduction::mean;  ///< mean: each loss over its target length (at least 1), then averaged
  bool zero_infinity = false;             ///< impossible alignments count as 0 instead of infinity
};

/// -log p(targets) over all alignments (Graves et al. 2006). log_probabilities [T, N, C], targets [N, S]
/// u32 (what lies beyond a target's length is not read), input_lengths and target_lengths [N] u32; `none`
/// gives [N]. The gradient is that of this function of the log-probabilities, minus the posterior.
/// An impossible alignment (input shorter than the target with its repeats, a target that is no class, a
/// target length beyond S) has infinite loss and gradient 0; input lengths beyond T count as T (check_lengths).
VOLUTE_API Tensor ctc_loss(Tensor log_probabilities, Tensor targets, Tensor input_lengths, Tensor target_lengths,
                           const CtcOptions& options = {});
/// ctc_loss of log_softmax(logits).
VOLUTE_API Tensor ctc_loss_from_logits(Tensor logits, Tensor targets, Tensor input_lengths, Tensor target_lengths,
                                       const CtcOptions& options = {});

/// Throws InvalidGraph naming the first target that is neither below `classes` nor `ignore_index`.
VOLUTE_API void check_targets(std::span<const std::uint32_t> targets, std::int64_t classes,
                              std::optional<std::uint32_t> ignore_index = {});

/// Throws InvalidGraph naming the first length beyond `limit`.
VOLUTE_API void check_lengths(std::span<const std::uint32_t> lengths, std::int64_t limit);

// Decoding on the host. -------------------------------------------------------------------------------

/// A decoded sequence and its log-probability (divided by a length penalty where one is asked for).
struct Hypothesis {
  std::vector<std::uint32_t> tokens;  ///< without begin, end and blanks
  double score = 0;                   ///< natural logarithm
};

/// Best path: argmax each step, repeats merged, blanks dropped. log_probabilities [T, N, C] row-major (logits
/// do as well), lengths [N], each at most T.
VOLUTE_API std::vector<std::vector<std::uint32_t>> ctc_greedy(std::span<const float> log_probabilities,
                                                              const Shape& shape,
                                                              std::span<const std::uint32_t> lengths,
                                                              std::uint32_t blank = 0);
/// Prefix beam search: the `width` most probable labellings of each row, best first.
VOLUTE_API std::vector<std::vector<Hypothesis>> ctc_beam(std::span<const float> log_probabilities, const Shape& shape,
                                                         std::span<const std::uint32_t> lengths, int width,
                                                         std::uint32_t blank = 0);
/// How wide and how long to search.
struct BeamOptions {
  int width = 4;                ///< sequences kept
  std::uint32_t begin = 1;      ///< token before a sequence
  std::uint32_t end = 2;        ///< token that ends one
  std::int64_t max_length = 0;  ///< most tokens after `begin`; longer sequences are cut off there
  double length_penalty = 0.0;  ///< scores are divided by length^penalty
};
/// Log-probabilities [width, V] of the next token, row-major. Row i continues row parents[i] of the call
/// before with token tokens[i]; at the first call all rows are alike.
using BeamStep = std::function<std::vector<float>(std::span<const std::uint32_t> tokens,
                                                  std::span<const std::uint32_t> parents)>;
/// The `width` best sequences, best first, without begin and end. Ties go to the lower row, then the lower token.
VOLUTE_API std::vector<Hypothesis> beam_search(const BeamStep& step, const BeamOptions& options);

// Attention as functions. -----------------------------------------------------------------------------

/// softmax over the last axis of the scores whose mask (broadcast to them) is not 0. Without a single one the
/// weights and their gradients are 0. An empty mask masks nothing.
VOLUTE_API Tensor masked_softmax(Tensor scores, Tensor mask = {});
/// softmax(q k^T / sqrt(d)) v. q [..., T, d], k [..., S, d], v [..., S, e], mask broadcast to [..., T, S].
VOLUTE_API Tensor scaled_dot_product_attention(Tensor q, Tensor k, Tensor v, Tensor mask = {});

namespace nn {

// Norms and dropout. ------------------------------------------------------------------------------------
/// What a norm can be told.
struct NormOptions {
  float eps = 1e-5f;   ///< added to the variance
  bool affine = true;  ///< whether it has weight (and bias)
};

/// (x - mean) / sqrt(var + eps) * weight + bias over the last axis. weight and bias [C].
class VOLUTE_API LayerNorm : public Module {
 public:
  explicit LayerNorm(std::int64_t size, NormOptions options = {});  ///< size C
  Tensor operator()(Tensor x) const;                                ///< x [..., C]

 private:
  std::int64_t size_;
  NormOptions options_;
};

/// x / sqrt(mean x^2 + eps) * weight over the last axis. weight [C].
class VOLUTE_API RMSNorm : public Module {
 public:
  explicit RMSNorm(std::int64_t size, NormOptions options = {});  ///< size C
  Tensor operator()(Tensor x) const;                              ///< x [..., C]

 private:
  std::int64_t size_;
  NormOptions options_;
};
/// What a batch norm can be told.
struct BatchNormOptions {
  float eps = 1e-5f;      ///< added to the variance
  float momentum = 0.1f;  ///< of the new value
  bool affine = true;     ///< whether it has weight and bias
};

/// Per channel of the last axis, over all other axes. A training graph uses the batch's statistics and
/// carries the running ones (parameters running_mean and running_var [C], variance unbiased) from run to
/// run; an inference graph uses the running ones. Use it once per training graph.
class VOLUTE_API BatchNorm : public Module {
 public:
  explicit BatchNorm(std::int64_t size, BatchNormOptions options = {});  ///< size C
  /// x [..., C].
  Tensor operator()(Tensor x) const;
  /// Statistics over the elements whose mask [...] is not 0, at least two of them; the others count as 0 and
  /// change nothing else.
  Tensor operator()(Tensor x, Tensor mask) const;

 private:
  Tensor normalise(Tensor x, Tensor mask) const;
  std::int64_t size_;
  BatchNormOptions options_;
};

/// Dropout as a layer; with over_time one mask [1, ...] serves every step of x [T, ...] (Gal and Ghahramani 2016).
class VOLUTE_API Dropout : public Module {
 public:
  explicit Dropout(float p, bool over_time = false);  ///< p in [0, 1)
  Tensor operator()(Tensor x) const;                  ///< the identity in Mode::inference

 private:
  float p_;
  bool over_time_;
};

// Attention. ----------------------------------------------------------------------------------------------

/// What a query attends to, prepared once outside of the loop that attends. Multi-head: [N, heads, S, d].
struct Memory {
  Tensor keys;    ///< [N, S, A]
  Tensor values;  ///< [N, S, M]
  Tensor mask;    ///< [N, S] or empty
};
/// What attention gives.
struct Attended {
  Tensor context;  ///< the weighted mean of the values
  Tensor weights;  ///< they sum to 1 over S, unless all is masked
};

/// additive: v tanh(W q + U k) (Bahdanau et al. 2015); dot: q k; general: q W k (Luong et al. 2015);
/// scaled: q k / sqrt(size).
enum class Score { additive, dot, general, scaled };

/// One query per row over a memory, inside a scan body or outside.
class VOLUTE_API Attention : public Module {
 public:
  /// `size` is the width of the additive score's hidden layer (0: that of the query).
  Attention(Score score, std::int64_t query, std::int64_t memory, std::int64_t size = 0);
  /// values [S, N, M], mask [S, N] or empty.
  Memory prepare(Tensor values, Tensor mask = {}) const;
  /// query [N, Q] -> context [N, M], weights [N, S].
  Attended operator()(Tensor query, const Memory& memory) const;

 private:
  Tensor scores(Tensor query, const Memory& memory) const;
  Score score_;
  std::int64_t query_, memory_, size_;
};

/// torch.nn.MultiheadAttention: in_proj_weight [3E, E], in_proj_bias, out_proj.weight [E, E], out_proj.bias.
class VOLUTE_API MultiHeadAttention : public Module {
 public:
  MultiHeadAttention(std::int64_t size, std::int64_t heads, bool bias = true);  ///< E, which heads divides
  /// values [S, N, E], mask [S, N] or empty.
  Memory prepare(Tensor values, Tensor mask = {}) const;
  /// query [T, N, E] -> context [T, N, E], weights [N, T, S] averaged over heads; query [N, E] (inside a scan)
  /// -> [N, E] and [N, S]. mask [T, S] or empty says which steps a query may see.
  Attended operator()(Tensor query, const Memory& memory, Tensor mask = {}) const;

 private:
  Tensor project(Tensor x, int part) const;
  Tensor by_head(Tensor x) const;
  std::int64_t size_, heads_;
  bool bias_;
};

/// [T, S] f32, 1 where s <= t.
VOLUTE_API Tensor causal_mask(Graph graph, std::int64_t T, std::int64_t S);

/// Vectors of parts of a whole to the sequence of each whole: [D * S, H], the parts of a document
/// together, -> [S, D, H]. Words to sentences to document: encode all sentences as one batch [W, D * S],
/// regroup their last states, and run a second network over the sentences.
VOLUTE_API Tensor regroup(Tensor vectors, std::int64_t parts);

// Encoder-decoder. ------------------------------------------------------------------------------------------
/// Sizes of an encoder-decoder, and its special tokens.
struct Seq2SeqOptions {
  std::int64_t source_vocabulary = 0;  ///< classes of source tokens
  std::int64_t target_vocabulary = 0;  ///< classes of target tokens
  std::int64_t embed = 64;             ///< width of both embeddings
  std::int64_t hidden = 128;           ///< of the decoder and of each direction of the encoder
  Score score = Score::additive;       ///< of the decoder's attention
  std::uint32_t padding = 0;           ///< token behind sequences, of both vocabularies
  std::uint32_t begin = 1;             ///< token before a target
  std::uint32_t end = 2;               ///< token after a target
};

/// Bidirectional GRU encoder, GRU decoder with attention inside its scan (Bahdanau et al. 2015).
class VOLUTE_API Seq2Seq : public Module {
 public:
  explicit Seq2Seq(const Seq2SeqOptions& options);  ///< new parameters
  /// What the encoder gives.
  struct Encoded {
    Memory memory;  ///< the encoder's outputs, masked where padding is
    Tensor state;   ///< [N, H]
  };
  /// What a step of the decoder gives.
  struct Step {
    Tensor logits;  ///< [N, V]
    Tensor state;   ///< [N, H]
  };
  /// source [S, N] u32; padding is masked, in the encoder too.
  Encoded encode(Tensor source) const;
  /// Logits [T, N, V]. inputs [T, N] u32 are the targets one step late, `begin` first (teacher forcing).
  /// With `sampling` (f32 scalar) each later input is, with that probability and anew for each row and
  /// step, the model's own best guess instead (Bengio et al. 2015).
  Tensor decode(const Encoded& encoded, Tensor inputs, Tensor sampling = {}) const;
  /// One step of the decoder: token [N] u32, state [N, H].
  Step step(Tensor token, Tensor state, const Memory& memory) const;
  /// Mean cross-entropy over targets [T, N] that are not padding.
  Tensor loss(Tensor source, Tensor inputs, Tensor targets, Tensor sampling = {}) const;
  const Seq2SeqOptions& options() const { return options_; }  ///< as given to the constructor

 private:
  Tensor at(Tensor any, int index) const;
  std::vector<Tensor> advance(Tensor embedded, Tensor state, const Memory& memory) const;
  Tensor head(Tensor state, Tensor context, Tensor embedded) const;
  Seq2SeqOptions options_;
  Attention attention_;
};

/// Translates with a model: a program that encodes and one of a single decoder step, both on the
/// model's parameters. Sequences longer than `source_length` are refused.
class VOLUTE_API Translator {
 public:
  /// `rows` sequences at a time; at most max_length tokens each.
  Translator(Device& device, const Seq2Seq& model, std::int64_t source_length, std::int64_t rows,
             std::int64_t max_length);
  ~Translator();
  /// Best token each step until `end`; any number of sequences, `rows` at a time.
  std::vector<std::vector<std::uint32_t>> greedy(const std::vector<std::vector<std::uint32_t>>& sources);
  /// The beam's hypotheses for one sequence, best first; its width is `rows`.
  std::vector<Hypothesis> beam(const std::vector<std::uint32_t>& source, double length_penalty = 0.0);

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

}  // namespace nn

// Metrics on the host. --------------------------------------------------------------------------------------

namespace metrics {

/// Share of predictions that equal their target; ignored targets do not count. NaN if none count.
VOLUTE_API double accuracy(std::span<const std::uint32_t> predicted, std::span<const std::uint32_t> targets,
                           std::optional<std::uint32_t> ignore_index = {});
/// exp of a mean cross-entropy in nats.
VOLUTE_API double perplexity(double mean_cross_entropy);
/// micro: over all counts together; macro: the mean over classes.
enum class Average { micro, macro };

/// Counts of (target, predicted) pairs, and the figures that follow from them. A ratio 0 / 0 is 0.
class VOLUTE_API ConfusionMatrix {
 public:
  explicit ConfusionMatrix(std::int64_t classes);  ///< all counts 0
  /// Throws InvalidGraph on unequal counts or a class out of range.
  void add(std::span<const std::uint32_t> predicted, std::span<const std::uint32_t> targets);
  std::int64_t count(std::int64_t target, std::int64_t predicted) const;  ///< of that pair
  std::int64_t classes() const { return classes_; }  ///< as given to the constructor
  double accuracy() const;  ///< diagonal over all
  double precision(std::int64_t of) const;  ///< of those predicted as this class, how many are
  double recall(std::int64_t of) const;  ///< of this class, how many are predicted so
  double f1(std::int64_t of) const;  ///< harmonic mean of both
  double precision(Average average) const;  ///< over classes
  double recall(Average average) const;  ///< over classes
  double f1(Average average) const;  ///< over classes

 private:
  std::int64_t predicted_as(std::int64_t of) const;
  std::int64_t targets_of(std::int64_t of) const;
  std::int64_t at(std::int64_t of) const;
  std::int64_t classes_;
  std::vector<std::int64_t> counts_;
};

/// Insertions, deletions and substitutions that turn one sequence into the other (Levenshtein).
VOLUTE_API std::int64_t edit_distance(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b);
/// Edits over reference length, summed over all pairs: words are separated by white space, characters are
/// UTF-8 code points. Throws InvalidGraph on unequal counts; NaN without any reference word.
VOLUTE_API double word_error_rate(std::span<const std::string> references, std::span<const std::string> hypotheses);
/// The same by characters.
VOLUTE_API double character_error_rate(std::span<const std::string> references,
                                       std::span<const std::string> hypotheses);

}  // namespace metrics
}  // namespace volute
