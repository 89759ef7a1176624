// Every command of README.md, of the guide and of the recipes runs, in a scratch folder that looks like a clone that was
// built: lines of shell blocks, and inline code that begins as a command does. What would recurse, install or take
// minutes runs in the shorter form that stands in the table, with the reason. A command it does not know is a failure.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "tests/support/markdown.hpp"
#include "tests/support/shell.hpp"

namespace {

namespace fs = std::filesystem;

const fs::path root = VOLUTE_SOURCE_DIR;

struct Rule {
  const char* command;  ///< expression for the whole of it
  const char* form;     ///< what is run instead; $& is the command itself
  const char* reason;   ///< why it is not run as it stands
};

// The first that fits. In the scratch folder, scripts find stubs of cmake, which does nothing, and ctest, which lists.
const Rule rules[] = {
    {R"((VOLUTE_\w+=\S* )*build/release/samples/(char_lm|embed)( .*)?)", "$&", ""},
    {R"(build/release/samples/live_sketch --headless .*)", "$&", ""},
    {R"(build/release/samples/\w+ --out \S+.*)", "$& --help", "minutes; the tests recipe_* run them for three steps"},
    {R"(build/release/samples/live_sketch)",
     "if command -v xvfb-run; then xvfb-run -a -s '-screen 0 1400x900x24' $& --frames 10; else "
     "$& --headless --frames 10; fi",
     "its window stays until it is closed; without a virtual display it draws off screen"},
    {R"(build/release/tools/volute selfcheck)", "$& --only 'random numbers'", "all parts take minutes: cli_selfcheck"},
    {R"(build/release/tools/volute (?!selfcheck$).*)", "$&", ""},
    {R"(mpirun -n \d (volute .*))", "PATH=$PWD/build/release/tools:$PATH mpirun -n 2 $1 --set training.epochs=1",
     "more ranks than processors take longer"},
    {R"(mpirun -n \d build/release/samples/(?!char_lm)\w+)", "$& --quick", "minutes, without"},
    {R"(mpirun .*)", "$&", ""},
    {R"(volute .*)", "PATH=$PWD/build/release/tools:$PATH $&", "it is installed into the PATH"},
    {R"((\./)?scripts/demo( .*)?)", "PATH=$PWD/stubs:$PATH $& --steps 3 --hidden 16 --embed 8 --sample-length 20",
     "trains for minutes; what it would build is built"},
    {R"((\./)?scripts/test( .*)?)", "PATH=$PWD/stubs:$PATH $&", "would build and run this test: the tests are listed"},
    {R"((\./)?scripts/recipes( .*)?)", "PATH=$PWD/stubs:$PATH ./scripts/test -R recipe_",
     "trains for half an hour; the tests recipe_* make three steps of each"},
    {R"((\./)?scripts/bench( .*)?)", "PATH=$PWD/stubs:$PATH ./scripts/bench --no-peer --help",
     "minutes, and it installs PyTorch; bench_quick measures"},
    {R"((\./)?scripts/fuzz( .*)?)", "! ./scripts/fuzz soon > fuzz.log 2>&1 && grep usage fuzz.log",
     "installs clang and builds with it; the tests fuzz_* run what was kept"},
    {R"((\./)?scripts/docs)", "$&", ""},
    {R"(cmake -B build (.*))", "cmake -S clone -B configured -G Ninja $1 > configured.log", "elsewhere"},
    {R"(cmake --build build && cmake --install build --prefix /opt/volute)",
     "cmake --install build/release --prefix installed > installed.log",
     "the engine is built; the packages' tests build against what is installed"},
    {R"(c\+\+ .*)", "export PKG_CONFIG_PATH=$(dirname $(find $PWD/installed -name volute.pc)) && $& $FLAGS_OF_BUILD -o app",
     "sanitizers of the build, if it has some, are linked"},
    {R"(cmake --preset release -D(\w+)=\S+)", "grep -q '^$1:' build/release/CMakeCache.txt",
     "would configure the build this test is part of"},
    {R"(cmake --preset (\w+))", "cd clone && cmake --list-presets | grep -q '\"$1\"'", "minutes, another build"},
    {R"(cmake --build --preset (\w+))", "cd clone && cmake --build --list-presets | grep -q '\"$1\"'",
     "minutes, another build"},
    {R"(ctest --preset (\w+))", "cd clone && ctest --list-presets | grep -q '\"$1\"'", "all tests, once more"},
};

/// What to run for a command; empty if no rule knows it.
std::string form_of(const std::string& command) {
  for (const Rule& rule : rules) {
    const std::regex pattern(rule.command);
    if (std::regex_match(command, pattern)) return std::regex_replace(command, pattern, rule.form);
  }
  return "";
}

struct Command {
  int line;
  std::string text;
};

std::string stripped(const std::string& line) {
  return std::regex_replace(std::regex_replace(line, std::regex("\\s+# .*$"), ""), std::regex("^\\s+|\\s+$"), "");
}

/// In the order of the document.
std::vector<Command> commands_of(const support::Document& document) {
  static const std::regex begins(R"(((\./)?scripts/\w|build/release/|(cmake|ctest|c\+\+|sudo|git|apt-get) ).*)");
  static const std::regex option_of_cmake("cmake --(build|install)");  // named, not told in full
  std::vector<Command> commands;
  for (const support::Block& block : document.blocks) {
    std::istringstream text(block.text);
    int line = block.line;
    for (std::string one; std::getline(text, one); ++line)
      if (block.language == "sh" && !stripped(one).empty()) commands.push_back({line, stripped(one)});
  }
  for (const support::Block& span : document.spans)
    if (std::regex_match(span.text, begins) && !std::regex_match(span.text, option_of_cmake))
      commands.push_back({span.line, span.text});
  std::stable_sort(commands.begin(), commands.end(), [](auto& a, auto& b) { return a.line < b.line; });
  return commands;
}

void write_stub(const fs::path& path, const std::string& what) {
  std::ofstream(path) << "#!/bin/sh\n" << what << "\n";
  fs::permissions(path, fs::perms::owner_all);
}

/// What a user has who cloned into this folder and built.
class Commands : public testing::TestWithParam<std::string> {
 protected:
  Commands() {
    fs::create_directories(folder_ / "build");
    fs::create_directories(folder_ / "stubs");
    fs::create_directory_symlink(BUILD_FOLDER, folder_ / "build" / "release");
    fs::create_directory_symlink(root, folder_ / "clone");
    for (const char* part : {"include", "docs", "samples", "CMakeLists.txt"})
      fs::create_symlink(root / part, folder_ / part);
    fs::copy(root / "scripts", folder_ / "scripts");
    fs::copy_file(root / "README.md", folder_ / "book.txt");
    std::ofstream(folder_ / "app.cpp") << "#include <volute/volute.hpp>\nint main() { volute::Graph graph; }\n";
    write_stub(folder_ / "stubs" / "cmake", "exit 0");
    write_stub(folder_ / "stubs" / "ctest", "exec " CTEST_PATH " -N \"$@\"");
  }
  ~Commands() override { fs::remove_all(folder_); }

  const fs::path folder_ = fs::path(testing::TempDir()) / ("volute_commands_" + std::to_string(::getpid()));
};

TEST_P(Commands, Run) {
  for (const auto& [line, command] : commands_of(support::markdown(root / GetParam()))) {
    SCOPED_TRACE(GetParam() + ":" + std::to_string(line) + ": " + command);
    const std::string form = form_of(command);
    if (!HAS_MPIRUN && command.starts_with("mpirun")) continue;
    if (form.empty()) {
      ADD_FAILURE() << "say in tests/e2e/commands_test.cpp how it is run";
      continue;
    }
    const support::Ran ran = support::run_shell(folder_, "( " + form + "\n) < /dev/null");
    EXPECT_EQ(ran.status, 0) << form << "\n" << ran.text;
  }
}

std::vector<std::string> documents() {
  std::vector<std::string> names{"README.md", "docs/coming_from.md", "docs/recipes.md"};
  for (const char* folder : {"docs/guide", "docs/recipes"})
    for (const auto& entry : fs::directory_iterator(root / folder))
      if (entry.path().extension() == ".md") names.push_back(folder + ("/" + entry.path().filename().string()));
  std::sort(names.begin(), names.end());
  return names;
}

std::string name_of(const testing::TestParamInfo<std::string>& document) {
  return std::regex_replace(document.param, std::regex("\\W"), "_");
}

INSTANTIATE_TEST_SUITE_P(Documents, Commands, testing::ValuesIn(documents()), name_of);

/// So that no command hides in a block of no language.
TEST(CommandsTest, BlocksSayWhatTheyAre) {
  const std::set<std::string> languages{"sh", "text", "cpp", "c", "cmake", "json", "python"};
  for (const std::string& document : documents())
    for (const support::Block& block : support::markdown(root / document).blocks)
      EXPECT_TRUE(languages.count(block.language)) << document << ":" << block.line << ": " << block.language;
}

TEST(CommandsTest, UnknownOnesAreFound) {
  EXPECT_EQ(form_of("build/release/tools/volute devices"), "build/release/tools/volute devices");
  EXPECT_EQ(form_of("rm -rf /"), "");
  EXPECT_EQ(form_of("scripts/release"), "");
  const support::Document document{{{"sh", "a --b    # why\n\nc\n", 3}, {"text", "d\n", 9}},
                                   {{"", "scripts/test", 1}, {"", "Tensor", 2}}};
  std::string found;
  for (const Command& command : commands_of(document)) found += std::to_string(command.line) + command.text + ";";
  EXPECT_EQ(found, "1scripts/test;3a --b;5c;");
}

}  // namespace
