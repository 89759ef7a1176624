// Vocabularies, and their way into metadata and back.
#include "tools/tasks/tokens.hpp"

#include <cctype>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <volute/data.hpp>

#include "tools/mistake.hpp"

namespace volute::tool {
namespace {

std::string to_code_points(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) text += c;
    else (text += static_cast<char>(0xc0 | byte >> 6)) += static_cast<char>(0x80 | (byte & 0x3f));
  }
  return text;
}

std::string from_code_points(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) bytes += text[i];
    else if ((lead == 0xc2 || lead == 0xc3) && i + 1 < text.size())
      bytes += static_cast<char>((lead & 3) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3f));
    else throw BadFile("its metadata's 'vocabulary' has characters beyond 255");
  }
  return bytes;
}

std::string shown(char c) {
  const auto byte = static_cast<unsigned char>(c);
  char text[32];
  std::snprintf(text, sizeof text, std::isprint(byte) ? "'%c'" : "byte 0x%02x", byte);
  return text;
}

bool is_closing(const std::string& word) {
  return word.size() == 1 && std::string_view(".,;:!?)]}'").find(word[0]) != std::string_view::npos;
}

}  // namespace

Tokens::Tokens(Kind kind, std::vector<std::string> entries) : kind_(kind), entries_(std::move(entries)) {
  for (const std::string& entry : entries_) index_.emplace(entry, static_cast<std::uint32_t>(index_.size()));
  if (entries_.empty() || index_.size() != entries_.size())
    throw BadFile("its metadata's 'vocabulary' has an entry twice, or none");
  for (const std::string& entry : entries_)
    if (entry.empty() || (kind == Kind::characters && entry.size() != 1))
      throw BadFile("its metadata's 'vocabulary' has an entry that is no " +
                    std::string(kind == Kind::characters ? "byte" : "word"));
  if (kind == Kind::words && entries_.size() < 2) throw BadFile("its metadata's 'vocabulary' lacks <pad> and <unk>");
}

Tokens Tokens::restore(Kind kind, const io::Metadata& metadata) {
  const auto found = metadata.find("vocabulary");
  if (found == metadata.end()) throw BadFile("its metadata has no 'vocabulary'");
  const auto json = nlohmann::json::parse(found->second, nullptr, /*allow_exceptions=*/false);
  std::vector<std::string> entries;
  if (!json.is_array()) throw BadFile("its metadata's 'vocabulary' is no list");
  for (const auto& entry : json) {
    if (!entry.is_string()) throw BadFile("its metadata's 'vocabulary' has an entry that is no text");
    entries.push_back(from_code_points(entry.get_ref<const std::string&>()));
  }
  return Tokens(kind, std::move(entries));
}

void Tokens::describe(io::Metadata& metadata) const {
  nlohmann::json list = nlohmann::json::array();
  for (const std::string& entry : entries_) list.push_back(to_code_points(entry));
  metadata["vocabulary"] = list.dump();
}

Tokens Tokens::characters(const std::string& bytes) {
  std::vector<std::string> entries;
  for (const char c : bytes) entries.emplace_back(1, c);
  return Tokens(Kind::characters, std::move(entries));
}

Tokens Tokens::words(const std::vector<std::vector<std::string>>& texts, std::int64_t min_count, std::int64_t most) {
  const auto built = data::Vocabulary::build(texts, {.min_count = min_count, .max_size = most});
  std::vector<std::string> entries;
  for (std::int64_t i = 0; i < built.size(); ++i) entries.push_back(built.word(static_cast<std::uint32_t>(i)));
  return Tokens(Kind::words, std::move(entries));
}

std::vector<std::uint32_t> Tokens::encode(const std::vector<std::string>& words) const {
  std::vector<std::uint32_t> tokens;
  for (const std::string& word : words) {
    const auto found = index_.find(word);
    tokens.push_back(found == index_.end() ? data::Vocabulary::unknown : found->second);
  }
  return tokens;
}

std::vector<std::uint32_t> Tokens::encode(std::string_view text, const std::string& what) const {
  if (kind_ == Kind::words) return encode(data::words(text));
  std::vector<std::uint32_t> tokens;
  for (const char c : text) {
    const auto found = index_.find(std::string(1, c));
    if (found == index_.end()) throw Mistake(what + ": the model's vocabulary has no " + shown(c));
    tokens.push_back(found->second);
  }
  return tokens;
}

std::string Tokens::decode(const std::vector<std::uint32_t>& tokens) const {
  std::string text;
  for (const std::uint32_t token : tokens) {
    const std::string& entry = entries_.at(token);
    if (kind_ == Kind::words && !text.empty() && !is_closing(entry)) text += ' ';
    text += entry;
  }
  return text;
}

}  // namespace volute::tool
