// Floors: for each class of device and training step, how many times faster than the peer Volute must be.
// Invariant: a check that compares nothing does not pass.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/bench/results.hpp"

namespace volute::bench {

using Floors = std::map<std::string, double>;  ///< row -> least peer / Volute

/// The floors of one device class in a file {"cpu": {"ROW": RATIO, ...}, ...}. Throws std::runtime_error naming the
/// file if it cannot be read or has none for the class.
Floors read_floors(const std::string& path, const std::string& device_class);

/// A line for every row that is below its floor, was not compared with the peer, or, among those `wanted`, was not
/// measured; and one if no floor applied. Empty: passed.
std::vector<std::string> below_floors(const Results& results, const Floors& floors,
                                      const std::function<bool(const std::string&)>& wanted);

}  // namespace volute::bench
