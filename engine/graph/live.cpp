// Liveness, copying and ordering; see live.hpp.

#include "engine/graph/live.hpp"

#include <algorithm>
#include <functional>
#include <unordered_set>

#include "engine/graph/build.hpp"

namespace volute {
namespace {

/// Everything a node needs to exist, across scopes and around loops.
void all_edges(const Node* node, const std::function<void(Node*)>& visit) {
  for (Node* input : node->inputs) visit(input);
  if (node->body) visit(node->body);
  if (node->op == Op::last) visit(node->scan->carries[node->index]);
  // The body of a scan under construction, or given up, has no next states.
  if (node->op == Op::carry && node->scan->node) visit(node->scan->next[node->index]);
  if (node->op == Op::stack || node->op == Op::last || node->op == Op::total) visit(node->scan->node);
}

std::unordered_set<Node*> reachable(std::vector<Node*> work, bool through_stops = true) {
  std::unordered_set<Node*> seen(work.begin(), work.end());
  while (!work.empty()) {
    const Node* node = work.back();
    work.pop_back();
    const bool stops = node->op == Op::stop_gradient || node->op == Op::sum_over_ranks;
    if (stops && !through_stops) continue;
    all_edges(node, [&](Node* next) {
      if (seen.insert(next).second) work.push_back(next);
    });
  }
  return seen;
}

/// Depth-first post-order without recursion, so that long chains do not exhaust the stack.
std::vector<Node*> post_order(const std::vector<Node*>& roots, const std::function<std::vector<Node*>(Node*)>& needs) {
  std::vector<Node*> order;
  std::unordered_set<Node*> seen;
  struct Frame {
    Node* node;
    std::vector<Node*> needs;
    std::size_t next = 0;
  };
  std::vector<Frame> frames;
  const auto enter = [&](Node* node) {
    if (seen.insert(node).second) frames.push_back({node, needs(node)});
  };
  for (Node* root : roots) {
    enter(root);
    while (!frames.empty()) {
      Frame& frame = frames.back();
      if (frame.next < frame.needs.size()) {
        enter(frame.needs[frame.next++]);
      } else {
        order.push_back(frame.node);
        frames.pop_back();
      }
    }
  }
  return order;
}

std::vector<Node*> body_roots(const Scan* scan) {
  std::vector<Node*> roots = scan->next;
  roots.insert(roots.end(), scan->results.begin(), scan->results.end());
  roots.insert(roots.end(), scan->carries.begin(), scan->carries.end());
  std::erase_if(roots, [&](const Node* n) { return n->scope != scan; });
  return roots;
}

class Copier {
 public:
  Copier(GraphData& to, const std::unordered_set<Node*>& live) : to_(to), live_(live) {}

  /// Nodes first, references second: carries refer forward to the next state.
  void copy(const GraphData& from) {
    to_.mode = from.mode;
    to_.random_keys = from.random_keys;
    for (const Node& node : from.nodes) {
      if (!live_.contains(const_cast<Node*>(&node))) continue;
      nodes_[&node] = to_.add(node);
      if (node.op == Op::scan) copy_scan(node.scan);
    }
    for (Node& node : to_.nodes) relink(node);
    for (const auto& [old_scan, new_scan] : scans_) relink(*old_scan, *new_scan);
    for (const auto& [name, node] : from.names)
      if (live_.contains(node)) to_.names[name] = nodes_.at(node);
    for (const auto& [data, node] : from.parameters)
      if (live_.contains(node)) to_.parameters[data] = nodes_.at(node);
  }

  Node* at(const Node* old) const { return nodes_.at(old); }
  const std::unordered_map<const Node*, Node*>& nodes() const { return nodes_; }

 private:
  void copy_scan(const Scan* old) {
    Scan* scan = to_.add_scan();
    scan->length = old->length;
    scan->reverse = old->reverse;
    scan->segment = old->segment;
    scans_[old] = scan;
  }

  void relink(Node& node) {
    for (Node*& input : node.inputs) input = at(input);
    if (node.body) node.body = at(node.body);
    if (node.scan) node.scan = scans_.at(node.scan);
    if (node.scope) node.scope = scans_.at(node.scope);
  }

  void relink(const Scan& old, Scan& scan) {
    scan.node = at(old.node);
    scan.outer = old.outer ? scans_.at(old.outer) : nullptr;
    std::vector<int> new_index(old.carries.size(), -1);
    for (std::size_t j = 0; j < old.carries.size(); ++j) {
      if (!live_.contains(old.carries[j])) continue;
      new_index[j] = static_cast<int>(scan.carries.size());
      scan.carries.push_back(at(old.carries[j]));
      scan.carries.back()->index = new_index[j];
      scan.next.push_back(at(old.next[j]));
    }
    for (Node* element : old.elements)
      if (live_.contains(element)) scan.elements.push_back(at(element));
    std::unordered_set<const Node*> seen;
    for (Node& node : to_.nodes) {
      if (node.scan != &scan) continue;
      if (node.op == Op::last) node.index = new_index[node.index];
      if (node.body && seen.insert(node.body).second) scan.results.push_back(node.body);
    }
  }

  GraphData& to_;
  const std::unordered_set<Node*>& live_;
  std::unordered_map<const Node*, Node*> nodes_;
  std::unordered_map<const Scan*, Scan*> scans_;
};

std::vector<Node*> roots_of(const LiveGraph& live) {
  std::vector<Node*> roots = live.outputs;
  for (const auto& [target, value] : live.updates) {
    roots.push_back(target);
    roots.push_back(value);
  }
  return roots;
}

void check_target(const char* what, const Graph& graph, Tensor tensor) {
  if (!tensor || tensor.node()->graph != graph.data().get())
    invalid("compile", std::string(what) + " is not a tensor of this graph", {tensor});
  if (tensor.node()->scope)
    invalid("compile", std::string(what) + " is inside a scan body; return it as an output of the scan", {tensor});
}

void check_watched(const Graph& graph, const Targets& targets) {
  if ((targets.non_finite == NonFinite::off) != targets.watched.empty())
    throw InvalidGraph("compile: a policy for runs that are not finite and Targets::watched belong together");
  for (const Watched& each : targets.watched) {
    check_target("a watched tensor", graph, each.value);
    if (each.value.dtype() != DType::f32 || each.value.rank() != 0)
      invalid("compile", "the watched tensor \"" + each.name + "\" must be a f32 scalar", {each.value});
  }
}

/// Carried states join once something live reads them, which may bring in others.
void add_carried(const GraphData& graph, std::vector<std::pair<Node*, Node*>>& updates, std::vector<Node*> roots) {
  std::unordered_set<const Node*> done;
  for (bool changed = true; changed;) {
    changed = false;
    const auto seen = reachable(roots);
    for (const Update& update : graph.carried) {
      if (!seen.contains(update.target.node()) || !done.insert(update.target.node()).second) continue;
      for (const auto& [target, value] : updates)
        if (target == update.target.node())
          invalid("compile", "\"" + target->name + "\" is updated twice, once by carry", {update.target});
      updates.emplace_back(update.target.node(), update.value.node());
      roots.push_back(update.value.node());
      changed = true;
    }
  }
}

}  // namespace

std::vector<Tensor> parameters_of(Tensor loss) {
  require_tensors("parameters_of", std::span<const Tensor>(&loss, 1));
  std::vector<Node*> found;
  for (Node* node : reachable({loss.node()}, false))
    if (node->op == Op::parameter) found.push_back(node);
  std::sort(found.begin(), found.end(), [](const Node* a, const Node* b) { return a->id < b->id; });
  std::vector<Tensor> parameters;
  for (Node* node : found) parameters.emplace_back(node);
  return parameters;
}

LiveGraph live_graph(const Graph& graph, const Targets& targets) {
  std::vector<std::pair<Node*, Node*>> updates;
  std::vector<Node*> roots;
  std::unordered_set<const Node*> updated;
  for (const Tensor& t : targets.outputs) {
    check_target("an output", graph, t);
    roots.push_back(t.node());
  }
  for (const Update& u : targets.updates) {
    check_target("an updated tensor", graph, u.target);
    check_target("an update", graph, u.value);
    const Op op = u.target.node()->op;
    if (op != Op::parameter && op != Op::state)
      invalid("compile", "only parameters and states can be updated", {u.target});
    if (u.target.shape() != u.value.shape() || u.target.dtype() != u.value.dtype())
      invalid("compile", "an update must agree with its target in shape and type", {u.target, u.value});
    if (!updated.insert(u.target.node()).second)
      invalid("compile", "\"" + u.target.node()->name + "\" is updated twice", {u.target});
    updates.emplace_back(u.target.node(), u.value.node());
    roots.insert(roots.end(), {u.target.node(), u.value.node()});
  }
  if (roots.empty()) throw InvalidGraph("compile: there is nothing to compute; name at least one output or update");
  check_watched(graph, targets);
  for (const Watched& each : targets.watched) roots.push_back(each.value.node());
  add_carried(*graph.data(), updates, roots);
  for (const auto& [target, value] : updates) roots.insert(roots.end(), {target, value});

  LiveGraph live;
  const auto seen = reachable(roots);
  Copier copier(*live.graph, seen);
  copier.copy(*graph.data());
  for (const Tensor& t : targets.outputs) live.outputs.push_back(copier.at(t.node()));
  for (const auto& [target, value] : updates) live.updates.emplace_back(copier.at(target), copier.at(value));
  live.from_user = copier.nodes();
  std::vector<Node*> watched;
  for (const Watched& each : targets.watched) watched.push_back(copier.at(each.value.node()));
  live.outputs.insert(live.outputs.end(), watched.begin(), watched.end());
  if (targets.non_finite >= NonFinite::skip) keep_finite(live, watched);
  return live;
}

void redirect(LiveGraph& live, const std::unordered_map<const Node*, Node*>& replacements,
              const std::unordered_set<const Node*>& except) {
  const auto resolve = [&](Node*& node) {
    for (auto it = replacements.find(node); it != replacements.end(); it = replacements.find(node)) node = it->second;
  };
  for (Node& node : live.graph->nodes) {
    if (except.contains(&node)) continue;
    for (Node*& input : node.inputs) resolve(input);
    if (node.body) resolve(node.body);
  }
  for (Scan& scan : live.graph->scans)
    for (Node*& next : scan.next) resolve(next);
  for (Node*& node : live.outputs) resolve(node);
  for (auto& [target, value] : live.updates) resolve(value);
  for (auto& [user, node] : live.from_user) resolve(node);
}

void sweep(LiveGraph& live) {
  const auto seen = reachable(roots_of(live));
  auto fresh = std::make_shared<GraphData>();
  Copier copier(*fresh, seen);
  copier.copy(*live.graph);
  for (Node*& node : live.outputs) node = copier.at(node);
  for (auto& [target, value] : live.updates) {
    target = copier.at(target);
    value = copier.at(value);
  }
  std::erase_if(live.from_user, [&](const auto& pair) { return !seen.contains(pair.second); });
  for (auto& [user, node] : live.from_user) node = copier.at(node);
  live.graph = std::move(fresh);
}

std::vector<Node*> topological(const std::vector<Node*>& roots, const Scan* scope) {
  return post_order(roots, [&](Node* node) {
    std::vector<Node*> needs;
    if (node->op == Op::scan) needs = read_from_outside(node->scan);
    else if (node->op == Op::stack || node->op == Op::last || node->op == Op::total) needs = {node->scan->node};
    else needs = node->inputs;
    std::erase_if(needs, [&](const Node* n) { return n->scope != scope; });
    return needs;
  });
}

std::vector<Node*> body_order(const Scan* scan) { return topological(body_roots(scan), scan); }

std::vector<Node*> read_from_outside(const Scan* scan) {
  std::vector<Node*> outside;
  std::unordered_set<const Node*> seen;
  const auto note = [&](Node* node) {
    if (node->scope != scan && seen.insert(node).second) outside.push_back(node);
  };
  for (Node* node : body_order(scan))
    for (Node* input : node->inputs) note(input);
  for (Node* next : scan->next) note(next);
  return outside;
}

}  // namespace volute
