// The embedded shaders and textual inclusion. A file is included once however often it is named, so
// shared code may include what it needs.
#include "engine/vulkan/shader_text.hpp"

#include <algorithm>
#include <set>
#include <sstream>

#include "engine/vulkan/embedded.hpp"
#include "engine/vulkan/glsl.hpp"
#include "volute/graph.hpp"

namespace volute::vk {
namespace {

/// The path in `#include "path"`, or empty if the line is something else.
std::string included_path(const std::string& line) {
  const auto start = line.find_first_not_of(" \t");
  if (start == std::string::npos || line.compare(start, 8, "#include") != 0) return "";
  const auto open = line.find('"', start);
  const auto close = line.find('"', open + 1);
  if (open == std::string::npos || close == std::string::npos) throw Error("malformed shader line: " + line);
  return line.substr(open + 1, close - open - 1);
}

void append(std::string_view text, std::set<std::string>& seen, std::string& out) {
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const std::string path = included_path(line);
    if (path.empty())
      out += line + '\n';
    else if (seen.insert(path).second)
      append(embedded_shader(path), seen, out);
  }
}

}  // namespace

std::string resolve_includes(const std::string& source) {
  if (source.find("#include") == std::string::npos) return source;
  std::set<std::string> seen;
  std::string out;
  append(source, seen, out);
  return out;
}

std::string_view embedded_shader(std::string_view path) {
  for (const EmbeddedFile& file : embedded_shaders())
    if (path == file.path) return file.text;
  throw Error("no embedded shader " + std::string(path));
}

std::vector<std::string_view> embedded_shader_paths() {
  std::vector<std::string_view> paths;
  for (const EmbeddedFile& file : embedded_shaders()) paths.emplace_back(file.path);
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace volute::vk
