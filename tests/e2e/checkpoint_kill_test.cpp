// Trainings killed at random moments, most of them while they save: each time a checkpoint loads, and in the end the
// bits are those of a training that never stopped. --kills=200 for more than the ordinary number.
// Invariant: this process makes no device, so that it can fork; each training is a fresh process.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <random>
#include <thread>

#include "engine/vulkan/context.hpp"
#include "engine/vulkan/instance.hpp"
#include "tests/e2e/checkpointed_training.hpp"
#include "tests/support/arguments.hpp"
#include "tests/support/files.hpp"

namespace volute {
namespace {

using test::CheckpointedTraining;

constexpr std::int64_t whole = 120;

/// Trains to the end, from the checkpoint if there is one, and writes the bits. Writes to `started` when it trains.
int train(const std::string& checkpoint, const std::string& result, int started, bool must_load) {
  Device device;
  CheckpointedTraining training(device);
  if (must_load) training.checkpoint().load(checkpoint);
  io::Autosave autosave(checkpoint, training.checkpoint(), {.steps = 1});
  if (!autosave.save() || ::write(started, "s", 1) != 1) return 3;
  while (training.steps() < whole) {
    training.step();
    autosave.step();
  }
  const auto bits = training.bits();
  test::write_bytes(result, {reinterpret_cast<const char*>(bits.data()), bits.size() * sizeof bits[0]});
  return autosave.failures() == 0 && vk::validation_message_count() == 0 ? 0 : 4;
}

/// The process, and whether it came as far as training.
struct Child {
  pid_t process = 0;
  bool started = false;
};

Child start(const std::string& checkpoint, const std::string& result, bool must_load) {
  int pipe[2];
  if (::pipe(pipe) != 0) return {};
  Child child{::fork(), false};
  if (child.process == 0) {
    ::close(pipe[0]);
    int status = 5;
    try {
      status = train(checkpoint, result, pipe[1], must_load);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
    }
    ::_exit(status);
  }
  ::close(pipe[1]);
  char byte = 0;
  child.started = ::read(pipe[0], &byte, 1) == 1;
  ::close(pipe[0]);
  return child;
}

/// Its exit status; 128 and the signal if it was killed.
int wait_for(const Child& child) {
  int status = 0;
  ::waitpid(child.process, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string uninterrupted(const test::Folder& folder) {
  const std::string result = folder / "uninterrupted";
  EXPECT_EQ(wait_for(start(folder / "never.safetensors", result, false)), 0);
  return test::read_bytes(result);
}

TEST(CheckpointKill, EveryKillLeavesACheckpointThatEndsWithTheSameBits) {
  const int kills = test::count_argument("kills", 25);
  const test::Folder folder;
  const auto begin = std::chrono::steady_clock::now();
  const std::string expected = uninterrupted(folder);
  ASSERT_FALSE(expected.empty());
  const std::string path = folder / "run.safetensors", result = folder / "result";
  std::mt19937_64 random(20261121);
  int killed = 0, finished = 0, in_write = 0, fell_back = 0;
  bool saved = false;
  while (killed < kills || saved) {
    const bool missing = saved && !std::filesystem::exists(path);
    const Child child = start(path, result, saved);
    ASSERT_TRUE(child.started) << "after " << killed << " kills: exit status " << wait_for(child);
    saved = true;
    fell_back += missing;
    if (killed < kills) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 150'000));
      ::kill(child.process, SIGKILL);
    }
    const int status = wait_for(child);
    if (status == 128 + SIGKILL) {
      ++killed;
      in_write += std::filesystem::exists(path + ".tmp");
      EXPECT_LE(folder.names().size(), 7u);
      continue;
    }
    ASSERT_EQ(status, 0);
    ++finished;
    ASSERT_EQ(test::read_bytes(result), expected) << "after " << killed << " kills";
    for (const std::string& file : {path, io::Checkpoint::previous(path), result}) std::filesystem::remove(file);
    saved = false;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("%d kills, %d of them while a file was written, %d trainings finished, in %.0f s\n", killed, in_write,
              finished, took.count());
  EXPECT_GE(finished, 1);
  if (kills >= 25) {
    EXPECT_GT(in_write, 0);
  }
  EXPECT_EQ(fell_back, 0);
}

}  // namespace
}  // namespace volute
