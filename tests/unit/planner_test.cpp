// The memory plan and the barriers, against brute force: liveness is found again from the unrolled commands,
// and every derived barrier is shown to be needed by taking it away. No device is involved.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/compile/memory.hpp"
#include "engine/compile/passes.hpp"
#include "engine/compile/schedule.hpp"
#include "tests/unit/random_graph.hpp"

namespace volute {
namespace {

bool overlap(std::uint64_t a, std::uint64_t a_size, std::uint64_t b, std::uint64_t b_size) {
  return a < b + b_size && b < a + a_size;
}

// Requests. --------------------------------------------------------------------------------------------

std::vector<ArenaRequest> random_requests(std::uint32_t seed) {
  std::mt19937 engine(seed);
  const auto below = [&](std::uint32_t bound) { return engine() % bound; };
  std::vector<ArenaRequest> requests(below(60) + 1);
  for (ArenaRequest& request : requests) {
    request.bytes = below(4) ? below(4000) + 1 : 64 * (below(8) + 1);  // equal sizes too
    if (below(10) == 0) continue;                                      // never used
    request.life.first = below(40);
    request.life.last = request.life.first + below(below(3) ? 6 : 40);
  }
  return requests;
}

void expect_disjoint(const std::vector<ArenaRequest>& requests, const ArenaPlan& plan, std::uint64_t alignment,
                     std::uint64_t limit) {
  std::uint64_t all = 0;
  for (std::uint64_t bytes : plan.block_bytes) {
    EXPECT_LE(bytes, limit);
    all += bytes;
  }
  EXPECT_EQ(all, plan.bytes);
  EXPECT_LE(plan.bytes, plan.unaliased_bytes);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Region& mine = plan.regions[i];
    ASSERT_EQ(mine.block >= 0, requests[i].life.used());
    if (mine.block < 0) continue;
    EXPECT_EQ(mine.offset % alignment, 0u);
    EXPECT_LE(mine.offset + requests[i].bytes, plan.block_bytes[static_cast<std::size_t>(mine.block)]);
    for (std::size_t j = 0; j < i; ++j) {
      const Lifetime &a = requests[i].life, &b = requests[j].life;
      if (plan.regions[j].block != mine.block || a.first > b.last || b.first > a.last) continue;
      EXPECT_FALSE(overlap(mine.offset, requests[i].bytes, plan.regions[j].offset, requests[j].bytes))
          << i << ", " << j;
    }
  }
}

TEST(Planner, RequestsAliveTogetherAreDisjoint) {
  std::uint64_t bytes = 0, unaliased = 0;
  for (std::uint32_t seed = 0; seed < 500; ++seed) {
    const auto requests = random_requests(seed);
    const std::uint64_t limit = seed % 3 ? 1u << 20 : 8192;  // every third in several blocks
    const ArenaPlan plan = plan_arena(requests, 64, limit);
    expect_disjoint(requests, plan, 64, limit);
    bytes += plan.bytes, unaliased += plan.unaliased_bytes;
    if (HasFailure()) FAIL() << "seed " << seed;
  }
  EXPECT_LT(2 * bytes, unaliased);
}

TEST(Planner, RefusesWhatFitsInNoBlock) {
  EXPECT_NO_THROW(plan_arena({{4096, {0, 1}}}, 64, 4096));
  EXPECT_THROW(plan_arena({{4097, {0, 1}}}, 64, 4096), OutOfMemory);
  EXPECT_EQ(plan_arena({{4097, {}}}, 64, 4096).bytes, 0u);
}

// Graphs. ----------------------------------------------------------------------------------------------

/// What compile does before it needs a device.
struct Plan {
  Plan(const Graph& graph, const Targets& targets, bool texel = true, Scans scans = Scans::automatic) {
    live = live_graph(graph, targets);
    simplify(live);
    hoist(live);
    simplify(live);
    canonicalise(live);
    destinations = materialise(live);
    const auto units = fuse(live, {});
    layout = std::make_unique<Layout>(live, destinations, units);
    sections = lower(units, *layout, {.texel_loads = texel,
                                      .matmul = texel ? "texel" : "shared",
                                      .cores = 2,
                                      .shuffle_lanes = 8,
                                      .scans = scans});
    for (const Node* node : live.outputs) outputs.push_back(layout->view(node).storage);
    const auto lives = lifetimes(sections, layout->storages().size(), outputs);
    std::vector<ArenaRequest> requests;
    for (const Storage& storage : layout->storages())
      requests.push_back({storage.bytes, storage.kind == Storage::Kind::temporary
                                             ? lives[static_cast<std::size_t>(storage.id)]
                                             : Lifetime{}});
    arena = plan_arena(requests, 64, 1u << 30);
  }

  /// Arena blocks are buffers of their own, and so is every variable.
  Locate locate() const {
    return [this](const Storage* storage) {
      const Region& region = arena.regions[static_cast<std::size_t>(storage->id)];
      return region.block >= 0 ? std::pair(region.block, region.offset)
                               : std::pair(1000 + storage->id, std::uint64_t{0});
    };
  }
  std::vector<Command> commands(double budget) const {
    return schedule(sections, locate(), {budget, [](const Dispatch&) { return 1.0; }});
  }

  LiveGraph live;
  Destinations destinations;
  std::unique_ptr<Layout> layout;
  std::vector<Section> sections;
  std::vector<const Storage*> outputs;
  ArenaPlan arena;
};

/// Stretches of the unrolled commands in which a storage holds something that is still read.
using Stretches = std::vector<std::pair<std::int64_t, std::int64_t>>;

struct Use {
  std::int64_t command, iteration;  ///< iterations are numbered over all loops; one for each section outside
  std::size_t section;
  bool reads, writes, moves;
};

std::vector<std::vector<Use>> uses_by_storage(const Plan& plan) {
  std::vector<std::vector<Use>> uses(plan.layout->storages().size());
  std::int64_t command = 0, iteration = 0;
  for (std::size_t s = 0; s < plan.sections.size(); ++s) {
    for (std::int64_t step = 0; step < std::max<std::int64_t>(plan.sections[s].length, 1); ++step, ++iteration) {
      for (const Dispatch& dispatch : plan.sections[s].dispatches) {
        for (const Touch& touch : dispatch.touches) {
          auto& row = uses[static_cast<std::size_t>(touch.storage->id)];
          if (row.empty() || row.back().command != command) row.push_back({command, iteration, s, false, false, false});
          row.back().reads |= !touch.write && !row.back().writes;  // a later stage may read what an earlier one wrote
          row.back().writes |= touch.write;
          row.back().moves |= touch.moves;
        }
        ++command;
      }
    }
  }
  return uses;
}

/// A storage used by one loop alone, written anew at each step before it is read, is free between steps.
Stretches stretches_of(const std::vector<Use>& uses) {
  bool each_step = true;
  for (std::size_t i = 0; i < uses.size(); ++i) {
    const bool opens = i == 0 || uses[i].iteration != uses[i - 1].iteration;
    each_step &= uses[i].section == uses[0].section && !uses[i].moves && !(opens && uses[i].reads);
  }
  Stretches found;
  for (std::size_t i = 0; i < uses.size(); ++i) {
    const bool opens = i == 0 || (each_step && uses[i].iteration != uses[i - 1].iteration);
    if (opens) found.emplace_back(uses[i].command, uses[i].command);
    found.back().second = uses[i].command;
  }
  return found;
}

bool overlap(const Stretches& a, const Stretches& b) {
  for (const auto& x : a)
    for (const auto& y : b)
      if (x.first <= y.second && y.first <= x.second) return true;
  return false;
}

/// Bindings no touch speaks of, reads of what was never written, and live storages that share bytes.
void expect_sound(const Plan& plan) {
  for (const Section& section : plan.sections)
    for (const Dispatch& dispatch : section.dispatches)
      for (const Binding& binding : dispatch.bindings)
        EXPECT_TRUE(std::any_of(dispatch.touches.begin(), dispatch.touches.end(), [&](const Touch& touch) {
          return touch.storage == binding.storage;
        })) << dispatch.label;
  const auto uses = uses_by_storage(plan);
  std::vector<Stretches> alive(uses.size());
  for (const Storage& storage : plan.layout->storages()) {
    const auto id = static_cast<std::size_t>(storage.id);
    if (storage.kind != Storage::Kind::temporary || uses[id].empty()) continue;
    EXPECT_TRUE(uses[id].front().writes) << storage.name << " is read before it is written";
    alive[id] = stretches_of(uses[id]);
    if (std::find(plan.outputs.begin(), plan.outputs.end(), &storage) != plan.outputs.end())
      alive[id] = {{alive[id].front().first, INT64_MAX}};
  }
  const auto& storages = plan.layout->storages();
  for (std::size_t i = 0; i < alive.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const Region &a = plan.arena.regions[i], &b = plan.arena.regions[j];
      if (a.block < 0 || a.block != b.block || !overlap(a.offset, storages[i].bytes, b.offset, storages[j].bytes))
        continue;
      EXPECT_FALSE(overlap(alive[i], alive[j])) << storages[i].name << " and " << storages[j].name;
    }
  }
}

TEST(Planner, LiveStoragesOfRandomGraphsAreDisjoint) {
  std::uint64_t bytes = 0, unaliased = 0;
  std::size_t loops = 0;
  for (std::uint32_t seed = 0; seed < 500; ++seed) {
    const test::RandomGraph random(seed);
    const Plan plan(random.graph, random.targets, seed % 2, seed / 2 % 2 ? Scans::unrolled : Scans::persistent);
    expect_sound(plan);
    bytes += plan.arena.bytes, unaliased += plan.arena.unaliased_bytes;
    for (const Section& section : plan.sections) loops += section.length > 0;
    if (HasFailure()) FAIL() << "seed " << seed;
  }
  std::printf("500 graphs, %zu loops, %.1f MiB in place of %.1f\n", loops, static_cast<double>(bytes) / (1 << 20),
              static_cast<double>(unaliased) / (1 << 20));
  EXPECT_GT(loops, 300u);
  EXPECT_LT(bytes, unaliased);
}

// A table made in the body cannot be looked up for all steps at once: what follows it must stay in the loop.
TEST(Planner, LoopsDoNotWaitForThemselves) {
  Graph g;
  const Tensor xs = g.input("xs", {5, 4, 3}), i = g.input("i", {5, 2}, DType::u32), h = g.state("h", {2, 3});
  const ScanResult looked_up = scan({xs, i}, {h}, [](std::span<const Tensor> x, std::span<const Tensor> states) {
    const Tensor rows = embedding(tanh(x[0]), x[1]);  // [2, 3]
    return ScanStep{{tanh(states[0] + sum(rows))}, {}};
  });
  expect_sound(Plan(g, looked_up.last[0]));

  // Backwards, the gradient of the mean is a sum that leaves the loop; what is computed from it must follow.
  const Parameter p("p", {3, 4}, std::vector<float>(12, 0.5f));
  const auto [ys, last] =
      scan(xs, h, [&](Tensor x, Tensor state) { return tanh(state + mean(tanh(matmul(x, g.parameter(p))))); });
  expect_sound(Plan(g, minimize(mean(last * last), SGD{})));
}

// Barriers. ---------------------------------------------------------------------------------------------

TEST(Barriers, EachIsNeeded) {
  int taken = 0;
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    const test::RandomGraph random(seed);
    const Plan plan(random.graph, random.targets);
    auto commands = plan.commands(1e9);
    ASSERT_FALSE(find_hazard(commands, plan.locate())) << "seed " << seed;
    for (Command& command : commands) {
      if (!command.barrier) continue;
      command.barrier = false;
      const auto hazard = find_hazard(commands, plan.locate());
      ASSERT_TRUE(hazard) << "seed " << seed << ": a barrier too many before " << command.dispatch->label;
      EXPECT_LE(hazard->second, static_cast<std::size_t>(&command - commands.data()) + commands.size());
      command.barrier = true;
      ++taken;
    }
  }
  std::printf("%d barriers taken away, one at a time\n", taken);
  EXPECT_GT(taken, 1000);
}

TEST(Barriers, CutsStandInForThem) {
  const test::RandomGraph random(9);
  const Plan plan(random.graph, random.targets);
  const auto whole = plan.commands(1e9);
  auto cut = plan.commands(2.5);  // two dispatches a part
  ASSERT_GT(std::count_if(cut.begin(), cut.end(), [](const Command& c) { return c.new_part; }), 5);
  EXPECT_FALSE(find_hazard(cut, plan.locate()));
  int needed = 0, cuts = 0;
  for (std::size_t i = 1; i < cut.size(); ++i) {
    const Command kept = cut[i];
    if (!kept.new_part && !kept.barrier) continue;
    cut[i].new_part = cut[i].barrier = false;
    const bool hazard = find_hazard(cut, plan.locate()).has_value();
    EXPECT_TRUE(hazard || kept.new_part) << "before " << kept.dispatch->label;
    needed += kept.new_part && hazard;
    cuts += kept.new_part;
    cut[i] = kept;
  }
  EXPECT_GT(needed, 0);
  for (Command& command : cut) command.new_part = false;
  EXPECT_TRUE(find_hazard(cut, plan.locate()));
  EXPECT_EQ(cut.size(), whole.size());
  std::printf("%d of %d cuts stand in for a barrier\n", needed, cuts);
}

}  // namespace
}  // namespace volute
