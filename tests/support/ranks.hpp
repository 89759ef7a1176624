// Ranks that are threads of this process: what a Communicator promises, without MPI.
// Invariant: a call returns when every rank has made it; a rank that throws frees the others with an error of theirs.
#pragma once

#include <condition_variable>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <volute/device.hpp>

namespace volute::test {

/// What the ranks meet in.
class Meeting {
 public:
  explicit Meeting(int size) : size_(size), posted_(static_cast<std::size_t>(size)) {}

  int size() const { return size_; }

  /// All ranks come with what they have to show, and read what the others show, before any of them leaves.
  void meet(int rank, const void* shown, const std::function<void(const std::vector<const void*>&)>& read) {
    posted_[static_cast<std::size_t>(rank)] = shown;
    wait();
    read(posted_);
    wait();
  }

  /// A rank has failed.
  void leave() {
    const std::lock_guard lock(mutex_);
    broken_ = true;
    all_here_.notify_all();
  }

 private:
  void wait() {
    std::unique_lock lock(mutex_);
    const std::uint64_t round = round_;
    if (++here_ == size_) {
      here_ = 0;
      ++round_;
      all_here_.notify_all();
    }
    all_here_.wait(lock, [&] { return round_ != round || broken_; });
    if (round_ == round) throw Error("another rank has failed");
  }

  int size_, here_ = 0;
  std::uint64_t round_ = 0;
  bool broken_ = false;
  std::vector<const void*> posted_;
  std::mutex mutex_;
  std::condition_variable all_here_;
};

class ThreadRank : public Communicator {
 public:
  ThreadRank(std::shared_ptr<Meeting> meeting, int rank) : meeting_(std::move(meeting)), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return meeting_->size(); }

  void all_to_all(std::span<const std::span<const std::byte>> send,
                  std::span<const std::span<std::byte>> receive) override {
    meeting_->meet(rank_, &send, [&](const std::vector<const void*>& shown) {
      for (std::size_t r = 0; r < shown.size(); ++r) {
        if (static_cast<int>(r) == rank_) continue;
        const auto& theirs = *static_cast<const std::span<const std::span<const std::byte>>*>(shown[r]);
        copy(theirs[static_cast<std::size_t>(rank_)], receive[r]);
      }
    });
  }

  void all_gather(std::span<const std::span<std::byte>> blocks) override {
    meeting_->meet(rank_, &blocks, [&](const std::vector<const void*>& shown) {
      for (std::size_t r = 0; r < shown.size(); ++r) {
        if (static_cast<int>(r) == rank_) continue;
        copy((*static_cast<const std::span<const std::span<std::byte>>*>(shown[r]))[r], blocks[r]);
      }
    });
  }

 private:
  static void copy(std::span<const std::byte> from, std::span<std::byte> to) {
    if (from.size() != to.size()) throw Error("the ranks disagree about a size");
    if (!from.empty()) std::memcpy(to.data(), from.data(), from.size());
  }

  std::shared_ptr<Meeting> meeting_;
  int rank_;
};

/// Runs `work` on so many ranks at once. Throws what the first rank that failed has thrown.
inline void on_ranks(int size, const std::function<void(const std::shared_ptr<Communicator>&)>& work) {
  const auto meeting = std::make_shared<Meeting>(size);
  std::exception_ptr first;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] {
      try {
        work(std::make_shared<ThreadRank>(meeting, rank));
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!first) first = std::current_exception();
        meeting->leave();
      }
    });
  for (std::thread& thread : threads) thread.join();
  if (first) std::rethrow_exception(first);
}

}  // namespace volute::test
