// Seconds that went by, for commands that measure.
#pragma once

#include <chrono>

namespace volute::tool {

using Clock = std::chrono::steady_clock;

inline double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace volute::tool
