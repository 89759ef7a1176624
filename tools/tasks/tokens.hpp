// Text as tokens: each byte, or each word.
// Invariant: token i is the i-th entry of the vocabulary, which a model's file keeps.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>
#include <volute/io.hpp>

namespace volute::tool {

class Tokens {
 public:
  enum class Kind { characters, words };
  /// Distinct entries, in order.
  Tokens(Kind kind, std::vector<std::string> entries);
  /// From a file's metadata. Throws BadFile.
  static Tokens restore(Kind kind, const io::Metadata& metadata);
  /// Entries "vocabulary", bytes written as the code points of the same number, so that any text keeps metadata UTF-8.
  void describe(io::Metadata& metadata) const;

  static Tokens characters(const std::string& bytes);
  static Tokens words(const std::vector<std::vector<std::string>>& texts, std::int64_t min_count, std::int64_t most);

  std::int64_t size() const { return static_cast<std::int64_t>(entries_.size()); }
  /// Words that are not there are <unk>. Throws Mistake beginning with `what` for a character that is not.
  std::vector<std::uint32_t> encode(std::string_view text, const std::string& what) const;
  std::vector<std::uint32_t> encode(const std::vector<std::string>& words) const;
  std::string decode(const std::vector<std::uint32_t>& tokens) const;
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
  std::vector<std::string> entries_;
  std::unordered_map<std::string, std::uint32_t> index_;
};

}  // namespace volute::tool
