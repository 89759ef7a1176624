// MPI's world as a Communicator: bytes only, every sum is Volute's own.
// Invariant: one thread at a time is inside MPI; waiting leaves the processor to the device, which may be on it.
#define OMPI_SKIP_MPICXX  // the C interface alone
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>

#include <volute/device.hpp>

#include "engine/environment.hpp"

namespace volute {
namespace {

constexpr std::size_t largest_message = 1u << 30;  // MPI counts in int
constexpr int tag = 0;                             // messages between two ranks do not overtake one another

int rank_in(MPI_Comm communicator) {
  int rank = 0;
  MPI_Comm_rank(communicator, &rank);
  return rank;
}

/// Messages under way.
class Messages {
 public:
  explicit Messages(MPI_Comm communicator) : communicator_(communicator) {}

  void send(std::span<const std::byte> bytes, int to) {
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(bytes.size(), largest_message)))
      MPI_Isend(bytes.data(), count(bytes), MPI_BYTE, to, tag, communicator_, &next());
  }
  void receive(std::span<std::byte> bytes, int from) {
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(bytes.size(), largest_message)))
      MPI_Irecv(bytes.data(), count(bytes), MPI_BYTE, from, tag, communicator_, &next());
  }
  void broadcast(std::span<std::byte> bytes, int from) {
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(bytes.size(), largest_message)))
      MPI_Ibcast(bytes.data(), count(bytes), MPI_BYTE, from, communicator_, &next());
  }

  /// Waits for all. MPI_Waitall would spin, and take a core from a device that runs on it.
  void wait() {
    using namespace std::chrono_literals;
    int done = 0;
    for (int looks = 0; !done; ++looks) {
      MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &done, MPI_STATUSES_IGNORE);
      if (!done && looks >= 64) std::this_thread::sleep_for(looks < 256 ? 20us : 100us);
    }
  }

 private:
  static int count(std::span<const std::byte> bytes) {
    return static_cast<int>(std::min(bytes.size(), largest_message));
  }
  MPI_Request& next() { return requests_.emplace_back(MPI_REQUEST_NULL); }

  MPI_Comm communicator_;
  std::vector<MPI_Request> requests_;
};

class World : public Communicator {
 public:
  World() {
    int started = 0, ended = 0, provided = MPI_THREAD_SINGLE;
    MPI_Finalized(&ended);
    if (ended) throw Error("mpi_world: MPI has ended in this process and cannot begin again; keep the communicator");
    MPI_Initialized(&started);
    if (started) MPI_Query_thread(&provided);
    else MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
    owns_ = !started;
    if (provided < MPI_THREAD_SERIALIZED)
      throw Unsupported("mpi_world: this MPI may be used by one thread only; it needs MPI_THREAD_SERIALIZED");
    MPI_Comm_dup(MPI_COMM_WORLD, &communicator_);  // the application's own messages are not taken for these
    rank_ = rank_in(communicator_);
    MPI_Comm_size(communicator_, &size_);
    MPI_Comm host;
    MPI_Comm_split_type(communicator_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &host);
    local_rank_ = rank_in(host);
    MPI_Comm_free(&host);
  }

  /// A rank that ends by an exception does not wait for the others: the job's launcher sees it go without a farewell,
  /// names it and ends the rest.
  ~World() override {
    int ended = 0;
    MPI_Finalized(&ended);
    if (ended || std::uncaught_exceptions() != exceptions_) return;
    MPI_Comm_free(&communicator_);
    if (owns_) MPI_Finalize();
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int local_rank() const override { return local_rank_; }

  [[noreturn]] void abort(int status) override {
    MPI_Abort(MPI_COMM_WORLD, status);
    std::_Exit(status);
  }

  void all_to_all(std::span<const std::span<const std::byte>> send,
                  std::span<const std::span<std::byte>> receive) override {
    Messages messages(communicator_);
    for (int i = 1; i < size_; ++i) {
      const int to = (rank_ + i) % size_, from = (rank_ - i + size_) % size_;  // not all to the same one at once
      messages.receive(receive[static_cast<std::size_t>(from)], from);
      messages.send(send[static_cast<std::size_t>(to)], to);
    }
    messages.wait();
  }

  void all_gather(std::span<const std::span<std::byte>> blocks) override {
    Messages messages(communicator_);
    const auto filled = std::count_if(blocks.begin(), blocks.end(), [](const auto& block) { return !block.empty(); });
    if (filled == 1) {
      for (int r = 0; r < size_; ++r) messages.broadcast(blocks[static_cast<std::size_t>(r)], r);
      return messages.wait();
    }
    for (int i = 1; i < size_; ++i) {
      const int to = (rank_ + i) % size_, from = (rank_ - i + size_) % size_;
      messages.receive(blocks[static_cast<std::size_t>(from)], from);
      messages.send(blocks[static_cast<std::size_t>(rank_)], to);
    }
    messages.wait();
  }

 private:
  MPI_Comm communicator_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1, local_rank_ = 0;
  bool owns_ = false;
  int exceptions_ = std::uncaught_exceptions();
};

}  // namespace

std::shared_ptr<Communicator> mpi_world() {
  static std::mutex mutex;
  static std::weak_ptr<Communicator> known;
  const std::lock_guard lock(mutex);
  if (auto world = known.lock()) return world;
  auto world = std::make_shared<World>();
  known = world;
  return world;
}

std::shared_ptr<Communicator> mpi_job() { return environment().launched ? mpi_world() : nullptr; }

}  // namespace volute
