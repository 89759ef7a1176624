// Fusion: pointwise chains share a kernel, single-use chains ride in front of the reduction they feed.
// Pointwise work is delayed to the kernel that needs it, so that it fuses with its users; see fuse.hpp.

#include "engine/compile/fuse.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <unordered_set>

#include "engine/compile/layout.hpp"
#include "engine/graph/operation.hpp"
#include "engine/kernels/fused.hpp"

namespace volute {
namespace {

bool is_heavy(const Node* node) {
  return node->op == Op::matmul || node->op == Op::sum || node->op == Op::max || node->op == Op::scatter_add ||
         node->op == Op::scan || node->op == Op::sum_over_ranks;
}

/// Of a generated kernel. What is written by hand stays far below; a chain of thousands is cut, so that neither this
/// pass nor a driver's compiler takes forever.
constexpr int most_nodes = 256;

class Fuser {
 public:
  /// Fuses a scope. First in the hope that users still to be placed will join the kernel of what they use; if a
  /// kernel ends up with too many operands that way, again counting every value a later kernel might need.
  static std::vector<Unit> fuse_scope(const std::vector<Node*>& order, const Scan* scope, const FuseLimits& limits,
                                      const std::vector<Node*>& kept) {
    for (const bool hopeful : {true, false}) {
      Fuser fuser(order, scope, limits, hopeful);
      for (const Node* node : kept) fuser.keep(node);
      std::vector<Unit> units = fuser.run();
      if (!hopeful || fuser.within_limits(units)) return units;
    }
    return {};
  }

 private:
  Fuser(const std::vector<Node*>& order, const Scan* scope, const FuseLimits& limits, bool hopeful)
      : order_(order), scope_(scope), limits_(limits), hopeful_(hopeful) {}

  std::vector<Unit> run() {
    count_users();
    absorb_prologues();
    find_levels();
    find_accumulations();
    find_phases();
    for (const Node* node : sorted()) place(node);
    return units_;
  }

  bool within_limits(const std::vector<Unit>& units) {
    hopeful_ = false;
    for (int u = 0; u < static_cast<int>(units.size()); ++u)
      if (units[u].kind == Unit::Kind::fused && count_external(u, nullptr, operands_[u]) > limits_.operands)
        return false;
    return true;
  }

  bool local(const Node* node) const { return node->scope == scope_; }

  std::vector<const Node*> reads_of(const Node* node) const {
    if (node->op == Op::scan) {
      const auto outside = read_from_outside(node->scan);
      return {outside.begin(), outside.end()};
    }
    if (node->op == Op::stack || node->op == Op::last) return {node->scan->node};
    if (node->op == Op::element || node->op == Op::carry) return {};
    return {node->inputs.begin(), node->inputs.end()};
  }

  void count_users() {
    for (const Node* node : order_)
      for (const Node* input : reads_of(node))
        if (local(input)) users_[input].push_back(node);
  }

  /// Single-use pointwise chains in front of a reduction become part of it.
  void absorb_prologues() {
    for (const Node* node : order_)
      if (node->op == Op::sum || node->op == Op::max) absorb(node->inputs[0], node);
  }

  void absorb(const Node* node, const Node* reduce) {
    if (!local(node) || !is_fusable(node) || kept_.contains(node) || absorbed_.contains(node)) return;
    const auto& users = users_[node];  // a square uses its operand twice
    const bool single = std::all_of(users.begin(), users.end(), [&](const Node* user) { return user == users[0]; });
    if (!single || node->shape != reduce->inputs[0]->shape) return;
    auto& chain = prologues_[reduce];
    if (static_cast<int>(chain.size()) > limits_.operands || ++claimed_[reduce] > most_nodes) return;
    absorbed_[node] = reduce;
    if (node->op != Op::embedding)
      for (const Node* input : node->inputs) absorb(input, reduce);
    chain.push_back(node);
  }

  /// Values some other scope, an output, an update or a stack needs in memory.
  void keep(const Node* node) { kept_.insert(node); }

  /// How many kernels must have run before: pointwise work does not add to it, everything else does. What other ranks
  /// send is waited for when all is done that does not need it.
  void find_levels() {
    std::unordered_set<const Node*> late;  // sums over ranks, and what needs them
    int last = 0;
    for (const Node* node : order_) {
      const auto reads = reads_of(node);
      const bool waits = std::any_of(reads.begin(), reads.end(), [&](const Node* n) { return late.contains(n); });
      if (waits || node->op == Op::sum_over_ranks) late.insert(node);
      else last = std::max(last, level_[node] = level_of(node));
    }
    for (const Node* node : order_)
      if (late.contains(node))
        level_[node] = std::max(level_of(node), node->op == Op::sum_over_ranks ? last + 1 : 0);
  }

  int level_of(const Node* node) {
    int level = 0;
    for (const Node* input : reads_of(node))
      if (local(input)) level = std::max(level, level_[input]);
    return level + (is_heavy(node) ? 1 : 0);
  }

  /// A sum of results of kernels outside of loops, taken as they come: delayed, it would keep every term in memory.
  void find_accumulations() {
    if (scope_) return;
    for (const Node* node : order_) {
      if (node->op != Op::add || absorbed_.contains(node)) continue;
      const bool all = std::all_of(node->inputs.begin(), node->inputs.end(), [&](const Node* input) {
        input = stored(input);
        return local(input) && (is_heavy(input) || accumulations_.contains(input));
      });
      if (all) accumulations_.insert(node);
    }
  }

  /// A copy of what is in memory already; made at once, it lets the original go. In a loop it joins others.
  bool moves_memory(const Node* node) const {
    return !scope_ && node->op == Op::copy && !(local(node->inputs[0]) && is_fusable(node->inputs[0]));
  }

  /// Other ranks wait for it.
  bool is_sent(const Node* node) {
    const auto& users = users_[node];
    return !users.empty() && std::all_of(users.begin(), users.end(), [](const Node* user) {
      return user->op == Op::sum_over_ranks;
    });
  }

  /// The latest level at which a pointwise node can still serve all its users; the last one if it has none and
  /// is only kept, so that it never makes a kernel of its own before one it could join.
  void find_phases() {
    int last = 0;
    for (const auto& [node, level] : level_) last = std::max(last, level);
    for (auto it = order_.rbegin(); it != order_.rend(); ++it) {
      const Node* node = *it;
      int phase = std::numeric_limits<int>::max();
      for (const Node* user : users_[node]) {
        const auto absorbed = absorbed_.find(user);
        if (absorbed != absorbed_.end()) phase = std::min(phase, level_[absorbed->second] - 1);
        else phase = std::min(phase, is_heavy(user) ? level_[user] - 1 : phase_[user]);
      }
      const bool at_once =
          is_heavy(node) || moves_memory(node) || accumulations_.contains(node) || is_sent(node);
      phase_[node] = at_once ? level_[node] : std::min(phase, last);
    }
  }

  std::vector<const Node*> sorted() const {
    std::vector<const Node*> nodes;
    for (const Node* node : order_)
      if (!absorbed_.contains(node) && (is_fusable(node) || is_heavy(node))) nodes.push_back(node);
    const auto key = [&](const Node* n) { return std::pair(phase_.at(n), is_heavy(n) ? 0 : 1); };
    std::stable_sort(nodes.begin(), nodes.end(), [&](const Node* a, const Node* b) { return key(a) < key(b); });
    return nodes;
  }

  /// The unit after which a use of `node` can be read from memory; -1 for leaves.
  int ready(const Node* node) const {
    node = stored(node);
    if (!local(node)) return -1;
    if (node->op == Op::stack || node->op == Op::last) node = node->scan->node;
    if (node->op == Op::concat) {
      int unit = -1;
      for (const Node* piece : node->inputs) unit = std::max(unit, ready(piece));
      return unit;
    }
    const auto found = unit_of_.find(node);
    return found == unit_of_.end() ? -1 : found->second;
  }

  void place(const Node* node) {
    if (is_heavy(node)) add_unit(heavy_unit(node), node);
    else if (!join(node)) add_unit({Unit::Kind::fused, {node}, nullptr, {}}, node);
  }

  void add_unit(Unit unit, const Node* node) {
    unit_of_[node] = static_cast<int>(units_.size());
    operands_.emplace_back();
    unit_phase_.push_back(phase_[node]);
    note_operands(node, operands_.back());
    units_.push_back(std::move(unit));
  }

  Unit heavy_unit(const Node* node) {
    if (node->op == Op::matmul) return {Unit::Kind::matmul, {}, node, {}};
    if (node->op == Op::scatter_add) return {Unit::Kind::scatter, {}, node, {}};
    if (node->op == Op::sum_over_ranks) return {Unit::Kind::exchange, {}, node, {}};
    if (node->op != Op::scan) return {Unit::Kind::reduce, prologues_[node], node, {}};
    std::vector<Node*> kept = node->scan->results;
    kept.insert(kept.end(), node->scan->next.begin(), node->scan->next.end());
    return {Unit::Kind::loop, {}, node, fuse_scope(body_order(node->scan), node->scan, limits_, kept)};
  }

  void note_operands(const Node* node, std::set<const Node*>& operands) const {
    operands.insert(node);
    for (const Node* input : node->inputs) operands.insert(stored(input));
  }

  /// The first unit late enough for all operands with the same iteration shape and room left. Outside of
  /// loops of the same phase or holding an operand in registers: earlier, the result would only live longer.
  bool join(const Node* node) {
    int earliest = 0;
    std::set<int> producers;
    for (const Node* input : node->inputs) {
      const int unit = ready(input);
      const bool direct = stored(input) == input && is_fusable(input) && node->op != Op::embedding;
      earliest = std::max(earliest, direct ? unit : unit + 1);
      if (direct) producers.insert(unit);
    }
    for (int u = earliest; u < static_cast<int>(units_.size()); ++u) {
      Unit& unit = units_[u];
      if (unit.kind != Unit::Kind::fused || unit.nodes[0]->shape != node->shape) continue;
      if (static_cast<int>(unit.nodes.size()) >= most_nodes) continue;
      if (!scope_ && unit_phase_[u] != phase_[node] && !producers.contains(u)) continue;
      std::set<const Node*> operands = operands_[u];
      note_operands(node, operands);
      if (count_external(u, node, operands) > limits_.operands) continue;
      unit.nodes.push_back(node);
      unit_of_[node] = u;
      operands_[u] = std::move(operands);
      return true;
    }
    return false;
  }

  /// Tensors the unit would load or store: operands from elsewhere, and its own nodes that others need.
  int count_external(int unit, const Node* added, const std::set<const Node*>& operands) const {
    int count = 0;
    for (const Node* node : operands) {
      const auto made = unit_of_.find(node);
      const bool inside = node == added || (made != unit_of_.end() && made->second == unit);
      if (!inside && node->op != Op::constant) ++count;
      if (inside && (kept_.contains(node) || used_outside(node, operands))) ++count;
    }
    return count;
  }

  bool used_outside(const Node* node, const std::set<const Node*>& operands) const {
    const auto found = users_.find(node);
    const auto outside = [&](const Node* user) {
      if (operands.contains(user)) return false;
      return !hopeful_ || unit_of_.contains(user) || absorbed_.contains(user) || !is_fusable(user);
    };
    return found != users_.end() && std::any_of(found->second.begin(), found->second.end(), outside);
  }

  const std::vector<Node*> order_;
  const Scan* scope_;
  const FuseLimits limits_;
  bool hopeful_;
  std::unordered_map<const Node*, std::vector<const Node*>> users_;
  std::unordered_set<const Node*> kept_;
  std::unordered_set<const Node*> accumulations_;
  std::unordered_map<const Node*, int> claimed_;  ///< nodes that a reduction's prologue has been offered
  std::unordered_map<const Node*, const Node*> absorbed_;
  std::unordered_map<const Node*, std::vector<const Node*>> prologues_;
  std::unordered_map<const Node*, int> level_, phase_, unit_of_;
  std::vector<std::set<const Node*>> operands_;
  std::vector<Unit> units_;
  std::vector<int> unit_phase_;
};

}  // namespace

FuseLimits fuse_limits(const KernelTarget& target) {
  const int buffers = static_cast<int>(target.max_buffers), images = static_cast<int>(target.max_images);
  const int both = std::min(static_cast<int>(target.max_bindings), target.texel_loads ? buffers + images : buffers);
  const int operands = std::min({30, buffers, images});
  return {operands, target.join, target.texel_loads ? images : buffers, buffers, both, 32};
}

std::vector<Unit> fuse(const LiveGraph& live, const FuseLimits& limits) {
  std::vector<Node*> roots = live.outputs;
  for (const auto& [target, value] : live.updates) roots.push_back(value);
  auto units = Fuser::fuse_scope(topological(roots, nullptr), nullptr, limits, roots);
  return limits.rows ? merge_rows(live, std::move(units), limits) : units;
}

}  // namespace volute
