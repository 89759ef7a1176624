// Copies where views end, and destinations for results with a fixed place; see passes.hpp.
// Invariant: afterwards every view a kernel reads can be expressed by strides from natural layouts
// (or one logical reshape), and no node has two destinations.

#include <algorithm>
#include <unordered_set>

#include "engine/compile/passes.hpp"
#include "engine/graph/build.hpp"
#include "engine/graph/operation.hpp"
#include "engine/kernels/emitter.hpp"
#include "engine/kernels/matmul.hpp"

namespace volute {
namespace {

Node* copy_of(Node* node, Scan* scope) {
  return add_node(Op::copy, {Tensor(node)}, node->shape, node->dtype, {.ints = {}, .scope = scope}).node();
}

/// The view a node would have if everything stored were in natural layout.
class SymbolicViews {
 public:
  std::optional<View> of(const Node* node) {
    const auto found = views_.find(node);
    if (found != views_.end()) return found->second;
    return views_[node] = compute(node);
  }

 private:
  std::optional<View> compute(const Node* node) {
    if (node->op == Op::element) {
      auto view = of(node->inputs[0]);
      if (!view || view->source) return std::nullopt;
      View step = *view;
      step.shape = node->shape;
      step.offset.stride = view->strides[0];
      step.strides.erase(step.strides.begin());
      return step;
    }
    if (operation(node->op).kind == Kind::view) {
      const auto view = of(node->inputs[0]);
      return view ? view_through(node, *view) : std::nullopt;
    }
    if (node->op == Op::stack && node->body->shape.rank() == 0) {
      return View{nullptr, node->shape, {4}, {}, std::nullopt, false};
    }
    return natural_view(nullptr, node->shape);
  }

  std::unordered_map<const Node*, std::optional<View>> views_;
};

class Materialiser {
 public:
  explicit Materialiser(LiveGraph& live) : live_(live) {}

  Destinations run() {
    copy_special_uses();
    copy_unreadable_views();
    settle();
    return std::move(destinations_);
  }

 private:
  bool is_result(const Node* node) const {
    const Kind kind = operation(node->op).kind;
    return kind == Kind::pointwise || node->op == Op::random || (kind == Kind::kernel && node->op != Op::concat);
  }

  /// Results a destination can be given to: a concat hands it on to its pieces.
  bool is_placeable(const Node* node) const { return is_result(node) || node->op == Op::concat; }

  /// The sum over ranks takes the place of the value.
  bool is_only_sent(const Node* value) const {
    const auto is_it = [&](const Node* node) { return node == value; };
    std::ptrdiff_t uses = std::count_if(live_.outputs.begin(), live_.outputs.end(), is_it);
    for (const auto& [target, made] : live_.updates) uses += is_it(made);
    for (const Node& node : live_.graph->nodes)
      uses += std::count_if(node.inputs.begin(), node.inputs.end(), is_it) + is_it(node.body);
    return uses == 1 && is_result(value);
  }

  /// Pieces of a concat, values to send, first states and outputs that are not results of their own get copies.
  void copy_special_uses() {
    const std::size_t count = live_.graph->nodes.size();
    for (std::size_t id = 0; id < count; ++id) {
      Node* node = &live_.graph->nodes[id];
      if (node->op == Op::carry) node->inputs[0] = copy_of(node->inputs[0], node->scope->outer);
      if (node->op == Op::sum_over_ranks && !is_only_sent(node->inputs[0]))
        node->inputs[0] = copy_of(node->inputs[0], nullptr);
      if (node->op != Op::concat) continue;
      for (Node*& input : node->inputs) input = copy_of(input, node->scope);
    }
    std::unordered_set<const Node*> taken;
    for (const auto& [target, value] : live_.updates) taken.insert(value);
    for (Node*& node : live_.outputs)
      if (!is_result(node) || taken.contains(node)) node = copy_of(node, nullptr);
    for (auto& [target, value] : live_.updates)
      if (!is_result(value)) value = copy_of(value, nullptr);
    for (auto& update : live_.updates) {
      const auto same = [&](const auto& u) { return u.second == update.second; };
      if (std::count_if(live_.updates.begin(), live_.updates.end(), same) > 1)
        update.second = copy_of(update.second, nullptr);
    }
  }

  /// Repeats until every use can be read in place; a copy may make further uses readable.
  void copy_unreadable_views() {
    for (bool changed = true; changed;) {
      changed = false;
      SymbolicViews views;
      const std::size_t count = live_.graph->nodes.size();
      for (std::size_t id = 0; id < count; ++id) {
        Node* node = &live_.graph->nodes[id];
        const bool broken = operation(node->op).kind == Kind::view && !views.of(node);
        for (std::size_t i = 0; i < node->inputs.size(); ++i) {
          const auto view = views.of(node->inputs[i]);
          if (!view || (!broken && reads(node, i, *view))) continue;  // without a view: mended at its own input
          node->inputs[i] = shared_copy(node->inputs[i]);
          changed = true;
        }
      }
    }
  }

  Node* shared_copy(Node* node) {
    Node*& copy = copies_[node];
    if (!copy) copy = copy_of(node, node->scope);
    return copy;
  }

  bool reads(const Node* user, std::size_t input, const View& view) const {
    switch (user->op) {
      case Op::matmul: return matrix_operand(view) && is_stored(user->inputs[input]);
      case Op::embedding: return (input == 0 ? view.natural() : !view.source) && is_stored(user->inputs[input]);
      case Op::scatter_add: return view.natural() && is_stored(user->inputs[input]);
      case Op::element: return !view.source && is_stored(user->inputs[input]);
      case Op::random: return view.natural();
      default: return true;
    }
  }

  /// Not a constant or an iota, which have no memory.
  static bool is_stored(const Node* node) {
    while (operation(node->op).kind == Kind::view) node = node->inputs[0];
    return node->op != Op::constant && node->op != Op::iota;
  }

  void settle() {
    for (Scan& scan : live_.graph->scans) settle_states(scan);
    std::unordered_map<Node*, Node*> kept;
    const std::size_t count = live_.graph->nodes.size();
    for (std::size_t id = 0; id < count; ++id) {
      Node* node = &live_.graph->nodes[id];
      if (node->op == Op::carry)
        destinations_[node->inputs[0]] = {Destination::Kind::initial_state, node->scan, node->index, nullptr, 0};
      if (node->op == Op::concat) settle_pieces(node);
      if (node->op == Op::stack) settle_stack(node, kept);
      if (node->op == Op::sum_over_ranks) destinations_[node->inputs[0]] = {.kind = Destination::Kind::exchanged};
    }
    for (Scan& scan : live_.graph->scans) refresh_results(scan);
  }

  void settle_states(Scan& scan) {
    for (std::size_t j = 0; j < scan.next.size(); ++j) {
      Node*& next = scan.next[j];
      if (next->scope != &scan || !is_placeable(next) || destinations_.contains(next)) {
        next = copy_of(next, &scan);
      }
      destinations_[next] = {Destination::Kind::next_state, &scan, static_cast<int>(j), nullptr, 0};
    }
  }

  void settle_pieces(const Node* concat) {
    std::int64_t begin = 0;
    for (const Node* piece : concat->inputs) {
      destinations_[piece] = {Destination::Kind::piece, nullptr, 0, concat, begin};
      begin += piece->shape[static_cast<int>(concat->ints[0])];
    }
  }

  /// States are kept by their own history; other values go to a stack of their own.
  void settle_stack(Node* stack, std::unordered_map<Node*, Node*>& kept) {
    Node* body = stack->body;
    if (body->op == Op::carry) return;
    const auto found = destinations_.find(body);
    if (found != destinations_.end() && found->second.kind == Destination::Kind::next_state) return;
    Node*& holder = kept[body];
    if (!holder) {
      holder = is_placeable(body) && found == destinations_.end() ? body : copy_of(body, stack->scan);
      destinations_[holder] = {Destination::Kind::stack, stack->scan, 0, nullptr, 0};
    }
    stack->body = holder;
  }

  void refresh_results(Scan& scan) {
    scan.results.clear();
    std::unordered_set<const Node*> seen;
    for (const Node& node : live_.graph->nodes)
      if (node.op == Op::stack && node.scan == &scan && seen.insert(node.body).second) scan.results.push_back(node.body);
  }

  LiveGraph& live_;
  Destinations destinations_;
  std::unordered_map<Node*, Node*> copies_;
};

}  // namespace

Destinations materialise(LiveGraph& live) { return Materialiser(live).run(); }

}  // namespace volute
