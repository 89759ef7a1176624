// README.md against the code: the program in it is samples/quickstart.cpp, which is built and run; the files,
// options and commands it names exist.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

namespace {

namespace fs = std::filesystem;

const fs::path root = VOLUTE_SOURCE_DIR;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

/// From the first include on: what comes before is a comment of the file.
std::string program_of(const std::string& source) { return source.substr(source.find("#include")); }

/// The n-th block of C++ in the README.
std::string cpp_block(int n) {
  const std::string text = read(root / "README.md");
  std::size_t begin = 0;
  for (int i = 0; i <= n; ++i) begin = text.find("```cpp\n", begin) + 7;
  return text.substr(begin, text.find("```\n", begin) - begin);
}

TEST(Readme, ProgramIsTheSample) { EXPECT_EQ(cpp_block(0), program_of(read(root / "samples" / "quickstart.cpp"))); }

/// Runs the sample until it has printed one line, and stops it: three thousand steps are not needed to know.
std::string first_line_of_sample(const fs::path& text) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    fs::current_path(text.parent_path());
    execlp("stdbuf", "stdbuf", "-oL", QUICKSTART_PATH, text.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  close(ends[1]);
  std::string line;
  for (char c; ::read(ends[0], &c, 1) == 1 && c != '\n';) line += c;
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(ends[0]);
  return line;
}

TEST(Readme, ProgramRuns) {
  const fs::path folder = fs::path(testing::TempDir()) / "volute_readme";
  fs::create_directories(folder);
  std::ofstream text(folder / "text");
  for (int i = 0; i < 100; ++i) text << "the quick brown fox jumps over the lazy dog.\n";
  text.close();
  std::istringstream line(first_line_of_sample(folder / "text"));
  int step = -1;
  double loss = 0;
  line >> step >> loss;
  EXPECT_EQ(step, 0) << line.str();
  EXPECT_NEAR(loss, std::log(29.0), 0.3) << "29 characters, and nothing learnt yet";
  fs::remove_all(folder);
}

std::set<std::string> matches(const std::string& text, const char* pattern) {
  const std::regex expression(pattern);
  std::set<std::string> found;
  for (auto i = std::sregex_iterator(text.begin(), text.end(), expression); i != std::sregex_iterator(); ++i)
    found.insert((*i)[1]);
  return found;
}

TEST(Readme, PathsExist) {
  for (const char* document : {"README.md", "docs/decisions.md"}) {
    const auto paths = matches(read(root / document),
                               "`((?:include|engine|shaders|samples|tests|tools|scripts|docs|cmake)/[\\w./]*)`");
    EXPECT_FALSE(paths.empty());
    for (const std::string& path : paths) EXPECT_TRUE(fs::exists(root / path)) << document << " names " << path;
  }
}

TEST(Readme, OptionsExist) {
  std::string options;
  for (const char* sample : {"char_lm", "live_sketch"}) options += read(root / "samples" / sample / "options.cpp");
  for (const auto& command : fs::directory_iterator(root / "tools" / "commands")) options += read(command.path());
  const std::regex of_others("(cmake|ctest|pkg-config) --[^\n`]*");
  const std::string readme = std::regex_replace(read(root / "README.md"), of_others, "");
  for (const std::string& option : matches(readme, "\\s(--[a-z][a-z-]+)"))
    EXPECT_TRUE(option == "--help" || options.find("\"" + option + "\"") != std::string::npos) << option;
}

}  // namespace
