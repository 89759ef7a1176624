// Holds the budgets and directions of the design over the whole tree, and shows on made-up files that each
// rule can fail.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/lint/rules.hpp"

namespace lint {
namespace {

namespace fs = std::filesystem;

const std::vector<File>& project() {
  static const std::vector<File> files = [] {
    std::vector<File> read;
    const fs::path root = VOLUTE_SOURCE_DIR;
    for (const char* folder : {"include", "engine", "shaders", "samples", "tools", "tests", "cmake"}) {
      if (!fs::exists(root / folder)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
        const std::string path = fs::relative(entry.path(), root).generic_string();
        if (!entry.is_regular_file() || (!is_cpp(path) && !is_shader(path))) continue;
        std::ifstream file(entry.path(), std::ios::binary);
        read.push_back({path, {std::istreambuf_iterator<char>(file), {}}});
      }
    }
    std::sort(read.begin(), read.end(), [](const File& a, const File& b) { return a.path < b.path; });
    return read;
  }();
  return files;
}

std::string joined(const Violations& violations) {
  std::string text;
  for (const std::string& violation : violations) text += violation + "\n";
  return text;
}

std::string lines(int count) {
  std::string text = "// A file.\n";
  for (int i = 1; i < count; ++i) text += "int a" + std::to_string(i) + ";\n";
  return text;
}

std::string function_of(int count) {
  std::string text = "void f(int a) {\n";
  for (int i = 2; i < count; ++i) text += "  a += 1;\n";
  return text + "}\n";
}

TEST(Project, IsFound) {
  EXPECT_GT(project().size(), 20u);
  EXPECT_TRUE(std::any_of(project().begin(), project().end(),
                          [](const File& file) { return file.path == "include/volute/graph.hpp"; }));
}

TEST(Project, IncludesKeepTheirDirections) {
  for (const File& file : project()) EXPECT_EQ(joined(include_violations(file)), "");
}

TEST(Project, TextsAreClean) {
  for (const File& file : project()) EXPECT_EQ(joined(text_violations(file)), "");
}

TEST(Project, PublicNamesAreExported) {
  for (const File& file : project()) EXPECT_EQ(joined(export_violations(file)), "");
}

TEST(Project, FilesStayInBudget) { EXPECT_EQ(joined(size_violations(project())), ""); }

TEST(Project, FunctionsStayInBudget) { EXPECT_EQ(joined(function_violations(project())), ""); }

int includes_break(const std::string& path, const std::string& included) {
  return static_cast<int>(include_violations({path, "// A file.\n#include " + included + "\n"}).size());
}

TEST(Rules, IncludeDirections) {
  EXPECT_EQ(includes_break("samples/a/main.cpp", "\"engine/graph/node.hpp\""), 1);
  EXPECT_EQ(includes_break("samples/a/main.cpp", "\"samples/a/main.hpp\""), 0);
  EXPECT_EQ(includes_break("samples/a/main.cpp", "<volute/volute.hpp>"), 0);
  EXPECT_EQ(includes_break("engine/nn/lstm.cpp", "\"engine/graph/node.hpp\""), 1);
  EXPECT_EQ(includes_break("engine/nn/lstm.cpp", "\"engine/nn/init.hpp\""), 0);
  EXPECT_EQ(includes_break("engine/c/graph.cpp", "\"engine/graph/node.hpp\""), 1);
  EXPECT_EQ(includes_break("engine/c/graph.cpp", "\"engine/c/guard.hpp\""), 0);
  EXPECT_EQ(includes_break("tools/a.h", "\"engine/graph/node.hpp\""), 1);
  EXPECT_EQ(includes_break("engine/graph/node.cpp", "\"engine/vulkan/context.hpp\""), 1);
  EXPECT_EQ(includes_break("engine/graph/node.cpp", "\"engine/environment.hpp\""), 1);
  EXPECT_EQ(includes_break("engine/vulkan/context.cpp", "\"engine/environment.hpp\""), 0);
  EXPECT_EQ(includes_break("engine/vulkan/context.cpp", "\"engine/compile/program.hpp\""), 1);
  EXPECT_EQ(includes_break("engine/compile/program.cpp", "\"engine/kernels/matmul.hpp\""), 0);
  EXPECT_EQ(includes_break("engine/compile/program.cpp", "\"engine/io/file.hpp\""), 1);
  EXPECT_EQ(includes_break("engine/kernels/matmul.cpp", "\"engine/compile/program.hpp\""), 1);
  EXPECT_EQ(includes_break("engine/environment.cpp", "\"engine/environment.hpp\""), 0);
  EXPECT_EQ(includes_break("tests/unit/a_test.cpp", "\"engine/graph/node.hpp\""), 0);
}

TEST(Rules, VulkanHeaders) {
  EXPECT_EQ(includes_break("engine/kernels/matmul.cpp", "<volk.h>"), 1);
  EXPECT_EQ(includes_break("include/volute/device.hpp", "<vulkan/vulkan.h>"), 1);
  EXPECT_EQ(includes_break("include/volute/interop.hpp", "<vulkan/vulkan.h>"), 0);
  EXPECT_EQ(includes_break("engine/vulkan/context.hpp", "<volk.h>"), 0);
  EXPECT_EQ(includes_break("samples/embed/main.cpp", "<vulkan/vulkan.h>"), 0);
  EXPECT_EQ(includes_break("tools/volute.cpp", "<vulkan/vulkan.h>"), 1);
}

TEST(Rules, Texts) {
  const auto count = [](const std::string& path, const std::string& text) {
    return text_violations({path, text}).size();
  };
  EXPECT_EQ(count("engine/a.cpp", "// A file.\nint a;\n"), 0u);
  EXPECT_EQ(count("engine/a.cpp", "int a;\n"), 1u);
  EXPECT_EQ(count("engine/a.cpp", std::string("// A file. TO") + "DO later\n"), 1u);
  EXPECT_EQ(count("shaders/a.comp", std::string("// A kernel. FIX") + "ME\n"), 1u);
  EXPECT_EQ(count("engine/a.cpp", "// A file.\nauto a = std::getenv(\"A\");\n"), 1u);
  EXPECT_EQ(count("engine/a.cpp", "// A file, getenv.\nauto a = \"getenv\";\n"), 0u);
  EXPECT_EQ(count("engine/environment.cpp", "// A file.\nauto a = std::getenv(\"A\");\n"), 0u);
  EXPECT_EQ(count("engine/vulkan/a.cpp", "// A file.\nauto a = vkCreateBuffer(device);\n"), 1u);
  EXPECT_EQ(count("engine/vulkan/a.cpp", "// A file.\nauto a = fn.vkCreateBuffer(b);\n"), 0u);
  EXPECT_EQ(count("tests/unit/a_test.cpp", "// A file.\nauto a = vkCreateBuffer(device);\n"), 0u);
}

TEST(Rules, Exports) {
  const auto count = [](const std::string& text) { return export_violations({"include/volute/a.hpp", text}).size(); };
  EXPECT_EQ(count("VOLUTE_API int f(int a,\n                 int b);\nclass VOLUTE_API A {\n  int f();\n};\n"), 0u);
  EXPECT_EQ(count("int f(int a);\n"), 1u);
  EXPECT_EQ(count("class A : public B {\n  int f();\n};\n"), 1u);
  EXPECT_EQ(count("class A;\nstruct B {\n  B() = default;\n};\n// f()\nusing F = void(int);\n"), 0u);
  EXPECT_EQ(count("template <class T>\nclass A {\n};\ntemplate <class T>\nvoid f(T);\n"), 0u);
  EXPECT_TRUE(export_violations({"engine/a.hpp", "int f(int a);\n"}).empty());
}

TEST(Rules, Sizes) {
  const File small{"engine/small.cpp", lines(149)};
  EXPECT_TRUE(size_violations({small, {"engine/a.cpp", lines(600)}}).empty());
  EXPECT_EQ(size_violations({small, {"engine/a.cpp", lines(601)}}).size(), 1u);
  EXPECT_EQ(size_violations({small, {"engine/a.cpp", lines(150)}, {"engine/b.cpp", lines(150)}}).size(), 1u);
  EXPECT_TRUE(size_violations({{"shaders/a.comp", lines(199)}}).empty());
  EXPECT_EQ(size_violations({{"shaders/a.comp", lines(200)}}).size(), 1u);
  EXPECT_TRUE(size_violations(std::vector<File>(12, {"include/volute/a.hpp", lines(2)})).empty());
  EXPECT_EQ(size_violations(std::vector<File>(13, {"include/volute/a.hpp", lines(2)})).size(), 1u);
  EXPECT_EQ(size_violations(std::vector<File>(13, {"include/volute/a.h", lines(2)})).size(), 1u);
}

TEST(Rules, Functions) {
  const auto check = [](const std::string& text) { return function_violations({{"engine/a.cpp", text}}); };
  std::string many;
  for (int i = 0; i < 9; ++i) many += function_of(39);
  EXPECT_TRUE(check(many + function_of(80)).empty());
  EXPECT_EQ(check(many + function_of(81)).size(), 1u);
  EXPECT_EQ(check(many + function_of(40) + function_of(40)).size(), 1u);
  EXPECT_EQ(check(many + "namespace a {\nclass B {\n public:\n" + function_of(81) + "};\n}\n").size(), 1u);
}

TEST(Reader, FindsFunctionsAndNothingElse) {
  const std::string text = R"code(// A file with { braces } in comments.
#define MACRO(a) {
namespace a {
struct Table {
  int rows[2] = {1, 2};
  std::vector<int> more{3, (4)};
  explicit Table(int a) : first_{a}, second_(a) {
    use("} \" {", '{', R"(})");
  }
  template <class T, class U = std::pair<int, T>>
  void each(T visit) const {
    for (int i = 0; i < 1'000; ++i) {
      visit([&] { return i; });
    }
  }
};
enum class Kind { one, two };
const int list[] = {f(1), f(2)};
Table make(int a,
           int b) {
  return Table{a + b};
}
}  // namespace a
)code";
  const auto found = functions_in(text);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].line, 7);
  EXPECT_EQ(found[0].lines, 3);
  EXPECT_EQ(found[1].line, 11);
  EXPECT_EQ(found[1].lines, 5);
  EXPECT_EQ(found[2].line, 19);
  EXPECT_EQ(found[2].lines, 4);
}

}  // namespace
}  // namespace lint
