// Checkpoints on disks that are full, in folders that cannot be written, and in files that two processes write.
// Invariant: what changes a process (limits, mounts) is done in a child of its own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <functional>

#include <volute/io.hpp>

#include "tests/support/files.hpp"
#include "tests/support/warnings.hpp"

namespace volute::io {
namespace {

constexpr int not_permitted = 77;

/// The exit status of a child that does this; 99 if it throws.
int in_child(const std::function<int()>& body) {
  const pid_t process = ::fork();
  if (process == 0) {
    int status = 99;
    try {
      status = body();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
    }
    ::_exit(status);
  }
  int status = 0;
  ::waitpid(process, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Many weights of one value, so that a mixture of two files shows.
struct Things {
  Parameter weights{"weights", {50'000}, std::vector<float>(50'000)};
  std::int64_t number = 0;
  Checkpoint checkpoint;
  Things() { checkpoint.add("all", std::vector<Parameter>{weights}).add("number", number); }
  void set(std::int64_t value) {
    weights.set(std::vector<float>(50'000, static_cast<float>(value)));
    number = value;
  }
  bool are(std::int64_t value) const {
    return number == value && weights.values() == std::vector<float>(50'000, static_cast<float>(value));
  }
};

/// Saves 1; then, unless it fails, `hinder` and a save of 2 that must fail, warn once and leave 1; then `help` and a
/// save of 3 that succeeds. 0 if all was so.
int hindered(const std::string& path, const std::function<void()>& hinder, const std::function<void()>& help) {
  Things things, loaded;
  test::Warnings warnings;
  Autosave autosave(path, things.checkpoint, {.steps = 1});
  things.set(1);
  if (!autosave.step()) return 1;
  hinder();
  things.set(2);
  if (autosave.step() || warnings.all.size() != 1 || autosave.failures() != 1) return 2;
  std::fprintf(stderr, "%s\n", warnings.all[0].c_str());
  if (!loaded.checkpoint.load(path).problem.empty() || !loaded.are(1)) return 3;
  if (std::filesystem::exists(path + ".tmp")) return 4;
  help();
  things.set(3);
  if (!autosave.step() || warnings.all.size() != 1 || autosave.failures() != 0) return 5;
  loaded.checkpoint.load(path);
  return loaded.are(3) ? 0 : 6;
}

void limit_file_size(rlim_t bytes) {
  const rlimit limit{bytes, RLIM_INFINITY};
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

TEST(CheckpointFiles, ADiskThatIsFullLeavesTheOldOne) {
  const test::Folder folder;
  EXPECT_EQ(in_child([&] {
              ::signal(SIGXFSZ, SIG_IGN);
              return hindered(
                  folder / "run", [] { limit_file_size(10'000); }, [] { limit_file_size(RLIM_INFINITY); });
            }),
            0);
}

/// Puts a tmpfs of 700 KiB on the folder, in a mount namespace of the child's own.
bool mount_small(const std::string& folder) {
  const uid_t user = ::getuid();
  if (::unshare(CLONE_NEWNS | (user == 0 ? 0 : CLONE_NEWUSER)) != 0) return false;
  if (user != 0) test::write_bytes("/proc/self/uid_map", "0 " + std::to_string(user) + " 1");
  return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=700k") == 0;
}

TEST(CheckpointFiles, AFileSystemThatIsFullOrReadOnlyLeavesTheOldOne) {
  const test::Folder folder;
  const int status = in_child([&] {
    if (!mount_small(folder.path())) return not_permitted;
    const std::string ballast = folder / "ballast";
    const int full = hindered(
        folder / "run", [&] { test::write_bytes(ballast, std::string(450'000, 'x')); },
        [&] { std::filesystem::remove(ballast); });
    if (full != 0) return full;
    const auto remount = [&](unsigned long flags) {
      if (::mount(nullptr, folder.path().c_str(), nullptr, MS_REMOUNT | flags, "size=700k") != 0) ::_exit(20);
    };
    std::filesystem::remove(Checkpoint::previous(folder / "run"));
    const int read_only = hindered(folder / "run", [&] { remount(MS_RDONLY); }, [&] { remount(0); });
    return read_only == 0 ? 0 : 10 + read_only;
  });
  if (status == not_permitted) GTEST_SKIP() << "mounts are not permitted here";
  EXPECT_EQ(status, 0);
}

TEST(CheckpointFiles, AFolderThatIsGoneOrInTheWayLeavesTheOldOne) {
  const test::Folder folder;
  const std::string inner = folder / "inner", path = inner + "/run";
  std::filesystem::create_directories(inner);
  for (const std::string& in_the_way : {Checkpoint::previous(path), Checkpoint::previous(path) + ".tmp"}) {
    EXPECT_EQ(in_child([&] {
                return hindered(
                    path, [&] { std::filesystem::create_directories(in_the_way); },
                    [&] { std::filesystem::remove(in_the_way); });
              }),
              0);
    for (const std::string& file : {path, Checkpoint::previous(path)}) std::filesystem::remove(file);
  }
}

/// From here on the process makes no hard links.
bool refuse_links() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
#ifdef __NR_link
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_link, 1, 0),
#endif
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_linkat, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(CheckpointFiles, WithoutHardLinksTheFileBeforeIsKeptAsACopy) {
  const test::Folder folder;
  const std::string path = folder / "run", previous = Checkpoint::previous(path);
  const int status = in_child([&] {
    if (!refuse_links()) return not_permitted;
    Things things, loaded;
    for (const int value : {1, 2, 3}) {
      things.set(value);
      things.checkpoint.save(path);
    }
    loaded.checkpoint.load(path);
    if (!loaded.are(3)) return 1;
    loaded.checkpoint.load(previous);
    if (!loaded.are(2) || folder.names().size() != 2) return 2;
    const std::string good = test::read_bytes(previous);
    test::write_bytes(path, "broken");
    ::signal(SIGXFSZ, SIG_IGN);
    limit_file_size(10'000);
    try {
      things.checkpoint.save(path);
      return 3;
    } catch (const BadFile&) {
    }
    return test::read_bytes(previous) == good && folder.names().size() == 2 ? 0 : 4;
  });
  if (status == not_permitted) GTEST_SKIP() << "system calls cannot be refused here";
  EXPECT_EQ(status, 0);
}

// A file that something is mounted on cannot be replaced, which only shows when the new file is in its place.
TEST(CheckpointFiles, WhatFailsAfterTheNewFileIsInItsPlaceIsSaidSo) {
  const test::Folder folder;
  const int status = in_child([&] {
    if (!mount_small(folder.path())) return not_permitted;
    const std::string path = folder / "run", previous = Checkpoint::previous(path);
    Things things, loaded;
    test::Warnings warnings;
    things.checkpoint.save(path);
    things.checkpoint.save(path);
    if (::mount(previous.c_str(), previous.c_str(), nullptr, MS_BIND, nullptr) != 0) return not_permitted;
    things.set(1);
    Autosave autosave(path, things.checkpoint, {.steps = 1});
    if (autosave.save() || warnings.all.size() != 1) return 1;
    std::fprintf(stderr, "%s\n", warnings.all[0].c_str());
    if (warnings.all[0].find("run: is written, but the file before it cannot be kept") == std::string::npos) return 2;
    if (warnings.all[0].find("left as it was") != std::string::npos) return 3;
    return loaded.checkpoint.load(path).path == path && loaded.are(1) ? 0 : 4;
  });
  if (status == not_permitted) GTEST_SKIP() << "mounts are not permitted here";
  EXPECT_EQ(status, 0);
}

TEST(CheckpointFiles, OneThatWritesTheSamePathIsWaitedFor) {
  const test::Folder folder;
  const std::string path = folder / "run";
  constexpr int writers = 3, rounds = 60;
  std::vector<pid_t> processes;
  for (int writer = 0; writer < writers; ++writer) {
    const pid_t process = ::fork();
    if (process == 0) {
      int status = 0;
      try {
        Things things;
        for (int i = 0; i < rounds; ++i) {
          things.set(writer * 1000 + i);
          things.checkpoint.save(path);
        }
      } catch (const std::exception& error) {
        std::fprintf(stderr, "writer: %s\n", error.what());
        status = 1;
      }
      ::_exit(status);
    }
    processes.push_back(process);
  }
  Things loaded;
  int loads = 0, running = writers, status = 0;
  bool seen = false;
  while (running > 0) {
    for (pid_t& process : processes) {
      if (process == 0 || ::waitpid(process, &status, WNOHANG) != process) continue;
      EXPECT_EQ(status, 0);
      process = 0;
      --running;
    }
    if (!seen && !Checkpoint::exists(path)) continue;
    seen = true;
    EXPECT_EQ(loaded.checkpoint.load(path).problem, "");
    EXPECT_TRUE(loaded.are(loaded.number)) << loaded.number;
    ++loads;
  }
  EXPECT_GT(loads, 10);
  EXPECT_EQ(folder.names(), (std::set<std::string>{"run", "run.previous"}));
  loaded.checkpoint.load(Checkpoint::previous(path));
  EXPECT_TRUE(loaded.are(loaded.number));
}

}  // namespace
}  // namespace volute::io
