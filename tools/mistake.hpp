// What a user did wrong, and the exit statuses of the program.
#pragma once

#include <stdexcept>

namespace volute::tool {

/// A mistake in arguments, in a config, or in a file they name: one line or several, each whole.
class Mistake : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Exit statuses. A run that SIGINT or SIGTERM stops, after saving, ends with 128 + the signal.
enum Status : int {
  done = 0,
  failed = 1,         ///< while working: a device that is lost, a full disk, a loss that is not a number
  mistaken = 2,       ///< nothing was done
};

}  // namespace volute::tool
