// Where warnings go.
// Invariant: a handler is called by one thread at a time. It may itself warn, or replace itself.
#include <cstdio>
#include <mutex>

#include <volute/graph.hpp>

namespace volute {
namespace {

struct Sink {
  std::recursive_mutex mutex;
  std::function<void(const std::string&)> handler;
};

Sink& sink() {
  static Sink* kept = new Sink;  // never destroyed: programs with static storage may warn as they go
  return *kept;
}

}  // namespace

void set_warning_handler(std::function<void(const std::string&)> handler) {
  std::lock_guard lock(sink().mutex);
  sink().handler = std::move(handler);
}

void warn(const std::string& message) {
  std::lock_guard lock(sink().mutex);
  const auto handler = sink().handler;  // a copy: the call may replace it
  if (handler) handler(message);
  else std::fprintf(stderr, "volute: warning: %s\n", message.c_str());
}

}  // namespace volute
