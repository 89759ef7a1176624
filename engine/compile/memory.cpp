// Greedy-by-size arena planning; see memory.hpp.

#include "engine/compile/memory.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <set>

namespace volute {

std::vector<Lifetime> lifetimes(const std::vector<Section>& sections, std::size_t storages,
                                const std::vector<const Storage*>& kept) {
  std::vector<Lifetime> lives(storages);
  std::vector<std::set<std::size_t>> users(storages);  // sections
  std::vector<bool> moves(storages, false);
  std::vector<std::pair<std::int64_t, std::int64_t>> spans;
  std::int64_t position = 0;
  for (std::size_t s = 0; s < sections.size(); ++s) {
    const std::int64_t begin = position;
    for (const Dispatch& dispatch : sections[s].dispatches) {
      for (const Touch& touch : dispatch.touches) {
        Lifetime& life = lives[touch.storage->id];
        if (!life.used()) life.first = position;
        life.last = position;
        users[touch.storage->id].insert(s);
        if (touch.moves) moves[touch.storage->id] = true;
      }
      ++position;
    }
    spans.emplace_back(begin, position - 1);
  }
  for (std::size_t i = 0; i < storages; ++i) {
    for (std::size_t s : users[i]) {
      const bool shared = moves[i] || users[i].size() > 1;
      if (!sections[s].length || !shared) continue;
      lives[i].first = std::min(lives[i].first, spans[s].first);
      lives[i].last = std::max(lives[i].last, spans[s].second);
    }
  }
  for (const Storage* storage : kept) {
    if (lives[storage->id].used()) lives[storage->id].last = position;
  }
  return lives;
}

namespace {

/// Every touch of the storage in this dispatch is its own element's, in one direction, by one part.
bool only_elementwise(const Dispatch& dispatch, const Storage* storage, bool write, int part) {
  return std::all_of(dispatch.touches.begin(), dispatch.touches.end(), [&](const Touch& touch) {
    return touch.storage != storage || (touch.elementwise && touch.write == write && touch.part == part);
  });
}

/// The operand `out` may be written over, not taken by another result yet. `earliest`: where its life may
/// begin; in a loop, what was made before the loop is read again at the next step.
const Storage* dying_operand(const Dispatch& dispatch, const Storage* out, int part, std::int64_t position,
                             std::int64_t earliest, const std::vector<Lifetime>& lives,
                             const std::vector<bool>& taken) {
  for (const Touch& touch : dispatch.touches) {
    const Storage* in = touch.storage;
    const bool fits = !touch.write && in->kind == Storage::Kind::temporary && in->bytes == out->bytes &&
                      lives[in->id].last == position && lives[in->id].first >= earliest &&
                      lives[in->id].first < position && !taken[in->id];
    if (fits && only_elementwise(dispatch, in, false, part)) return in;
  }
  return nullptr;
}

}  // namespace

std::vector<int> in_place(const std::vector<Section>& sections, const std::vector<Lifetime>& lives) {
  std::vector<int> home(lives.size());
  std::iota(home.begin(), home.end(), 0);
  std::vector<bool> taken(lives.size(), false);
  std::int64_t position = 0;
  for (const Section& section : sections) {
    const std::int64_t earliest = section.length ? position : 0;
    for (const Dispatch& dispatch : section.dispatches) {
      for (const Touch& touch : dispatch.touches) {
        const Storage* out = touch.storage;
        const bool fresh = touch.write && out->kind == Storage::Kind::temporary && lives[out->id].first == position;
        if (!fresh || home[out->id] != out->id || !only_elementwise(dispatch, out, true, touch.part)) continue;
        const Storage* in = dying_operand(dispatch, out, touch.part, position, earliest, lives, taken);
        if (!in) continue;
        home[out->id] = home[in->id];
        taken[in->id] = true;
      }
      ++position;
    }
  }
  return home;
}

namespace {

struct Placed {
  std::uint64_t begin, end;
  Lifetime life;
};

bool overlap(const Lifetime& a, const Lifetime& b) { return a.first <= b.last && b.first <= a.last; }

/// The lowest offset in a block that is free during the life.
std::uint64_t lowest_offset(const std::vector<Placed>& block, const ArenaRequest& request, std::uint64_t bytes) {
  std::vector<const Placed*> rivals;
  for (const Placed& placed : block)
    if (overlap(placed.life, request.life)) rivals.push_back(&placed);
  std::sort(rivals.begin(), rivals.end(), [](const Placed* a, const Placed* b) { return a->begin < b->begin; });
  std::uint64_t offset = 0;
  for (const Placed* rival : rivals) {
    if (offset + bytes <= rival->begin) break;
    offset = std::max(offset, rival->end);
  }
  return offset;
}

/// Each request in turn at the lowest free offset.
ArenaPlan place_in_order(const std::vector<ArenaRequest>& requests, const std::vector<std::size_t>& order,
                         std::uint64_t alignment, std::uint64_t block_limit) {
  ArenaPlan plan;
  plan.regions.resize(requests.size());
  std::vector<std::vector<Placed>> blocks;
  for (std::size_t i : order) {
    const ArenaRequest& request = requests[i];
    if (!request.life.used()) continue;
    const std::uint64_t bytes = (request.bytes + alignment - 1) / alignment * alignment;
    if (bytes > block_limit)
      throw OutOfMemory("a tensor of " + std::to_string(bytes) + " bytes exceeds the largest allocation of " +
                        std::to_string(block_limit) + " bytes");
    plan.unaliased_bytes += bytes;
    std::size_t b = 0;
    std::uint64_t offset = 0;
    for (;; ++b) {
      if (b == blocks.size()) {
        blocks.emplace_back();
        plan.block_bytes.push_back(0);
      }
      offset = lowest_offset(blocks[b], request, bytes);
      if (offset + bytes <= block_limit) break;
    }
    blocks[b].push_back({offset, offset + bytes, request.life});
    plan.block_bytes[b] = std::max(plan.block_bytes[b], offset + bytes);
    plan.regions[i] = {static_cast<int>(b), offset};
  }
  plan.bytes = std::accumulate(plan.block_bytes.begin(), plan.block_bytes.end(), std::uint64_t{0});
  return plan;
}

/// Orders in which no one is best for all programs: the largest first, those that take most room for most time or live
/// longest, those that live last or first.
std::vector<std::vector<std::size_t>> orders_of(const std::vector<ArenaRequest>& requests) {
  const auto span = [&](std::size_t i) {
    return static_cast<double>(requests[i].life.last) - static_cast<double>(requests[i].life.first) + 1;
  };
  const auto size = [&](std::size_t i) { return static_cast<double>(requests[i].bytes); };
  const std::function<double(std::size_t)> keys[] = {
      size,
      [&](std::size_t i) { return size(i) * span(i); },
      span,
      [&](std::size_t i) { return -static_cast<double>(requests[i].life.first); },
      [&](std::size_t i) { return static_cast<double>(requests[i].life.last); }};
  std::vector<std::vector<std::size_t>> orders;
  for (const auto& key : keys) {
    auto& order = orders.emplace_back(requests.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return std::pair(key(a), size(a)) > std::pair(key(b), size(b));
    });
  }
  return orders;
}

/// What ends highest.
std::size_t highest(const std::vector<ArenaRequest>& requests, const ArenaPlan& plan) {
  std::size_t top = 0;
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (!requests[i].life.used() || plan.regions[i].offset + requests[i].bytes <= most) continue;
    most = plan.regions[i].offset + requests[i].bytes;
    top = i;
  }
  return top;
}

}  // namespace

/// Every order is improved by giving what ends highest the first choice, as long as time allows.
ArenaPlan plan_arena(const std::vector<ArenaRequest>& requests, std::uint64_t alignment, std::uint64_t block_limit) {
  const double pairs = static_cast<double>(requests.size()) * static_cast<double>(requests.size());
  const int rounds = static_cast<int>(std::min(40.0, 4e6 / (pairs + 1)));
  ArenaPlan best;
  for (std::vector<std::size_t>& order : orders_of(requests)) {
    for (int round = 0; round <= rounds; ++round) {
      ArenaPlan plan = place_in_order(requests, order, alignment, block_limit);
      const auto top = std::find(order.begin(), order.end(), highest(requests, plan));
      if (best.regions.empty() || plan.bytes < best.bytes) best = std::move(plan);
      if (top == order.begin() || top == order.end()) break;
      std::rotate(order.begin(), top, top + 1);
    }
  }
  return best;
}

}  // namespace volute
