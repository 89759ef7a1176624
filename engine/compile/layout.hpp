// Where every value lives: storages, and the view through which each node is read or written.
// Invariant: a node has one place; views of nodes that have none are derived from what they look at.
#pragma once

#include <deque>
#include <map>
#include <unordered_set>

#include "engine/compile/fuse.hpp"
#include "engine/graph/operation.hpp"
#include "engine/kernels/operand.hpp"

namespace volute {

class Layout {
 public:
  Layout(const LiveGraph& live, const Destinations& destinations, const std::vector<Unit>& units);

  /// Where a node's values are read, or written by the kernel that makes them.
  View view(const Node* node);
  /// Whether a value must be in memory, not only in registers of its kernel.
  bool is_needed(const Node* node) const { return needed_.contains(node); }
  /// Scratch memory of one kernel.
  const Storage* scratch(const std::string& name, std::int64_t elements);

  /// Updates that a kernel could not write in place; they are copied at the end of the run.
  const std::vector<std::pair<const Node*, const Node*>>& late_updates() const { return late_updates_; }
  /// Inputs, parameters and states the program touches, with their storage.
  const std::map<const Node*, const Storage*>& leaves() const { return leaves_; }
  const std::deque<Storage>& storages() const { return storages_; }

 private:
  struct StateSlots {
    const Storage* storage = nullptr;
    std::int64_t stride = 0;
    std::int64_t slots = 0;  ///< 0: one for every step, and one more
  };

  void find_needed(const std::vector<Unit>& units);
  void note_reads(const Node* node, const std::unordered_map<const Node*, const Unit*>& unit_of);
  void place_updates(const LiveGraph& live, const std::vector<Unit>& units);
  Storage* add_storage(Storage::Kind kind, std::string name, DType dtype, std::int64_t elements);
  const StateSlots& state_slots(const Scan* scan, int state);
  /// Slot of a state: before (0) or after (1) step t, as a place that moves with t.
  View state_view(const Scan* scan, int state, int after);
  /// The slot a state starts from (0) or ends in (1).
  View state_end(const Scan* scan, int state, int end);
  View state_history(const Scan* scan, int state, int after);
  View place(const Node* node);
  View stack_view(const Node* stack);
  const Storage* stack_storage(const Scan* scan, const Node* body);
  View leaf_view(const Node* node);
  View compute(const Node* node);

  const Destinations& destinations_;
  std::deque<Storage> storages_;
  std::unordered_map<const Node*, View> views_;
  std::unordered_set<const Node*> needed_;
  std::unordered_map<const Node*, const Node*> in_place_;  ///< value -> the parameter or state it overwrites
  std::vector<std::pair<const Node*, const Node*>> late_updates_;
  std::map<const Node*, const Storage*> leaves_;
  std::map<std::pair<const Scan*, int>, StateSlots> states_;
  std::unordered_map<const Node*, const Storage*> stacks_;
};

}  // namespace volute
