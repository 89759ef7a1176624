// Starting and watching the program; small data.
#include "tests/cli/process.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <iterator>
#include <thread>

namespace volute::test {
namespace {

namespace fs = std::filesystem;

constexpr auto patience = std::chrono::minutes(5);

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// In the child: nothing but system calls and exec.
[[noreturn]] void become(const fs::path& folder, const fs::path& base, const std::vector<std::string>& words,
                         const RunOptions& options, int terminal) {
  const auto to = [](const char* path, int flags, int file) { ::dup2(::open(path, flags, 0600), file); };
  to((base / "in").c_str(), O_RDONLY, 0);
  if (terminal >= 0) {
    ::dup2(terminal, 1);
    ::dup2(terminal, 2);
  } else {
    to((base / "err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 2);
    if (int ends[2]; options.no_reader && ::pipe(ends) == 0) {
      ::dup2(ends[1], 1);
      ::close(ends[0]);
    } else {
      to((base / "out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 1);
    }
  }
  ::unsetenv("NO_COLOR");
  for (const std::string& setting : options.environment) ::putenv(const_cast<char*>(setting.c_str()));
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  if (::chdir(folder.c_str()) == 0) ::execv(VOLUTE_PATH, argv.data());
  ::_exit(127);
}

/// What there is to read; nothing once the other side is closed.
void drain(int file, std::string& into) {
  char bytes[4096];
  for (pollfd wait{file, POLLIN, 0}; ::poll(&wait, 1, 0) > 0 && (wait.revents & POLLIN);) {
    const ssize_t count = ::read(file, bytes, sizeof bytes);
    if (count <= 0) return;
    into.append(bytes, static_cast<std::size_t>(count));
  }
}

}  // namespace

Cli::Cli() {
  const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
  base_ =
      fs::path(::testing::TempDir()) / ("volute_cli_" + std::string(info->name()) + "_" + std::to_string(::getpid()));
  folder_ = base_ / "work";
  fs::remove_all(base_);
  fs::create_directories(folder_);
}

Cli::~Cli() { fs::remove_all(base_); }

Result Cli::run(const std::vector<std::string>& arguments, const RunOptions& options) const {
  std::vector<std::string> words{"volute"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::ofstream(base_ / "in", std::ios::binary) << options.input;
  int ours = -1, theirs = -1;
  winsize size{24, 160, 0, 0};
  if (options.terminal && ::openpty(&ours, &theirs, nullptr, nullptr, &size) != 0) ADD_FAILURE() << "no terminal";
  const pid_t process = ::fork();
  if (process == 0) become(folder_, base_, words, options, theirs);
  if (theirs >= 0) ::close(theirs);
  const auto start = std::chrono::steady_clock::now();
  int status = 0;
  std::string shown;
  while (::waitpid(process, &status, WNOHANG) == 0) {
    if (ours >= 0) drain(ours, shown);
    if (options.watch) options.watch(process);
    if (std::chrono::steady_clock::now() - start > patience) {
      ADD_FAILURE() << "volute does not end";
      ::kill(process, SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  Result result{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), "", ""};
  if (ours >= 0) {
    drain(ours, shown);
    ::close(ours);
    result.out = shown;
  } else {
    result.out = options.no_reader ? "" : contents(base_ / "out");
    result.err = contents(base_ / "err");
  }
  // The tests run under the validation layer, which speaks on standard error.
  EXPECT_THAT(result.out + result.err, ::testing::Not(::testing::HasSubstr("volute: validation")));
  return result;
}

Result Cli::succeed(const std::vector<std::string>& arguments, const RunOptions& options) const {
  const Result result = run(arguments, options);
  EXPECT_EQ(result.status, 0) << ::testing::PrintToString(arguments) << "\n" << result.out << result.err;
  return result;
}

void Cli::write(const std::string& name, const std::string& text) const {
  std::ofstream(folder_ / name, std::ios::binary) << text;
}

std::string Cli::read(const std::string& name) const { return contents(folder_ / name); }

std::set<std::string> Cli::files() const {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder_))
    names.insert(fs::relative(entry.path(), folder_).string());
  return names;
}

void Cli::write_text(const std::string& name) const {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "the quick brown fox jumps over the lazy dog.\n";
  write(name, text);
}

void Cli::write_reviews(const std::string& name) const {
  std::string text = "text,label\n";
  const char* things[] = {"soup", "bread", "view", "staff", "music"};
  for (int i = 0; i < 60; ++i)
    text += "the " + std::string(things[i % 5]) + (i % 2 ? " was fine" : " was awful, really") +
            (i % 3 ? "" : " today") + (i % 2 ? ",good\n" : ",bad\n");
  // A comma within a text needs quotes.
  for (std::size_t at = 0; (at = text.find("the ", at)) != std::string::npos; at += 5) text.insert(at, "\"");
  for (const char* end : {",good\n", ",bad\n"})
    for (std::size_t at = 0; (at = text.find(end, at)) != std::string::npos; at += 5) text.insert(at, "\"");
  write(name, text);
}

void Cli::write_series(const std::string& name) const {
  std::string text = "time,wave,ramp\n";
  for (int i = 0; i < 120; ++i)
    text += std::to_string(i) + "," + std::to_string(std::sin(i * 0.5)) + "," + std::to_string(i % 10) + "\n";
  write(name, text);
}

std::string Cli::language_config(const std::string& training) {
  return R"({
  "language_model": {"text": ["text.txt"], "length": 8},
  "model": {"cell": "gru", "embedding": 4, "hidden": 6, "dropout": 0.1},
  "training": {"batch": 4, "lr": 0.01, )" +
         training + "}\n}\n";
}

std::string Cli::classification_config() {
  return R"({
  "classification": {"file": "reviews.csv", "length": 8},
  "model": {"cell": "lstm", "embedding": 4, "hidden": 5, "bidirectional": true},
  "training": {"batch": 8, "epochs": 6, "lr": 0.02, "early_stopping": 50}
}
)";
}

std::string Cli::forecasting_config() {
  return R"({
  "forecasting": {"file": "series.csv", "columns": ["wave", "ramp"], "length": 6, "horizon": 2},
  "model": {"cell": "mingru", "hidden": 6},
  "training": {"batch": 8, "steps": 20, "lr": 0.02, "schedule": "plateau"}
}
)";
}

}  // namespace volute::test
