// What ranks find out about one another before they run a program together. All of it is collective.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <volute/device.hpp>

namespace volute {

using Words = std::vector<std::uint64_t>;

/// Each rank's number, by rank.
Words of_each(Communicator& communicator, std::uint64_t own);

/// What rank 0 has, however long it is elsewhere.
Words from_first(Communicator& communicator, Words words);

/// Throws InvalidGraph unless `text`, of what the ranks have in common, is the same on every rank.
void require_same(Communicator& communicator, const std::string& text);

}  // namespace volute
