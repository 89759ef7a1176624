// A link between two network namespaces with delay, loss and a bound on its rate, for kernels without the queueing
// discipline that does the same: slow_link FROM TO MILLISECONDS LOSS_PERCENT [MEGABYTES_PER_SECOND]
// Makes the interface "wire" in both (/run/netns/FROM and TO) and carries packets between them until it is killed.
// Invariant: packets of a direction keep their order; which of them are lost is random, but the same every time.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

int checked(int result, const std::string& what) {
  if (result < 0) throw std::runtime_error(what + ": " + std::strerror(errno));
  return result;
}

/// An end of the link, made in the namespace; it works from outside.
int open_end(const std::string& space) {
  const std::string path = "/run/netns/" + space;
  const int netns = checked(::open(path.c_str(), O_RDONLY | O_CLOEXEC), path);
  checked(::setns(netns, CLONE_NEWNET), path);
  ::close(netns);
  const int end = checked(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), "/dev/net/tun");
  ifreq request{};
  std::strcpy(request.ifr_name, "wire");
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  checked(::ioctl(end, TUNSETIFF, &request), "wire in " + space);
  return end;
}

/// From one end to the other.
class Direction {
 public:
  Direction(int from, int to, double delay, double loss, double rate, unsigned seed)
      : from_(from), to_(to), delay_(delay), rate_(rate), random_(seed), lost_(loss) {}

  int source() const { return from_; }

  void take() {
    std::vector<char> packet(65536);
    for (;;) {
      const ssize_t size = ::read(from_, packet.data(), packet.size());
      if (size <= 0) return;
      if (lost_(random_)) continue;
      const auto now = Clock::now();
      // It leaves when those before it have left, and arrives a delay later.
      const auto leaves = std::max(now, free_) + seconds(rate_ > 0 ? static_cast<double>(size) / rate_ : 0);
      if (leaves - now > std::chrono::milliseconds(200)) continue;  // no queue is longer
      free_ = leaves;
      waiting_.push_back({leaves + seconds(delay_), {packet.begin(), packet.begin() + size}});
    }
  }
  /// Hands over what has arrived; milliseconds until the next does, or -1.
  int give() {
    while (!waiting_.empty()) {
      const auto left = waiting_.front().arrives - Clock::now();
      if (left > Clock::duration::zero())
        return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(left).count()) + 1;
      const auto& bytes = waiting_.front().bytes;
      if (::write(to_, bytes.data(), bytes.size()) < 0 && errno == EAGAIN) return 1;
      waiting_.pop_front();
    }
    return -1;
  }

 private:
  struct Packet {
    Clock::time_point arrives;
    std::vector<char> bytes;
  };
  static Clock::duration seconds(double s) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
  }

  int from_, to_;
  double delay_, rate_;
  std::mt19937 random_;
  std::bernoulli_distribution lost_;
  Clock::time_point free_;
  std::deque<Packet> waiting_;
};

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() != 4 && arguments.size() != 5)
    throw std::runtime_error("usage: slow_link FROM TO MILLISECONDS LOSS_PERCENT [MEGABYTES_PER_SECOND]");
  const double delay = std::stod(arguments[2]) / 1000, loss = std::stod(arguments[3]) / 100;
  const double rate = arguments.size() == 5 ? std::stod(arguments[4]) * 1e6 : 0;
  const int a = open_end(arguments[0]), b = open_end(arguments[1]);
  Direction there(a, b, delay, loss, rate, 1), back(b, a, delay, loss, rate, 2);
  std::puts("ready");
  std::fflush(stdout);
  for (;;) {
    int wait = -1;
    for (Direction* each : {&there, &back})
      if (const int next = each->give(); next >= 0) wait = wait < 0 ? next : std::min(wait, next);
    pollfd ends[] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
    checked(::poll(ends, 2, wait), "poll");
    for (Direction* each : {&there, &back}) each->take();
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "slow_link: %s\n", error.what());
    return 1;
  }
}
