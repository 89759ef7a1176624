// Levenshtein distance with two rows of the table, and the error rates made of it.
// Invariant: rates sum edits and reference lengths over all pairs before they divide.

#include <algorithm>
#include <limits>
#include <numeric>

#include <volute/layers.hpp>

#include "engine/nn/check.hpp"

namespace volute::metrics {
namespace {

template <class T>
std::int64_t distance(std::span<const T> a, std::span<const T> b) {
  std::vector<std::int64_t> row(b.size() + 1);  // edits from the first i of a to each prefix of b
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::int64_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::int64_t substituted = diagonal + !(a[i] == b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> out;
  constexpr const char* space = " \t\r\n\v\f";
  for (std::size_t at = text.find_first_not_of(space); at != std::string::npos;) {
    const std::size_t end = std::min(text.find_first_of(space, at), text.size());
    out.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(space, end);
  }
  return out;
}

/// Code points as their bytes: continuation bytes join what they follow.
std::vector<std::string> characters(const std::string& text) {
  std::vector<std::string> out;
  for (char byte : text) {
    const bool continues = (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
    if (continues && !out.empty()) out.back() += byte;
    else out.emplace_back(1, byte);
  }
  return out;
}

template <class Split>
double error_rate(const char* name, std::span<const std::string> references, std::span<const std::string> hypotheses,
                  Split split) {
  if (references.size() != hypotheses.size())
    nn::refuse(name, std::to_string(hypotheses.size()) + " hypotheses for " + std::to_string(references.size()) +
                         " references");
  std::int64_t edits = 0, length = 0;
  for (std::size_t i = 0; i < references.size(); ++i) {
    const std::vector<std::string> reference = split(references[i]), hypothesis = split(hypotheses[i]);
    edits += distance(std::span(reference), std::span(hypothesis));
    length += static_cast<std::int64_t>(reference.size());
  }
  if (length == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(edits) / static_cast<double>(length);
}

}  // namespace

std::int64_t edit_distance(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  return distance(a, b);
}

double word_error_rate(std::span<const std::string> references, std::span<const std::string> hypotheses) {
  return error_rate("word_error_rate", references, hypotheses, words);
}

double character_error_rate(std::span<const std::string> references, std::span<const std::string> hypotheses) {
  return error_rate("character_error_rate", references, hypotheses, characters);
}

}  // namespace volute::metrics
