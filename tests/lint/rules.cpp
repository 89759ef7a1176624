// The rules: directions of includes, leftovers, sizes. Each message starts with the file it is about.
#include "tests/lint/rules.hpp"

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace lint {
namespace {

bool starts(const std::string& text, const std::string& prefix) { return text.compare(0, prefix.size(), prefix) == 0; }

bool ends(const std::string& text, const std::string& suffix) {
  return text.size() >= suffix.size() && text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

/// "engine/graph" of engine/graph/node.hpp; "engine" of engine/environment.hpp; "samples" of samples/a/b.cpp.
std::string house_of(const std::string& path) {
  const auto first = path.find('/');
  if (path.substr(0, first) != "engine") return path.substr(0, first);
  const auto second = path.find('/', first + 1);
  return second == std::string::npos ? "engine" : path.substr(0, second);
}

/// What each house may include besides itself and include/. Houses that are not named may include anything.
const std::map<std::string, std::set<std::string>>& allowed() {
  static const std::map<std::string, std::set<std::string>> table = {
      {"include", {}},
      {"samples", {}},
      {"tools", {}},
      {"engine", {}},
      {"engine/nn", {}},
      {"engine/optim", {}},
      {"engine/data", {}},
      {"engine/io", {}},
      {"engine/c", {}},
      {"engine/graph", {}},
      {"engine/vulkan", {"environment"}},
      {"engine/kernels", {"engine/graph", "engine/vulkan"}},
      {"engine/compile", {"engine/graph", "engine/kernels", "engine/vulkan", "environment"}},
      {"engine/mpi", {"environment"}},
      {"engine/interchange", {"engine/graph", "engine/nn", "engine/io"}},
      {"engine/check", {"engine/nn", "engine/graph", "engine/kernels", "engine/vulkan", "engine/compile"}},
  };
  return table;
}

bool is_vulkan_header(const std::string& included) {
  return included == "volk.h" || starts(included, "vulkan/") || starts(included, "vk_");
}

int line_count(const std::string& text) {
  const auto breaks = std::count(text.begin(), text.end(), '\n');
  return static_cast<int>(breaks) + (!text.empty() && text.back() != '\n');
}

std::string at_line(const File& file, std::ptrdiff_t position) {
  const auto line = 1 + std::count(file.text.begin(), file.text.begin() + position, '\n');
  return file.path + ":" + std::to_string(line) + ": ";
}

void find_all(const File& file, const std::string& text, const std::regex& pattern, const std::string& complaint,
              Violations& out) {
  for (auto i = std::sregex_iterator(text.begin(), text.end(), pattern); i != std::sregex_iterator(); ++i)
    out.push_back(at_line(file, i->position()) + complaint + ": " + i->str());
}

}  // namespace

bool is_cpp(const std::string& path) {
  return ends(path, ".cpp") || ends(path, ".hpp") || ends(path, ".c") || ends(path, ".h");
}
bool is_shader(const std::string& path) { return ends(path, ".comp") || ends(path, ".glsl"); }

Violations include_violations(const File& file) {
  Violations out;
  const std::string house = house_of(file.path);
  const auto rule = allowed().find(house);
  if (!is_cpp(file.path) || rule == allowed().end()) return out;
  static const std::regex line("(?:^|\\n)[ \\t]*#[ \\t]*include[ \\t]*[<\"]([^>\"]+)[>\"]");
  for (auto i = std::sregex_iterator(file.text.begin(), file.text.end(), line); i != std::sregex_iterator(); ++i) {
    const std::string included = (*i)[1];
    // Samples that embed Volute are Vulkan applications themselves.
    const bool may_vulkan = house == "engine/vulkan" || house == "samples" || file.path == "include/volute/interop.hpp";
    if (is_vulkan_header(included) && !may_vulkan)
      out.push_back(file.path + ": includes the Vulkan header " + included);
    if (!starts(included, "engine/") && !starts(included, "tests/") && !starts(included, "samples/")) continue;
    const std::string target = included == "engine/environment.hpp" ? "environment" : house_of(included);
    const bool own = target == house || (house == "engine" && target == "environment");
    if (!own && !rule->second.count(target)) out.push_back(file.path + ": may not include " + included);
  }
  return out;
}

Violations text_violations(const File& file) {
  Violations out;
  if (!starts(file.text, "//")) out.push_back(file.path + ": does not open with a comment saying what it is");
  static const std::regex leftovers(
      "\\b(TO"
      "DO|FIX"
      "ME|XX"
      "X)\\b");
  find_all(file, file.text, leftovers, "leftover", out);
  if (!is_cpp(file.path)) return out;
  const std::string code = code_only(file.text);
  static const std::regex environment("\\bgetenv\\b");
  if (file.path != "engine/environment.cpp") find_all(file, code, environment, "only engine/environment.cpp asks", out);
  if (!starts(file.path, "engine/")) return out;
  static const std::regex device_call("(^|[^.\\w>])vk[A-Z]\\w*\\(");
  find_all(file, code, device_call, "Vulkan call outside the function tables", out);
  return out;
}

Violations export_violations(const File& file) {
  Violations out;
  if (!starts(file.path, "include/") || !ends(file.path, ".hpp")) return out;
  static const std::regex exportable("class \\w[^;]*\\{.*|(?!class |struct |enum |using |inline |template)\\w.*\\(.*");
  std::istringstream code(code_only(file.text));
  std::string line, previous;
  for (int number = 1; std::getline(code, line); ++number, previous = line) {
    const bool marked = starts(line, "VOLUTE_API ") || starts(line, "class VOLUTE_API ");
    if (std::regex_match(line, exportable) && !marked && !starts(previous, "template"))
      out.push_back(file.path + ":" + std::to_string(number) + ": not exported, without VOLUTE_API: " + line);
  }
  return out;
}

Violations size_violations(const std::vector<File>& files) {
  Violations out;
  int sources = 0, small = 0, headers = 0;
  for (const File& file : files) {
    const int lines = line_count(file.text);
    if (is_shader(file.path) && lines >= 200)
      out.push_back(file.path + ": a shader of " + std::to_string(lines) + " lines, 199 at most");
    headers += starts(file.path, "include/") && (ends(file.path, ".hpp") || ends(file.path, ".h"));
    if (!is_cpp(file.path)) continue;
    ++sources;
    small += lines < 150;
    if (lines > 600) out.push_back(file.path + ": " + std::to_string(lines) + " lines, 600 at most");
  }
  if (2 * small < sources)
    out.push_back("only " + std::to_string(small) + " of " + std::to_string(sources) + " files have under 150 lines");
  if (headers > 12) out.push_back(std::to_string(headers) + " public headers, 12 at most");
  return out;
}

Violations function_violations(const std::vector<File>& files) {
  Violations out;
  int functions = 0, small = 0;
  for (const File& file : files) {
    if (!is_cpp(file.path)) continue;
    for (const Function& function : functions_in(file.text)) {
      ++functions;
      small += function.lines < 40;
      if (function.lines > 80)
        out.push_back(file.path + ":" + std::to_string(function.line) + ": a function of " +
                      std::to_string(function.lines) + " lines, 80 at most");
    }
  }
  if (10 * small < 9 * functions)
    out.push_back("only " + std::to_string(small) + " of " + std::to_string(functions) +
                  " functions have under 40 lines");
  return out;
}

}  // namespace lint
