// A job of several ranks as a user starts it: mpirun char_lm. The same curve with any number of ranks, one checkpoint
// for all, and an end within seconds when a rank fails. --kills=50 for more than the ordinary number.
// Invariant: this process makes no device, so that it can fork.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <thread>

#include <volute/io.hpp>

#include "tests/support/arguments.hpp"
#include "tests/support/files.hpp"
#include "tests/support/shell.hpp"

namespace volute {
namespace {

using Clock = std::chrono::steady_clock;
using Curve = std::map<int, std::pair<double, double>>;  // step: loss, validation loss

const std::string model = " --hidden 24 --embed 8 --length 16 --batch 8 --sample-length 0 --seed 3";

std::string mpirun(int ranks) { return std::string(MPIEXEC_PATH) + " -n " + std::to_string(ranks) + " "; }

std::string text_of_ten_thousand() {
  std::string text;
  std::mt19937 random(5);
  for (int i = 0; i < 1500; ++i) text += "lorem ipsum dolor sit amet consectetur "[random() % 39] + std::string("ab ") + "ne ";
  return text;
}

class Ranks : public testing::Test {
 protected:
  void SetUp() override { test::write_bytes(folder_ / "text.txt", text_of_ten_thousand()); }

  std::string command(const std::string& options) const {
    return std::string(CHAR_LM_PATH) + " --text " + (folder_ / "text.txt") + model + " " + options;
  }
  Curve train(int ranks, const std::string& options) const {
    const std::string metrics = folder_ / ("metrics" + std::to_string(ranks) + ".jsonl");
    std::filesystem::remove(metrics);
    const auto ran = support::run_shell(folder_.path(), mpirun(ranks) + command(options + " --metrics " + metrics));
    EXPECT_EQ(ran.status, 0) << ran.text;
    if (ranks > 1) {
      EXPECT_NE(ran.text.find("ranks: " + std::to_string(ranks)), std::string::npos) << ran.text;
    }
    Curve curve;
    std::istringstream lines(test::read_bytes(metrics));
    for (std::string line; std::getline(lines, line);) {
      const auto row = nlohmann::json::parse(line);
      curve[row["step"]] = {row["loss"], row["validation_loss"]};
    }
    return curve;
  }

  test::Folder folder_;
};

void expect_close(const Curve& got, const Curve& want, const std::string& what) {
  ASSERT_FALSE(want.empty());
  ASSERT_EQ(got.size(), want.size()) << what;
  double worst = 0;
  for (const auto& [step, losses] : want) {
    ASSERT_TRUE(got.contains(step)) << what << ", step " << step;
    const auto& [loss, validation] = got.at(step);
    worst = std::max({worst, std::abs(loss / losses.first - 1), std::abs(validation / losses.second - 1)});
  }
  EXPECT_LT(worst, 1e-4) << what;
  std::printf("%s: losses agree within %.1e\n", what.c_str(), worst);
}

TEST_F(Ranks, TrainTheSameCurve) {
  const Curve one = train(1, "--steps 100");
  EXPECT_LT(one.rbegin()->second.first, 0.8 * one.begin()->second.first);
  for (const int ranks : {2, 3, 4}) expect_close(train(ranks, "--steps 100"), one, std::to_string(ranks) + " ranks");
}

TEST_F(Ranks, GoOnAsAnotherNumberOfRanks) {
  const Curve one = train(1, "--steps 60");
  const std::string checkpoint = " --checkpoint " + (folder_ / "run.safetensors");
  const auto first = support::run_shell(folder_.path(), mpirun(2) + command("--steps 40" + checkpoint));
  ASSERT_EQ(first.status, 0) << first.text;
  const Curve more = train(3, "--steps 60 --resume" + checkpoint);
  const std::pair ends{more.rbegin()->second, one.rbegin()->second};
  EXPECT_NEAR(ends.first.second / ends.second.second, 1, 1e-4);
}

/// A job in a process group of its own.
class Job {
 public:
  explicit Job(const std::string& command, const std::string& log) : process_(::fork()) {
    if (process_) return;
    ::setpgid(0, 0);
    ::execl("/bin/bash", "bash", "-c", ("exec " + command + " >" + log + " 2>&1").c_str(), nullptr);
    ::_exit(127);
  }
  ~Job() {
    ::kill(-process_, SIGKILL);
    if (!ended_) ::waitpid(process_, nullptr, 0);
  }

  /// The launcher's children.
  std::vector<pid_t> ranks() const {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      std::ifstream file(entry.path() / "stat");
      std::string line;
      if (!std::getline(file, line)) continue;
      std::istringstream fields(line.substr(line.rfind(')') + 1));
      char state = 0;
      pid_t parent = 0;
      if (fields >> state >> parent && parent == process_ && line.find("(char_lm)") != std::string::npos)
        found.push_back(std::stoi(entry.path().filename()));
    }
    return found;
  }
  /// Its exit status; nothing if it has not ended by then.
  std::optional<int> wait(std::chrono::duration<double> most) {
    const auto until = Clock::now() + most;
    int status = 0;
    while (Clock::now() < until) {
      if (::waitpid(process_, &status, WNOHANG) == process_) {
        ended_ = true;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return std::nullopt;
  }

 private:
  pid_t process_;
  bool ended_ = false;
};

TEST_F(Ranks, EndTogetherWhenOneIsKilled) {
  const int kills = test::count_argument("kills", 3);
  const std::string checkpoint = folder_ / "run.safetensors", log = folder_ / "log";
  std::mt19937_64 random(11);
  double longest = 0;
  for (int kill = 0; kill < kills; ++kill) {
    const bool resuming = io::Checkpoint::exists(checkpoint);
    std::filesystem::remove(log);
    Job job(mpirun(2) + command("--steps 1000000 --autosave-steps 1 --checkpoint " + checkpoint +
                                (resuming ? " --resume" : "")), log);
    const auto begun = Clock::now();
    const auto trains = [&] {
      return resuming ? test::read_bytes(log).find("resumed after") != std::string::npos
                      : io::Checkpoint::exists(checkpoint);
    };
    while (!trains() && Clock::now() - begun < std::chrono::seconds(60))
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ASSERT_TRUE(trains()) << test::read_bytes(log);
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 1500));
    const auto ranks = job.ranks();
    ASSERT_EQ(ranks.size(), 2u) << test::read_bytes(log);
    const auto struck = Clock::now();
    ::kill(ranks[random() % 2], SIGKILL);
    const auto status = job.wait(std::chrono::seconds(10));
    ASSERT_TRUE(status.has_value()) << "the job did not end within 10 s";
    longest = std::max(longest, std::chrono::duration<double>(Clock::now() - struck).count());
    EXPECT_NE(*status, 0);
    const std::string said = test::read_bytes(log);
    EXPECT_TRUE(said.find("rank") != std::string::npos && said.find("signal 9") != std::string::npos) << said;
  }
  std::printf("%d kills, the job ended after %.1f s at most\n", kills, longest);
  const auto last = support::run_shell(
      folder_.path(), mpirun(2) + command("--steps 1000000 --max-seconds 1 --resume --checkpoint " + checkpoint));
  EXPECT_EQ(last.status, 0) << last.text;
  EXPECT_NE(last.text.find("resumed after step"), std::string::npos) << last.text;
}

TEST_F(Ranks, EndTogetherWhenOneFails) {
  const std::string log = folder_ / "log";
  Job job(std::string(MPIEXEC_PATH) + " -n 1 " + command("--steps 1000000") + " : -n 1 env VOLUTE_DEVICE=none-of-these " +
              command("--steps 1000000"), log);
  const auto status = job.wait(std::chrono::seconds(30));
  ASSERT_TRUE(status.has_value()) << test::read_bytes(log);
  EXPECT_NE(*status, 0);
  const std::string said = test::read_bytes(log);
  EXPECT_NE(said.find("rank 1: "), std::string::npos) << said;
  EXPECT_NE(said.find("none-of-these"), std::string::npos) << said;
}

}  // namespace
}  // namespace volute
