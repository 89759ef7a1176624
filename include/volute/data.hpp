// Text as training data: characters, a vocabulary, and contiguous streams for truncated BPTT.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace volute::data {

/// One batch: x[t, n] and the character after it y[t, n]; both [T, N], row-major.
struct Batch {
  std::vector<std::uint32_t> x, y;
};

/// Byte-level text with the vocabulary of the bytes that occur, split into 90 % training, 10 % validation.
class Text {
 public:
  /// Throws BadFile naming the file if one is missing, unreadable or empty.
  static Text load(const std::vector<std::string>& paths);
  /// Throws BadFile if `text` is empty.
  static Text from_string(std::string_view text);

  /// Sorted distinct bytes; index in it is the token.
  const std::string& vocabulary() const { return vocabulary_; }
  std::int64_t vocab() const { return static_cast<std::int64_t>(vocabulary_.size()); }
  const std::vector<std::uint32_t>& train() const { return train_; }
  const std::vector<std::uint32_t>& validation() const { return validation_; }
  /// Token of a byte, or -1 if it does not occur.
  int token(char byte) const;
  std::string decode(const std::vector<std::uint32_t>& tokens) const;

 private:
  std::string vocabulary_;
  std::vector<std::uint32_t> train_, validation_;
};

/// N parallel contiguous streams over tokens, cut in pieces of T: piece i+1 continues piece i in each
/// stream, so recurrent state may be carried. Wraps around at the end.
class Streams {
 public:
  /// Throws BadFile if there are fewer than N*(T+1) tokens.
  Streams(const std::vector<std::uint32_t>& tokens, std::int64_t T, std::int64_t N);
  /// Pieces before the streams start over.
  std::int64_t pieces() const { return pieces_; }
  /// Batch i; i % pieces() == 0 is the start of the streams (reset carried state there).
  Batch batch(std::int64_t i) const;

 private:
  const std::vector<std::uint32_t>* tokens_;
  std::int64_t T_, N_, stride_, pieces_;
};

}  // namespace volute::data
