// Ends the process, saying where, if nothing is reported for too long: a test for hangs must not hang.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>

namespace volute::test {

class Watchdog {
 public:
  explicit Watchdog(std::chrono::seconds limit) : limit_(limit), thread_([this] { watch(); }) {}
  ~Watchdog() {
    {
      std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// The limit counts from here.
  void now(std::string doing) {
    std::lock_guard lock(mutex_);
    doing_ = std::move(doing);
    ++reports_;
  }

 private:
  void watch() {
    std::unique_lock lock(mutex_);
    for (long seen = -1; !done_;) {
      if (seen == reports_) {
        std::fprintf(stderr, "watchdog: no progress for %lld s in %s\n", static_cast<long long>(limit_.count()),
                     doing_.c_str());
        std::_Exit(3);
      }
      seen = reports_;
      changed_.wait_for(lock, limit_, [&] { return done_ || reports_ != seen; });
      if (!done_ && reports_ != seen) continue;
    }
  }

  std::chrono::seconds limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string doing_ = "the beginning";
  long reports_ = 0;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace volute::test
