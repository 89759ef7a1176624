// Memory of the benchmarked steps beside what any plan needs: the most bytes alive at one time, found from the
// recorded commands alone, without the planner's lifetimes.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <set>

#include "engine/compile/program_data.hpp"
#include "tests/bench/step.hpp"
#include "tests/support/device.hpp"

namespace volute::bench {
namespace {

/// Between which commands a storage holds something that is read later: from `begin` (written by it) to `end`.
struct Stretch {
  std::size_t begin, end;
  std::uint64_t bytes;
};

/// A storage is alive from a write to the last read before it is written anew. Where only part of it is written anew,
/// the rest may live longer: what is counted is never more than what lives.
class Stretches {
 public:
  explicit Stretches(const Program::Data& data) {
    for (const Section& section : data.sections)
      for (const Dispatch& dispatch : section.dispatches)
        if (section.walked) walks_.insert(&dispatch);
    for (std::size_t at = 0; at < data.commands.size(); ++at) {
      for (const Touch& touch : data.commands[at].dispatch->touches)
        if (!touch.write) read(*touch.storage, at);
      for (const Touch& touch : data.commands[at].dispatch->touches)
        if (touch.write) write(*touch.storage, touch.moves, at);
    }
  }

  /// The most bytes alive just before or just after a command; in one command a result may replace an operand, but not
  /// where the command walks a loop, whose later steps read what earlier ones must not have written over.
  std::uint64_t peak(const std::vector<Command>& commands) const {
    std::vector<std::int64_t> change(commands.size() + 1, 0);
    for (const auto& [storage, stretches] : found_)
      for (const Stretch& s : stretches) {
        if (s.end == s.begin) continue;  // written and never read
        change[s.begin] += static_cast<std::int64_t>(s.bytes);
        change[s.end + walks_.count(commands[s.end].dispatch)] -= static_cast<std::int64_t>(s.bytes);
      }
    std::int64_t alive = 0, most = 0;
    for (std::int64_t c : change) most = std::max(most, alive += c);
    return static_cast<std::uint64_t>(most);
  }

 private:
  void read(const Storage& storage, std::size_t at) {
    const auto own = found_.find(&storage);
    if (own != found_.end()) own->second.back().end = at;
  }

  void write(const Storage& storage, bool moves, std::size_t at) {
    if (storage.kind != Storage::Kind::temporary) return;
    auto& own = found_[&storage];
    const bool anew = own.empty() || (!moves && own.back().end > own.back().begin);
    if (anew) own.push_back({at, at, storage.bytes});
  }

  std::map<const Storage*, std::vector<Stretch>> found_;
  std::set<const Dispatch*> walks_;
};

double mebibytes(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

TEST(Memory, IsNearWhatAnyPlanNeeds) {
  std::printf("%-28s %9s %9s %7s %9s %9s  MiB\n", "", "arena", "alive", "ratio", "variables", "unaliased");
  for (const StepRow& row : step_rows()) {
    if (row.layer_only()) continue;
    Step step(test::device(), row);
    const Program::Data& data = step.program().data();
    const std::uint64_t alive = Stretches(data).peak(data.commands), arena = data.stats.arena_bytes;
    std::uint64_t variables = 0;
    for (const Storage& storage : data.layout->storages())
      if (storage.kind != Storage::Kind::temporary) variables += storage.bytes;
    std::printf("%-28s %9.2f %9.2f %7.3f %9.2f %9.2f\n", row.name().c_str(), mebibytes(arena), mebibytes(alive),
                static_cast<double>(arena) / static_cast<double>(alive), mebibytes(variables),
                mebibytes(data.stats.unaliased_bytes));
    EXPECT_GT(alive, 0u);
    EXPECT_GE(arena, alive) << row.name() << ": less than what is alive at one time cannot be right";
    EXPECT_LE(arena, alive + alive * 15 / 100) << row.name();
  }
}

}  // namespace
}  // namespace volute::bench
