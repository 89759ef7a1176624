// What is done to a graph after it is built, up to a device: gradients, the oracle, the compiler's passes and its plan,
// whose invariants are checked.
#include <algorithm>

#include <volute/reference.hpp>

#include "engine/compile/limits.hpp"
#include "engine/compile/memory.hpp"
#include "engine/compile/schedule.hpp"
#include "tests/fuzz/graph.hpp"

namespace volute::fuzz {
namespace {

/// Elements, counted over all steps of loops, that the oracle may compute without taking long.
constexpr std::int64_t most_work = 200'000;

std::int64_t work_of(const LiveGraph& live) {
  std::int64_t work = 0;
  for (const Node& node : live.graph->nodes) {
    std::int64_t elements = node.shape.elements();
    if (node.op == Op::matmul) elements *= std::min(most_work, node.inputs[0]->shape[-1]);
    const std::int64_t times = node.scope ? node.scope->length : 1;
    if (elements > most_work || times > most_work || work > most_work) return most_work + 1;
    work += elements * times;
  }
  return work;
}

void evaluate(const Graph& graph, const Targets& targets) {
  std::vector<Tensor> wanted = targets.outputs;
  for (const Update& update : targets.updates) wanted.push_back(update.value);
  if (wanted.empty()) return;
  const LiveGraph live = live_graph(graph, wanted);
  if (work_of(live) > most_work) return;
  Reference reference;
  reference.precision(targets.precision);
  for (const auto& [user, node] : live.from_user)
    if (user->op == Op::input && !user->has_default)
      reference.set(Tensor(const_cast<Node*>(user)), Reference::Values(static_cast<std::size_t>(user->shape.elements()), 1));
  const auto values = reference.evaluate(wanted);
  for (std::size_t i = 0; i < wanted.size(); ++i)
    require(static_cast<std::int64_t>(values[i].size()) == wanted[i].shape().elements(), "a value has its shape");
}

void check_plan(const std::vector<Section>& sections, const Layout& layout, const ArenaPlan& arena,
                const std::vector<ArenaRequest>& requests) {
  const auto& storages = layout.storages();
  for (std::size_t i = 0; i < storages.size(); ++i) {
    const Region& a = arena.regions[i];
    require((a.block >= 0) == requests[i].life.used(), "what is used has a place");
    for (std::size_t j = 0; a.block >= 0 && j < i; ++j) {
      const Region& b = arena.regions[j];
      const Lifetime &x = requests[i].life, &y = requests[j].life;
      const bool together = x.first <= y.last && y.first <= x.last;
      require(a.block != b.block || !together || a.offset >= b.offset + storages[j].bytes ||
                  b.offset >= a.offset + storages[i].bytes, "storages alive together share no bytes");
    }
  }
  std::int64_t commands = 0;
  for (const Section& section : sections)
    commands += static_cast<std::int64_t>(section.dispatches.size()) * std::max<std::int64_t>(section.length, 1);
  constexpr std::int64_t most_commands = 500;
  if (commands > most_commands) return;
  const Locate locate = [&](const Storage* storage) {
    const Region& region = arena.regions[static_cast<std::size_t>(storage->id)];
    return region.block >= 0 ? std::pair(region.block, region.offset) : std::pair(1000 + storage->id, std::uint64_t{0});
  };
  const auto scheduled = schedule(sections, locate, {1e9, [](const Dispatch&) { return 1.0; }});
  require(!find_hazard(scheduled, locate), "barriers order every hazard");
}

/// As compile does, for a device that is not there.
void plan(const Graph& graph, const Targets& targets, Input& in) {
  LiveGraph live = live_graph(graph, targets);
  check_counts(live);
  const bool recompute = in.flag();
  const Destinations destinations = run_passes(live, targets.precision, recompute).destinations;
  const bool texel = in.flag();
  const KernelTarget target{.texel_loads = texel,
                            .matmul = texel ? "texel" : "shared",
                            .cores = 2,
                            .shuffle_lanes = 8,
                            .scans = static_cast<Scans>(in.below(3)),
                            .max_storage_range = 1u << 27};
  check_counts(live);
  const auto units = fuse(live, fuse_limits(target));
  Layout layout(live, destinations, units);
  const auto sections = lower(units, layout, target);
  check_counts(layout, sections);
  std::vector<const Storage*> outputs;
  for (const Node* node : live.outputs) outputs.push_back(layout.view(node).storage);
  const auto lives = lifetimes(sections, layout.storages().size(), outputs);
  std::vector<ArenaRequest> requests;
  for (const Storage& storage : layout.storages())
    requests.push_back({storage.bytes, storage.kind == Storage::Kind::temporary ? lives[storage.id] : Lifetime{}});
  check_plan(sections, layout, plan_arena(requests, 64, 1u << 30), requests);
}

template <class F>
void typed(F f) {
  try {
    f();
  } catch (const InvalidGraph&) {
  } catch (const Unsupported&) {
  } catch (const OutOfMemory&) {
  }
}

}  // namespace

void sweep(GraphBuilder& built, Input in) {
  const Tensor last = built.pool.back();
  typed([&] { parameters_of(last); });
  typed([&] {
    const auto all = gradients(sum(last), {built.pool[2], built.pool[built.pool.size() / 2], built.pool[4]});
    evaluate(built.graph, Targets(all));
    plan(built.graph, Targets(all), in);
  });
  typed([&] { evaluate(built.graph, *built.targets); });
  typed([&] { plan(built.graph, *built.targets, in); });
}

}  // namespace volute::fuzz
