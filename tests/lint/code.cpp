// Just enough of a C++ reader for the lint rules: blanks what is not code and finds function bodies.
// Relies on clang-format's layout: a body's opening brace follows a space, an initialiser's does not.
#include <algorithm>
#include <cctype>

#include "tests/lint/rules.hpp"

namespace lint {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

/// Position after the literal, comment or preprocessor line that starts at `at`, or `at` if none does.
std::size_t skip(const std::string& text, std::size_t at) {
  const auto end_of = [&](const std::string& mark, std::size_t from) {
    const auto found = text.find(mark, from);
    return found == std::string::npos ? text.size() : found + mark.size();
  };
  const auto line_end = [&] { return std::min(text.find('\n', at), text.size()); };
  if (text.compare(at, 2, "//") == 0) return line_end();
  if (text.compare(at, 2, "/*") == 0) return end_of("*/", at + 2);
  if (text.compare(at, 2, "R\"") == 0 && (at == 0 || !is_word(text[at - 1]))) {
    const auto open = text.find('(', at);
    if (open != std::string::npos) return end_of(")" + text.substr(at + 2, open - at - 2) + "\"", open);
  }
  if (text[at] == '"' || (text[at] == '\'' && (at == 0 || !is_word(text[at - 1])))) {
    std::size_t i = at + 1;
    while (i < text.size() && text[i] != text[at]) i += text[i] == '\\' ? 2 : 1;
    return std::min(i + 1, text.size());
  }
  if (text[at] == '#') {
    std::size_t end = line_end();
    while (end < text.size() && text[end - 1] == '\\') end = std::min(text.find('\n', end + 1), text.size());
    return end;
  }
  return at;
}

bool starts_with_word(const std::string& text, const std::string& word) {
  return text.compare(0, word.size(), word) == 0 && (text.size() == word.size() || !is_word(text[word.size()]));
}

/// `head` without leading space, access labels and `template <...>`.
std::string trimmed(std::string head) {
  for (;;) {
    head.erase(0, std::min(head.find_first_not_of(" \t\n"), head.size()));
    bool changed = false;
    for (const std::string label : {"public:", "private:", "protected:"})
      if (head.compare(0, label.size(), label) == 0) {
        head.erase(0, label.size());
        changed = true;
      }
    if (starts_with_word(head, "template")) {
      std::size_t depth = 0, i = head.find('<');
      for (; i < head.size(); ++i) {
        depth += head[i] == '<';
        if (head[i] == '>' && --depth == 0) break;
      }
      head.erase(0, std::min(i + 1, head.size()));
      changed = true;
    }
    if (!changed) return head;
  }
}

enum class Scope { open, function, other };  // open: namespace or type, where functions are looked for

Scope scope_of(const std::string& head) {
  const std::string text = trimmed(head);
  if (starts_with_word(text, "namespace") || starts_with_word(text, "inline namespace")) return Scope::open;
  for (const char* word : {"class", "struct", "union", "enum", "extern"})
    if (starts_with_word(text, word) && text.find(')') == std::string::npos) return Scope::open;
  const bool body = !head.empty() && std::isspace(static_cast<unsigned char>(head.back()));
  const auto last = text.find_last_not_of(" \t\n");
  const bool assigned = last != std::string::npos && text[last] == '=';
  return body && !assigned && text.find('(') != std::string::npos ? Scope::function : Scope::other;
}

}  // namespace

std::string code_only(const std::string& text) {
  std::string code = text;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = skip(text, at);
    for (std::size_t i = at; i < end; ++i)
      if (code[i] != '\n') code[i] = ' ';
    at = std::max(end, at + 1);
  }
  return code;
}

std::vector<Function> functions_in(const std::string& text) {
  const std::string code = code_only(text);
  std::vector<Function> found;
  std::vector<Scope> scopes;
  std::size_t head = 0;   // start of what precedes the next brace
  std::size_t start = 0;  // of the function being read
  const auto line_of = [&](std::size_t at) {
    return 1 + static_cast<int>(std::count(code.begin(), code.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
  };
  for (std::size_t at = 0; at < code.size(); ++at) {
    const bool looking = scopes.empty() || scopes.back() == Scope::open;
    if (code[at] == '{') {
      const Scope scope = looking ? scope_of(code.substr(head, at - head)) : Scope::other;
      if (scope == Scope::function) start = at - trimmed(code.substr(head, at - head)).size();
      scopes.push_back(scope);
    } else if (code[at] == '}' && !scopes.empty()) {
      const Scope closed = scopes.back();
      scopes.pop_back();
      if (closed == Scope::function) found.push_back({line_of(start), line_of(at) - line_of(start) + 1});
      if (looking && closed == Scope::other) continue;
    }
    if (code[at] == ';' || code[at] == '{' || code[at] == '}') head = at + 1;
  }
  return found;
}

}  // namespace lint
