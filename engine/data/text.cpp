// Text as tokens: reads files, finds the vocabulary, splits off the validation part.
// Invariant: a token is the index of its byte in the sorted vocabulary, so two texts of the same bytes
// agree on every token whatever order the bytes come in.
#include <array>

#include <volute/graph.hpp>
#include <volute/data.hpp>

#include "engine/data/file.hpp"

namespace volute::data {
namespace {

unsigned index_of(char byte) { return static_cast<unsigned char>(byte); }

}  // namespace

Text Text::load(const std::vector<std::string>& paths) {
  if (paths.empty()) throw BadFile("no text file was named");
  std::string text;
  for (const std::string& path : paths) text += read_file(path, max_file_bytes - text.size());
  return from_string(text);
}

Text Text::from_string(std::string_view text) {
  if (text.empty()) throw BadFile("the text is empty");
  if (text.size() > max_file_bytes)
    throw BadFile("the text is too large: the limit is " + std::to_string(max_file_bytes) + " bytes");
  std::array<bool, 256> occurs{};
  for (char byte : text) occurs[index_of(byte)] = true;

  Text result;
  std::array<std::uint32_t, 256> token{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (!occurs[byte]) continue;
    token[byte] = static_cast<std::uint32_t>(result.vocabulary_.size());
    result.vocabulary_.push_back(static_cast<char>(byte));
  }
  const std::size_t train = text.size() - text.size() / 10;
  result.train_.reserve(train);
  result.validation_.reserve(text.size() - train);
  for (char byte : text.substr(0, train)) result.train_.push_back(token[index_of(byte)]);
  for (char byte : text.substr(train)) result.validation_.push_back(token[index_of(byte)]);
  return result;
}

int Text::token(char byte) const {
  const std::size_t at = vocabulary_.find(byte);
  return at == std::string::npos ? -1 : static_cast<int>(at);
}

std::string Text::decode(const std::vector<std::uint32_t>& tokens) const {
  std::string text;
  text.reserve(tokens.size());
  for (std::uint32_t token : tokens) {
    if (token >= vocabulary_.size())
      throw InvalidGraph("decode: token " + std::to_string(token) + " is outside a vocabulary of " +
                         std::to_string(vocabulary_.size()));
    text.push_back(vocabulary_[token]);
  }
  return text;
}

}  // namespace volute::data
