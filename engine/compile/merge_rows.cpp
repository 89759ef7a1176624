// Joins kernels that walk the same rows: reductions over the last axis and the pointwise work before, between
// and after them become one row kernel. Invariant: a unit never reads, other than in registers, what it makes.

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "engine/compile/fuse.hpp"
#include "engine/compile/layout.hpp"
#include "engine/graph/operation.hpp"
#include "engine/kernels/rows.hpp"

namespace volute {
namespace {

using Nodes = std::vector<const Node*>;

/// Elements of a row for each row there is, beyond which walking rows leaves too much of the device idle.
constexpr std::int64_t kWidthPerRow = 256;
/// A few passes over a row stay below what bounds the loops of an invocation (KernelTarget::max_iterations).
constexpr std::int64_t kWidest = 32768;

std::vector<const Node*> all_nodes(const Unit& unit) {
  std::vector<const Node*> nodes = unit.nodes;
  if (unit.anchor) nodes.push_back(unit.anchor);
  return nodes;
}

/// The shape of the rows a unit reduces; nothing if it reduces none.
std::optional<RowSpace> reduced_rows(const Unit& unit) {
  if (unit.kind == Unit::Kind::loop) return std::nullopt;
  for (const Node* node : all_nodes(unit))
    if (is_row_reduction(node)) return RowSpace{node->inputs[0]->shape};
  return std::nullopt;
}

/// Whether a unit can be part of a kernel that walks these rows.
bool walks(const Unit& unit, const RowSpace& space) {
  if (unit.kind == Unit::Kind::reduce || unit.kind == Unit::Kind::rows) {
    const auto own = reduced_rows(unit);
    return own && own->wide == space.wide;
  }
  if (unit.kind != Unit::Kind::fused) return false;
  if (space.is_wide(unit.nodes[0]->shape)) return true;
  const auto one_a_row = [](const Node* node) { return node->op != Op::random && node->op != Op::embedding; };
  return space.is_row(unit.nodes[0]->shape) && std::all_of(unit.nodes.begin(), unit.nodes.end(), one_a_row);
}

/// Whether a kernel that has `base` in registers can use it through the views in front of `use`.
bool in_registers(const Node* use, const Node* base, const RowSpace& space) {
  for (; use != base; use = use->inputs[0]) {
    const Shape &from = use->inputs[0]->shape, &to = use->shape;
    const bool spread = use->op == Op::broadcast && space.is_column(from) && space.is_wide(to);
    const bool renamed = use->op == Op::reshape && space.is_row(from) && space.is_row(to);
    if (!spread && !renamed && use->op != Op::stop_gradient) return false;
  }
  return true;
}

/// How many push words the views of a kernel need at most. Views that move alike share one: those that start a
/// sequence, or a state's history, at each step, by the size of the step.
class PushWords {
 public:
  void read(const Node* use) {
    const Node* first = use;
    bool shifted = false;  // starts inside its tensor, beyond what stands in the text
    for (; operation(use->op).kind == Kind::view; use = use->inputs[0])
      shifted |= use->op == Op::slice && (use != first || use->ints[0] + 1 != use->shape.rank());
    const std::int64_t size = padded_elements(use->shape);
    const bool whole = use->op == Op::element && use->inputs[0] == stored(use->inputs[0]);
    if (whole && !shifted) sequences_.insert(size);
    else if (use->op == Op::element || shifted) alone_.insert(first);
    if (use->op == Op::carry || use->op == Op::stack || use->op == Op::last) states_.insert(size);
  }
  /// A result some step, or the outside, reads: the next state, a place in a sequence, a piece of either.
  void write(const Node* node) {
    const std::int64_t size = padded_elements(node->shape);
    sequences_.insert(size);
    states_.insert(size);
  }
  void alone(const Node* node) { alone_.insert(node); }
  /// A state is kept in two slots or in its history, at the step or one after.
  int most() const { return static_cast<int>(alone_.size() + sequences_.size() + 4 * states_.size()); }

 private:
  std::set<const Node*> alone_;
  std::set<std::int64_t> sequences_, states_;
};

class RowMerger {
 public:
  /// `kept`: what other scopes, outputs and updates need in memory. `pieces`: what is made as part of a concat.
  RowMerger(std::vector<Unit> units, const FuseLimits& limits, const std::set<const Node*>& kept,
            const std::set<const Node*>& pieces)
      : units_(std::move(units)), limits_(limits), kept_(kept), pieces_(pieces) {}

  std::vector<Unit> run() {
    for (bool changed = true; changed;) {
      changed = false;
      note_edges();
      for (std::size_t i = 0; i < units_.size() && !changed; ++i) changed = merge_into(i);
    }
    return std::move(units_);
  }

 private:
  static Nodes reads_of(const Node* node) {
    if (node->op != Op::scan) return {node->inputs.begin(), node->inputs.end()};
    const auto outside = read_from_outside(node->scan);
    return {outside.begin(), outside.end()};
  }

  /// The nodes of units whose results a use reads.
  static void producers(const Node* use, Nodes& found) {
    use = stored(use);
    if (use->op == Op::stack || use->op == Op::last) use = use->scan->node;
    if (use->op != Op::concat) return found.push_back(use);
    for (const Node* piece : use->inputs) producers(piece, found);
  }

  void note_edges() {
    std::map<const Node*, std::size_t> unit_of;
    for (std::size_t u = 0; u < units_.size(); ++u)
      for (const Node* node : all_nodes(units_[u])) unit_of[node] = u;
    reads_.assign(units_.size(), {});
    users_.clear();
    for (std::size_t u = 0; u < units_.size(); ++u) {
      for (const Node* node : all_nodes(units_[u])) {
        for (const Node* input : reads_of(node)) {
          Nodes made;
          producers(input, made);
          users_[stored(input)].insert(u);
          for (const Node* producer : made)
            if (const auto found = unit_of.find(producer); found != unit_of.end() && found->second != u)
              reads_[u].insert(found->second);
        }
      }
    }
  }

  bool merge_into(std::size_t i) {
    for (std::size_t j = i + 1; j < units_.size(); ++j) {
      if (units_[j].kind == Unit::Kind::exchange) return false;  // what is before is not to wait for other ranks
      auto space = reduced_rows(units_[i]);
      if (!space) space = reduced_rows(units_[j]);
      if (!space || !walks(units_[i], *space) || !walks(units_[j], *space)) continue;
      if (space->wide[-1] > std::min(kWidthPerRow * space->rows(), kWidest)) continue;
      const std::set<std::size_t> after = followers(i, j);
      const bool around = std::any_of(after.begin(), after.end(), [&](std::size_t u) { return reads_[j].contains(u); });
      if (around || !related(i, j, *space) || !fits(units_[i], units_[j], *space)) continue;
      if (!keeps_little(i, j, *space)) continue;
      merge(i, j);
      return true;
    }
    return false;
  }

  /// Units between i and j that need i.
  std::set<std::size_t> followers(std::size_t i, std::size_t j) const {
    std::set<std::size_t> found;
    for (std::size_t u = i + 1; u < j; ++u) {
      const bool follows = reads_[u].contains(i) || std::any_of(found.begin(), found.end(), [&](std::size_t f) {
                             return reads_[u].contains(f);
                           });
      if (follows) found.insert(u);
    }
    return found;
  }

  /// Worth one walk: one reads what the other makes, or both walk the same memory.
  bool related(std::size_t i, std::size_t j, const RowSpace& space) const {
    if (reads_[j].contains(i)) return true;
    const auto mine = wide_reads(units_[i], space), theirs = wide_reads(units_[j], space);
    return std::any_of(mine.begin(), mine.end(), [&](const Node* node) { return theirs.contains(node); });
  }

  /// Tensors of the rows' full size that a unit reads from memory.
  static std::set<const Node*> wide_reads(const Unit& unit, const RowSpace& space) {
    std::set<const Node*> found;
    const std::vector<const Node*> nodes = all_nodes(unit);
    for (const Node* node : nodes) {
      for (const Node* input : node->inputs) {
        const Node* base = stored(input);
        const bool inside = std::find(nodes.begin(), nodes.end(), base) != nodes.end();
        const bool whole = space.is_wide(input->shape) && base->shape.elements() >= space.wide.elements();
        if (!inside && whole && base->op != Op::constant && base->op != Op::iota) found.insert(base);
      }
    }
    return found;
  }

  /// Units i to j may lie on both sides of a loop. What is moved across must not keep large tensors while it runs.
  bool keeps_little(std::size_t i, std::size_t j, const RowSpace& space) const {
    const std::set<std::size_t> before = needed_before(i, j);
    bool delayed = false, hoisted = false;
    for (std::size_t u = i + 1; u < j; ++u)
      if (units_[u].kind == Unit::Kind::loop) (before.contains(u) ? delayed : hoisted) = true;
    const auto wide = [&](const Node* node) { return node->shape.elements() > space.rows(); };
    if (delayed && !wide_reads(units_[i], space).empty()) return false;
    const std::vector<const Node*> made = all_nodes(units_[j]);
    return !hoisted || std::none_of(made.begin(), made.end(), [&](const Node* node) {
      return wide(node) && (kept_.contains(node) || used_elsewhere(node, units_[i], units_[j]));
    });
  }

  /// Units between i and j that j needs.
  std::set<std::size_t> needed_before(std::size_t i, std::size_t j) const {
    std::set<std::size_t> before = reads_[j];
    for (std::size_t u = j; u-- > i + 1;)
      if (before.contains(u)) before.insert(reads_[u].begin(), reads_[u].end());
    return before;
  }

  /// Everything one reads of the other is at hand in its row, and the kernel has slots for what it touches.
  bool fits(const Unit& a, const Unit& b, const RowSpace& space) const {
    std::set<const Node*> inside, reads;
    PushWords words;
    for (const Unit* unit : {&a, &b})
      for (const Node* node : all_nodes(*unit)) inside.insert(node);
    for (const Node* node : inside) {
      if (is_half(node->dtype)) return false;  // rows are read and stored in words
      for (const Node* input : node->inputs) {
        const Node* base = stored(input);
        if (is_half(input->dtype)) return false;
        if (inside.contains(base) && !in_registers(input, base, space)) return false;
        if (makes_piece_of(base, inside)) return false;
        if (inside.contains(base) || base->op == Op::constant || base->op == Op::iota) continue;
        reads.insert(base);
        words.read(input);
      }
    }
    int writes = 0;
    for (const Node* node : inside) {
      writes += kept_.contains(node) || used_elsewhere(node, a, b);
      if (kept_.contains(node)) words.write(node);
      if (node->op == Op::random || pieces_.contains(node)) words.alone(node);
    }
    const int all = static_cast<int>(reads.size()) + writes;
    return static_cast<int>(reads.size()) <= limits_.reads && writes <= limits_.writes && all <= limits_.bindings &&
           words.most() <= limits_.push_words;
  }

  static bool makes_piece_of(const Node* base, const std::set<const Node*>& inside) {
    return base->op == Op::concat && std::any_of(base->inputs.begin(), base->inputs.end(), [&](const Node* piece) {
             return inside.contains(stored(piece));
           });
  }

  bool used_elsewhere(const Node* node, const Unit& a, const Unit& b) const {
    const auto found = users_.find(node);
    return found != users_.end() && std::any_of(found->second.begin(), found->second.end(), [&](std::size_t u) {
             return &units_[u] != &a && &units_[u] != &b;
           });
  }

  /// The joined unit stands as early as it can: after what j needs.
  void merge(std::size_t i, std::size_t j) {
    const std::set<std::size_t> before = needed_before(i, j);
    Unit joined{Unit::Kind::rows, all_nodes(units_[i]), nullptr, {}};
    for (const Node* node : all_nodes(units_[j])) joined.nodes.push_back(node);
    std::vector<Unit> order(units_.begin(), units_.begin() + static_cast<std::ptrdiff_t>(i));
    for (std::size_t u = i + 1; u < j; ++u)
      if (before.contains(u)) order.push_back(units_[u]);
    order.push_back(std::move(joined));
    for (std::size_t u = i + 1; u < units_.size(); ++u)
      if (u != j && !(u < j && before.contains(u))) order.push_back(units_[u]);
    units_ = std::move(order);
  }

  std::vector<Unit> units_;
  const FuseLimits limits_;
  const std::set<const Node*>&kept_, &pieces_;
  std::vector<std::set<std::size_t>> reads_;            ///< by unit: units it reads results of
  std::map<const Node*, std::set<std::size_t>> users_;  ///< units that read a node, behind views
};

}  // namespace

std::vector<Unit> merge_rows(const LiveGraph& live, std::vector<Unit> units, const FuseLimits& limits) {
  std::set<const Node*> kept(live.outputs.begin(), live.outputs.end());
  for (const auto& [target, value] : live.updates) kept.insert(value);
  for (const Scan& scan : live.graph->scans) {
    kept.insert(scan.results.begin(), scan.results.end());
    kept.insert(scan.next.begin(), scan.next.end());
  }
  std::set<const Node*> pieces;
  for (const Node& node : live.graph->nodes)
    if (node.op == Op::concat) pieces.insert(node.inputs.begin(), node.inputs.end());
  for (Unit& unit : units)
    if (unit.kind == Unit::Kind::loop) unit.body = RowMerger(std::move(unit.body), limits, kept, pieces).run();
  return RowMerger(std::move(units), limits, kept, pieces).run();
}

}  // namespace volute
