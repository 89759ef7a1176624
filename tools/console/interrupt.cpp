// Signals to a flag.
#include "tools/console/interrupt.hpp"

#include <csignal>

namespace volute::tool {
namespace {

volatile std::sig_atomic_t caught = 0;

}  // namespace

void catch_interrupt() {
  struct sigaction action {};
  action.sa_handler = [](int signal) { caught = signal; };
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // A reader of messages who has seen enough must not end hours of work.
  std::signal(SIGPIPE, SIG_IGN);
}

bool interrupt_requested() { return caught != 0; }

// Of several ranks one may have been told for all.
int interrupted_status() { return 128 + (caught ? caught : SIGINT); }

}  // namespace volute::tool
