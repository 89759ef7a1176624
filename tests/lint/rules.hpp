// The house rules of the design as functions over file texts: each returns what breaks it, in words.
// Pure text in, text out, so that the rules themselves are tested on made-up files.
#pragma once

#include <string>
#include <vector>

namespace lint {

struct File {
  std::string path;  ///< below the project, with '/'
  std::string text;
};

struct Function {
  int line = 0;   ///< where its declaration starts
  int lines = 0;  ///< up to the closing brace
};

using Violations = std::vector<std::string>;

/// The text with comments, literals and preprocessor lines blanked out; lines keep their numbers.
std::string code_only(const std::string& text);
/// Functions at namespace or class depth of clang-formatted code, test bodies included.
std::vector<Function> functions_in(const std::string& text);

/// Who may include whom, and where Vulkan's headers may appear.
Violations include_violations(const File& file);
/// Opens with a comment; no leftover markers; getenv and bare Vulkan device calls only where they belong.
Violations text_violations(const File& file);
/// Every class with a body and every function of a public header that is not a template is exported.
Violations export_violations(const File& file);
/// No file over 600 lines and half under 150; shaders under 200; at most 12 public headers.
Violations size_violations(const std::vector<File>& files);
/// No function over 80 lines, nine in ten under 40.
Violations function_violations(const std::vector<File>& files);

bool is_cpp(const std::string& path);
bool is_shader(const std::string& path);

}  // namespace lint
