// A thread that works ahead of its reader.
// Invariant: `make` runs on that thread alone and without the lock; everything else is read and written under it.
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include <volute/graph.hpp>
#include <volute/data.hpp>

namespace volute::data {

struct PrefetchThread::Data {
  std::function<std::shared_ptr<void>()> make;
  std::size_t depth;
  std::mutex mutex;
  std::condition_variable ready, room;
  std::deque<std::shared_ptr<void>> queue;
  std::exception_ptr failure;
  bool done = false, stopping = false;
  std::thread thread;

  bool wait_for_room() {
    std::unique_lock lock(mutex);
    room.wait(lock, [&] { return stopping || queue.size() < depth; });
    return !stopping;
  }

  void work() {
    std::exception_ptr thrown;
    try {
      while (wait_for_room()) {
        std::shared_ptr<void> value = make();
        if (!value) break;
        const std::lock_guard lock(mutex);
        queue.push_back(std::move(value));
        ready.notify_one();
      }
    } catch (...) {
      thrown = std::current_exception();
    }
    const std::lock_guard lock(mutex);
    failure = std::move(thrown);
    done = true;
    ready.notify_all();
  }
};

PrefetchThread::PrefetchThread(std::function<std::shared_ptr<void>()> make, std::size_t depth)
    : data_(std::make_unique<Data>()) {
  if (!make) throw InvalidGraph("prefetcher: there is no function to call");
  if (depth == 0) throw InvalidGraph("prefetcher: depth must be at least 1, got 0");
  data_->make = std::move(make);
  data_->depth = depth;
  data_->thread = std::thread([data = data_.get()] { data->work(); });
}

PrefetchThread::~PrefetchThread() {
  {
    const std::lock_guard lock(data_->mutex);
    data_->stopping = true;
  }
  data_->room.notify_all();
  data_->thread.join();
}

std::shared_ptr<void> PrefetchThread::next() {
  std::unique_lock lock(data_->mutex);
  data_->ready.wait(lock, [&] { return !data_->queue.empty() || data_->done; });
  if (data_->queue.empty()) {
    if (data_->failure) std::rethrow_exception(data_->failure);
    return nullptr;
  }
  std::shared_ptr<void> value = std::move(data_->queue.front());
  data_->queue.pop_front();
  lock.unlock();
  data_->room.notify_one();
  return value;
}

}  // namespace volute::data
