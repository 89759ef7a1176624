// The passes over the live graph, in the order they run. Each keeps the graph's meaning: outputs and
// updates evaluate to the same values up to rounding.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/graph/live.hpp"

namespace volute {

/// Sums over so many ranks: of one rank they are the values themselves.
void over_ranks(LiveGraph& live, int ranks);

/// Merges equal nodes, removes multiplications by 1 and additions of 0, and turns a transposed product
/// into the product of transposed operands.
void simplify(LiveGraph& live);

/// Sums over long times are taken in this many segments, one after the other, so that recomputing
/// segment by segment gives the same bits.
constexpr std::int64_t kSegments = 16;
bool has_segments(std::int64_t length);

/// Trades time for memory: long scans run in segments whose inner values are computed again in the
/// backward pass. Returns whether any scan was long enough.
bool segment(LiveGraph& live);

/// Moves what does not depend on carried state in front of its loop, and what carried state does not
/// depend on behind it, as operations over all T at once; sums over time become deep products.
/// Returns what moved: operation and shape.
std::vector<std::string> hoist(LiveGraph& live);

/// Products of rows looked up in a table smaller than their number become lookups in a product, and sums of such
/// products over positions become products of sums by row.
void look_up_products(LiveGraph& live);

/// Carries the product and the rest of a state that ends a step as their sum apart, and adds them when the
/// next step starts.
void split_states(LiveGraph& live);

/// Brings nodes into the forms kernels have: slices of pointwise results become pointwise results of
/// slices, reductions cover one run of axes, cheap values are computed again where they are used.
void canonicalise(LiveGraph& live);

/// Where a node's result must be stored, if not in a storage of its own.
struct Destination {
  enum class Kind : std::uint8_t { own, stack, next_state, initial_state, piece, exchanged } kind = Kind::own;
  Scan* scan = nullptr;      ///< stack, next_state, initial_state
  int state = 0;             ///< next_state, initial_state
  const Node* whole = nullptr;  ///< piece: the concat node
  std::int64_t begin = 0;       ///< piece: position along the joined axis
};

using Destinations = std::unordered_map<const Node*, Destination>;

/// Inserts copies where a kernel could not read a view in place, or a result has two destinations, and
/// settles every destination.
Destinations materialise(LiveGraph& live);

/// What the passes have settled, and what they tell.
struct Passed {
  Destinations destinations;
  std::vector<std::string> hoisted;  ///< as hoist() returns
  bool recomputes = false;           ///< as segment() returns, if it was asked for
};

/// All of them in their order, for a program of so many ranks, products narrowed first. `note` hears the name of each
/// as it ends.
Passed run_passes(LiveGraph& live, Precision precision, bool recompute, int ranks = 1,
                  const std::function<void(const char*)>& note = [](const char*) {});

}  // namespace volute
