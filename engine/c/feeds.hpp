// Feeds of volute.h as the engine takes them, for programs run whole or in parts.
// Invariant: values are not copied; they are the caller's.
#pragma once

#include "engine/c/handles.hpp"

namespace volute::c {

/// Throws InvalidArgument naming the feed.
std::vector<Feed> need_feeds(const volute_feed* feeds, std::uint32_t count);

}  // namespace volute::c
