// Training data on the host: text, words, CSV tables, time series; splits, batches and prefetching.
// Wrong options throw InvalidGraph; wrong files, or what is in them, BadFile with "file:line:". What is random
// depends on its seed alone, equal on every platform. Batches are time-major, [T, N] or [T, N, C], row-major.
// Files must be regular ones (no folder, pipe or device) and keep to the limits below; what lies beyond one is a
// BadFile that names it, thrown before memory of that size is asked for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <volute/graph.hpp>

namespace volute::data {

/// A file, and all files of one Text together.
inline constexpr std::uint64_t max_file_bytes = 1ull << 31;
/// One field of a table, one word of a vocabulary.
inline constexpr std::uint64_t max_field_bytes = 1ull << 24;
inline constexpr std::size_t max_columns = 65536;  ///< of a table
/// Rows times columns of a table; each costs 32 bytes beside its text.
inline constexpr std::size_t max_cells = 1u << 27;
/// Words of a vocabulary: what f32 counts exactly.
inline constexpr std::int64_t max_words = 1 << 24;

/// A rank's part of every batch: of N rows count(N) from first(N) on. The parts of all ranks are the batch, in their
/// order; the first N % ranks have one row more than the others. With fewer rows than ranks some have none.
struct Shard {
  int rank = 0;   ///< Communicator::rank
  int ranks = 1;  ///< Communicator::size
  std::int64_t first(std::int64_t N) const { return N / ranks * rank + std::min<std::int64_t>(rank, N % ranks); }  ///< row
  std::int64_t count(std::int64_t N) const { return N / ranks + (rank < N % ranks ? 1 : 0); }  ///< rows
  /// The rank's of these rows.
  template <class Row>
  std::vector<Row> of(const std::vector<Row>& rows) const {
    const auto N = static_cast<std::int64_t>(rows.size());
    const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(first(N));
    return {begin, begin + static_cast<std::ptrdiff_t>(count(N))};
  }
};

/// One batch: x[t, n] and the character after it y[t, n]; both [T, N], row-major.
struct Batch {
  std::vector<std::uint32_t> x;  ///< inputs
  std::vector<std::uint32_t> y;  ///< targets: the inputs one step later
};

/// Byte-level text with the vocabulary of the bytes that occur, split into 90 % training, 10 % validation.
class VOLUTE_API Text {
 public:
  /// Throws BadFile naming the file if one is missing, unreadable, empty or too large. Any bytes are characters.
  static Text load(const std::vector<std::string>& paths);
  /// Throws BadFile if `text` is empty.
  static Text from_string(std::string_view text);

  /// Sorted distinct bytes; index in it is the token.
  const std::string& vocabulary() const { return vocabulary_; }
  std::int64_t vocab() const { return static_cast<std::int64_t>(vocabulary_.size()); }  ///< how many bytes occur
  const std::vector<std::uint32_t>& train() const { return train_; }                    ///< tokens of the first 90 %
  const std::vector<std::uint32_t>& validation() const { return validation_; }          ///< tokens of the rest
  /// Token of a byte, or -1 if it does not occur.
  int token(char byte) const;
  std::string decode(const std::vector<std::uint32_t>& tokens) const;  ///< the bytes of tokens

 private:
  std::string vocabulary_;
  std::vector<std::uint32_t> train_, validation_;
};

/// N parallel contiguous streams over tokens, cut in pieces of T: piece i+1 begins `advance` tokens after piece
/// i in each stream (T by default, so recurrent state may be carried; k1 for tbptt with T = k2). Wraps around
/// at the end. Keeps a reference to the tokens.
class VOLUTE_API Streams {
 public:
  /// Throws BadFile if there are fewer than N*(T+1) tokens, InvalidGraph unless 1 <= advance <= T (0: T). Batches have
  /// the shard's of the N streams; InvalidGraph too if it has none.
  Streams(const std::vector<std::uint32_t>& tokens, std::int64_t T, std::int64_t N, std::int64_t advance = 0,
          Shard shard = {});
  /// Pieces before the streams start over.
  std::int64_t pieces() const { return pieces_; }
  /// Batch i; i % pieces() == 0 is the start of the streams (reset carried state there).
  Batch batch(std::int64_t i) const;

 private:
  const std::vector<std::uint32_t>* tokens_;
  std::int64_t T_, first_, count_, advance_, stride_, pieces_;
};

// Order and splits. --------------------------------------------------------------------------------------

/// SplitMix64 (Steele, Lea and Flood 2014): the same numbers everywhere, which std::shuffle does not promise.
class VOLUTE_API Generator {
 public:
  explicit Generator(std::uint64_t seed, std::uint64_t stream = 0);  ///< `stream`: independent numbers of one seed
  std::uint64_t next();  ///< all 64 bits
  /// Uniform in 0 .. bound-1, without bias; bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Where it stands, for checkpoints.
  std::uint64_t state() const { return state_; }
  void restore(std::uint64_t state) { state_ = state; }  ///< goes on from a state()

 private:
  std::uint64_t state_;
};

/// 0 .. count-1 in an order that seed and epoch fix (Fisher and Yates).
VOLUTE_API std::vector<std::size_t> shuffled(std::size_t count, std::uint64_t seed, std::uint64_t epoch = 0);

/// Indices of the samples of each part, in shuffled order.
struct Split {
  std::vector<std::size_t> train;       ///< to learn from
  std::vector<std::size_t> validation;  ///< to decide by
  std::vector<std::size_t> test;        ///< to report
};

/// Shuffles and cuts: floor(count * fraction) samples for validation and test, the rest for training. Throws
/// InvalidGraph unless both are in [0, 1) and leave something for training.
VOLUTE_API Split split(std::size_t count, double validation, double test, std::uint64_t seed);
/// The same within each class, so every part has each class in proportion.
VOLUTE_API Split stratified_split(std::span<const std::uint32_t> labels, double validation, double test,
                                  std::uint64_t seed);

// Sequences of unequal length. -----------------------------------------------------------------------------
/// Which part of a sequence that is too long.
enum class Keep { start, end };

/// Sequences side by side: values [T, N] (or [T, N, C]) with padding behind the end, lengths [N]. Rows beyond
/// the given sequences have length 0 and only padding.
template <class T>
struct Padded {
  std::vector<T> values;               ///< row-major
  std::vector<std::uint32_t> lengths;  ///< [N]
};

/// The sequences `rows` as one batch of T steps and N rows; longer ones are cut. C values a step.
/// Throws InvalidGraph if there are more rows than N, one does not exist, or its size is no multiple of C.
VOLUTE_API Padded<std::uint32_t> pad(const std::vector<std::vector<std::uint32_t>>& sequences,
                                     std::span<const std::size_t> rows, std::int64_t T, std::int64_t N,
                                     std::uint32_t padding = 0, Keep keep = Keep::start);
/// The same of vectors: each sequence [length, C].
VOLUTE_API Padded<float> pad(const std::vector<std::vector<float>>& sequences, std::int64_t C,
                             std::span<const std::size_t> rows, std::int64_t T, std::int64_t N, float padding = 0,
                             Keep keep = Keep::start);

/// Batches of sequences of about the same length: each bucket is a program's T. One bucket is plain padding.
class VOLUTE_API Buckets {
 public:
  /// One batch: at most N rows of one bucket, and the bucket's T.
  struct Rows {
    std::int64_t T = 0;             ///< the bucket's bound
    std::vector<std::size_t> rows;  ///< of the sequences
  };
  /// A sequence goes to the smallest bucket that holds it; longer than all, to the largest, where `pad` cuts it.
  /// Throws InvalidGraph unless bounds ascend from 1, N is positive, and there are sequences.
  Buckets(std::vector<std::int64_t> lengths, std::vector<std::int64_t> bounds, std::int64_t N);
  /// `count` bounds (fewer if there are fewer lengths) with the least padding possible; the last is the longest.
  static std::vector<std::int64_t> best_bounds(std::span<const std::int64_t> lengths, int count);
  /// Every sequence once, shuffled within buckets, batches shuffled too; by seed and epoch.
  std::vector<Rows> epoch(std::uint64_t seed, std::uint64_t epoch) const;
  /// Steps of padding behind sequences in an epoch; rows missing in a bucket's last batch not counted.
  std::int64_t padding() const;

 private:
  std::size_t bucket_of(std::int64_t length) const;
  std::vector<std::int64_t> lengths_, bounds_;
  std::int64_t N_;
};

/// Means and deviations of C columns, fitted on training rows only and applied to all: (x - mean) / deviation.
class VOLUTE_API Normalizer {
 public:
  /// values [rows, C]. A constant column gets deviation 1. Throws InvalidGraph if there are no rows, or a value
  /// is not finite.
  static Normalizer fit(std::span<const float> values, std::int64_t C);
  void apply(std::span<float> values) const;  ///< in place; [rows, C]
  /// Back to the original units, e.g. of one forecast column: `undo(values, {2})`.
  void undo(std::span<float> values, std::vector<std::size_t> columns = {}) const;
  const std::vector<double>& means() const { return means_; }            ///< [C]
  const std::vector<double>& deviations() const { return deviations_; }  ///< [C]

 private:
  std::vector<double> means_, deviations_;
};

// Words. -----------------------------------------------------------------------------------------------------

/// Words in lower case (ASCII), punctuation marks as words of their own. Bytes above 127 are letters.
VOLUTE_API std::vector<std::string> words(std::string_view text);
/// Which words a vocabulary takes.
struct VocabularyOptions {
  std::int64_t min_count = 1;  ///< rarer words are unknown
  std::int64_t max_size = 0;   ///< with the two special tokens; 0: no bound
};

/// Words and their tokens: 0 is padding "<pad>", 1 unknown "<unk>", then by count, equal counts by bytes.
class VOLUTE_API Vocabulary {
 public:
  static constexpr std::uint32_t padding = 0;  ///< token of "<pad>"
  static constexpr std::uint32_t unknown = 1;  ///< token of "<unk>"
  /// Throws InvalidGraph for an option out of range, or more than max_words words.
  static Vocabulary build(const std::vector<std::vector<std::string>>& texts, VocabularyOptions options = {});
  std::int64_t size() const { return static_cast<std::int64_t>(words_.size()); }  ///< special ones included
  std::uint32_t token(const std::string& word) const;                             ///< `unknown` if it has none
  /// Throws InvalidGraph for a token outside the vocabulary.
  const std::string& word(std::uint32_t token) const;
  std::vector<std::uint32_t> encode(const std::vector<std::string>& words) const;  ///< token by token
  std::vector<std::string> decode(std::span<const std::uint32_t> tokens) const;    ///< word by word
  /// A text file of one word a line, replaced as a whole. load throws BadFile naming the line, also for more than
  /// max_words words.
  void save(const std::string& path) const;
  /// What save has written.
  static Vocabulary load(const std::string& path);

 private:
  void add(std::string word);
  std::vector<std::string> words_;
  std::map<std::string, std::uint32_t> tokens_;
};

// Tables. ----------------------------------------------------------------------------------------------------
/// How a file is read.
struct CsvOptions {
  char delimiter = ',';  ///< between fields
  bool header = true;    ///< the first line names the columns; else they are "0", "1", ...
};

/// A table of texts, after RFC 4180: quoted fields with doubled quotes, delimiters and line breaks; LF or CRLF;
/// a UTF-8 mark and empty lines are skipped. Every row must have as many fields as the first. Fields keep their bytes,
/// UTF-8 or not, but for NUL, which is a BadFile: such a file is binary, or UTF-16.
class VOLUTE_API Csv {
 public:
  /// Throws BadFile naming file and line.
  static Csv load(const std::string& path, CsvOptions options = {});
  /// The same from memory; `name` is for messages.
  static Csv parse(std::string_view text, const std::string& name = "csv", CsvOptions options = {});
  const std::vector<std::string>& columns() const { return columns_; }  ///< their names
  std::size_t rows() const { return lines_.size(); }                    ///< without the header
  /// Number of a column; BadFile listing those there are if it is not one.
  std::size_t column(const std::string& name) const;
  /// A field as it is in the file.
  const std::string& text(std::size_t row, std::size_t column) const { return cells_[row * columns_.size() + column]; }
  /// Empty for a missing value: nothing, NA, N/A, NaN, null, ? or -. BadFile if it is no finite decimal number.
  std::optional<float> number(std::size_t row, std::size_t column) const;
  /// "file:line: column \"name\": message", thrown as BadFile.
  [[noreturn]] void complain(std::size_t row, std::size_t column, const std::string& message) const;

 private:
  std::string name_;
  std::vector<std::string> columns_, cells_;
  std::vector<std::size_t> lines_;  ///< of the file, where each row begins
};
/// What to do about a value that is missing.
enum class Missing {
  error,     ///< BadFile
  drop,      ///< the row
  previous,  ///< the last value before it; BadFile if there is none
  linear,    ///< between its neighbours; at the ends the nearest
};

/// Columns of numbers in the order of time.
struct VOLUTE_API Series {
  std::vector<std::string> names;  ///< of the columns
  std::vector<float> values;  ///< [rows, C]
  std::size_t rows() const { return names.empty() ? 0 : values.size() / names.size(); }  ///< points in time
  /// The named columns, or all. Throws BadFile also if no rows are left.
  static Series from(const Csv& table, const std::vector<std::string>& columns = {}, Missing missing = Missing::error);
};
/// What a window sees and forecasts.
struct WindowOptions {
  std::int64_t length = 0;                ///< steps seen
  std::int64_t horizon = 1;               ///< steps to forecast, right behind them
  std::int64_t stride = 1;                ///< rows from one window to the next
  std::vector<std::size_t> targets = {};  ///< columns to forecast; empty: all
  std::size_t begin = 0;                  ///< first row that windows may touch: splits by time do not leak
  std::size_t end = 0;                    ///< row behind the last they may touch; 0: all
};

/// Windows over a series. Keeps a reference to it.
class VOLUTE_API Windows {
 public:
  /// Throws InvalidGraph on an option out of range or if not one window fits.
  Windows(const Series& series, WindowOptions options);
  std::size_t count() const { return count_; }  ///< how many windows fit
  /// Windows side by side.
  struct Forecast {
    std::vector<float> x;  ///< [length, N, C]
    std::vector<float> y;  ///< [horizon, N, targets]
  };
  /// The windows `rows` side by side, N = rows.size().
  Forecast batch(std::span<const std::size_t> rows) const;

 private:
  const Series* series_;
  WindowOptions options_;
  std::size_t count_ = 0;
};

/// Texts and their classes, from two columns of a table.
struct VOLUTE_API Labelled {
  std::vector<std::string> texts;     ///< one a row
  std::vector<std::uint32_t> labels;  ///< index in `classes`
  std::vector<std::string> classes;   ///< sorted, or as given
  /// With `classes` (those of the training data) any other label is a BadFile.
  static Labelled from(const Csv& table, const std::string& text = "text", const std::string& label = "label",
                       std::vector<std::string> classes = {});
};

// Prefetching. -----------------------------------------------------------------------------------------------

/// A thread that keeps up to `depth` results ready; the part of Prefetcher that knows no type.
class VOLUTE_API PrefetchThread {
 public:
  PrefetchThread(std::function<std::shared_ptr<void>()> make, std::size_t depth);  ///< `make` returns null at the end
  ~PrefetchThread();
  PrefetchThread(const PrefetchThread&) = delete;
  PrefetchThread& operator=(const PrefetchThread&) = delete;
  std::shared_ptr<void> next();  ///< waits for the next result

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

/// Calls `make` on a thread of its own and keeps up to `depth` results ready, in order, so that preparing a batch
/// costs no time while the device works. `make` returns nothing at the end; what it throws, next() throws after
/// the results before it. `make` must not touch a Program. The destructor waits for a call under way.
template <class T>
class Prefetcher {
 public:
  /// Throws InvalidGraph if there is no `make` or depth is 0.
  explicit Prefetcher(std::function<std::optional<T>()> make, std::size_t depth = 2)
      : thread_(make ? std::function<std::shared_ptr<void>()>([make]() -> std::shared_ptr<void> {
          std::optional<T> value = make();
          return value ? std::make_shared<T>(std::move(*value)) : nullptr;
        }) : nullptr, depth) {}
  /// The next result; nothing, now and ever after, at the end. Waits for it if it is not ready.
  std::optional<T> next() {
    const auto value = std::static_pointer_cast<T>(thread_.next());
    return value ? std::optional<T>(std::move(*value)) : std::nullopt;
  }

 private:
  PrefetchThread thread_;
};

}  // namespace volute::data
