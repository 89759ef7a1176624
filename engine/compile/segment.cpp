// Recomputation over long times: scans are cut into segments, the forward pass keeps only the states
// between them, and the backward pass runs each segment forward again just before it goes back through
// it. Values kept for the backward pass then live for one segment instead of all T steps.
// Invariant: every value is computed by the same operations in the same order as without segments.

#include <algorithm>

#include "engine/compile/passes.hpp"
#include "engine/graph/build.hpp"

namespace volute {

bool has_segments(std::int64_t length) { return length >= 256 && length % kSegments == 0; }

namespace {

/// One segment of a scan, and where the body's nodes went.
struct Segment {
  Scan* scan = nullptr;
  std::unordered_map<const Node*, Node*> nodes;
};

Tensor last_of(const Segment& segment, int state) { return last(segment.scan, state); }

/// A copy of `value` that is made after `dependency` exists, so that no work on it starts early.
Tensor after(Tensor dependency, Tensor value) {
  if (!dependency) return value;
  return add_node(Op::copy, {value, dependency}, value.shape(), value.dtype());
}

class Segmenter {
 public:
  explicit Segmenter(LiveGraph& live) : live_(live), graph_(live.graph.get()) {}

  bool run() {
    std::vector<Node*> roots = live_.outputs;
    for (const auto& [target, value] : live_.updates) roots.push_back(value);
    std::vector<Scan*> scans;
    for (Node* node : topological(roots, nullptr))
      if (node->op == Op::scan && has_segments(node->scan->length)) scans.push_back(node->scan);
    for (Scan* scan : scans) {
      producers_ = find_producers(scan, scans);
      cut(scan);
    }
    redirect(live_, forward_);
    if (!scans.empty()) sweep(live_);
    return !scans.empty();
  }

 private:
  /// Scans of the other direction whose values this one reads step by step.
  static std::vector<Scan*> find_producers(const Scan* scan, const std::vector<Scan*>& scans) {
    std::vector<Scan*> found;
    for (Scan* other : scans)
      for (const Node* element : scan->elements)
        if (reads(element, other) && other->reverse != scan->reverse &&
            std::find(found.begin(), found.end(), other) == found.end())
          found.push_back(other);
    return found;
  }

  static bool reads(const Node* element, const Scan* other) {
    return element->inputs[0]->op == Op::stack && element->inputs[0]->scan == other &&
           other->length == element->scan->length;
  }

  std::int64_t number(const Scan* scan, std::int64_t i) const { return scan->reverse ? kSegments - 1 - i : i; }

  void cut(Scan* scan) {
    std::vector<Segment> segments(kSegments);  // by time
    std::vector<Tensor> states;
    for (const Node* carry : scan->carries) states.emplace_back(carry->inputs[0]);
    const bool forward = producers_.empty();
    if (forward) starts_[scan].resize(kSegments);
    Tensor previous;  // a state of the segment before, in the order they run; first: the end of the producers
    for (const Scan* producer : producers_)
      if (ends_.contains(producer)) previous = ends_.at(producer);
    for (std::int64_t i = 0; i < kSegments; ++i) {
      const std::int64_t k = number(scan, i);
      std::unordered_map<const Scan*, Segment> again;
      for (Scan* producer : producers_)
        again[producer] = clone(producer, k, checkpoint(producer, k, previous), previous, {});
      if (forward) starts_[scan][k] = states;
      segments[k] = clone(scan, k, states, forward ? previous : Tensor(), again);
      for (std::size_t j = 0; j < states.size(); ++j) {
        states[j] = last_of(segments[k], static_cast<int>(j));
        if (forward) states[j] = add_node(Op::copy, {states[j]}, states[j].shape(), states[j].dtype());
      }
      if (!states.empty()) previous = last_of(segments[k], 0);
    }
    if (forward && !states.empty()) ends_[scan] = states[0];
    publish(scan, segments, states);
  }

  /// The states a segment of a forward scan started from.
  std::vector<Tensor> checkpoint(const Scan* scan, std::int64_t k, Tensor previous) const {
    std::vector<Tensor> states;
    for (const Tensor& state : starts_.at(scan)[k]) states.push_back(after(previous, state));
    return states;
  }

  Segment clone(const Scan* scan, std::int64_t k, const std::vector<Tensor>& initial, Tensor dependency,
                const std::unordered_map<const Scan*, Segment>& again) {
    Segment out;
    out.scan = graph_->add_scan();
    out.scan->length = scan->length / kSegments;
    out.scan->reverse = scan->reverse;
    out.scan->outer = scan->outer;
    out.scan->segment = true;
    const auto order = body_order(scan);
    for (const Node* element : scan->elements)
      out.nodes[element] = add_element(out.scan, part(element, k, out.scan->length, dependency, again)).node();
    for (std::size_t j = 0; j < scan->carries.size(); ++j)
      out.nodes[scan->carries[j]] = add_carry(out.scan, initial[j]).node();
    for (const Node* node : order) {
      if (out.nodes.contains(node)) continue;
      Node copy = *node;
      copy.scope = out.scan;
      for (Node*& input : copy.inputs)
        if (out.nodes.contains(input)) input = out.nodes.at(input);
      if (copy.op == Op::random) copy.value += static_cast<double>(k * out.scan->length);
      out.nodes[node] = graph_->add(std::move(copy));
    }
    for (Node* next : scan->next) out.scan->next.push_back(out.nodes.contains(next) ? out.nodes.at(next) : next);
    finish_scan(out.scan, graph_);
    return out;
  }

  /// What a segment reads of a sequence: the values computed again for it, or its stretch of time.
  Tensor part(const Node* element, std::int64_t k, std::int64_t length, Tensor dependency,
              const std::unordered_map<const Scan*, Segment>& again) {
    Node* source = element->inputs[0];
    const auto found = source->op == Op::stack ? again.find(source->scan) : again.end();
    if (found != again.end()) return stack(found->second.scan, Tensor(found->second.nodes.at(source->body)));
    return after(dependency, slice(Tensor(source), 0, k * length, (k + 1) * length));
  }

  void publish(const Scan* scan, const std::vector<Segment>& segments, const std::vector<Tensor>& states) {
    const std::size_t count = graph_->nodes.size();
    for (std::size_t id = 0; id < count; ++id) {
      Node* node = &graph_->nodes[id];
      if (node->scan != scan) continue;
      if (node->op == Op::last) forward_[node] = states[node->index].node();
      if (node->op == Op::stack) {
        std::vector<Tensor> pieces;
        for (const Segment& s : segments) pieces.push_back(stack(s.scan, Tensor(s.nodes.at(node->body))));
        forward_[node] = concat(pieces, 0).node();
      }
      if (node->op == Op::total) forward_[node] = folded(scan, segments, node).node();
    }
  }

  Tensor folded(const Scan* scan, const std::vector<Segment>& segments, const Node* node) {
    Tensor sum;
    for (std::int64_t i = 0; i < kSegments; ++i) {
      const Segment& s = segments[number(scan, i)];
      const Tensor term = total(s.scan, Tensor(s.nodes.at(node->body)));
      sum = sum ? sum + term : term;
    }
    return sum;
  }

  LiveGraph& live_;
  GraphData* graph_;
  std::vector<Scan*> producers_;
  std::unordered_map<const Scan*, std::vector<std::vector<Tensor>>> starts_;  ///< states at the start of each segment
  std::unordered_map<const Scan*, Tensor> ends_;  ///< a state after the last segment
  std::unordered_map<const Node*, Node*> forward_;
};

/// total(a + b) as total(a) + total(b), so that each product is summed by itself with or without segments.
bool split_totals(LiveGraph& live) {
  bool changed = false;
  const std::size_t count = live.graph->nodes.size();
  std::unordered_map<const Node*, Node*> forward;
  for (std::size_t id = 0; id < count; ++id) {
    Node* node = &live.graph->nodes[id];
    if (node->op != Op::total || node->body->scope != node->scan) continue;
    const Node* body = node->body;
    if (body->op != Op::add && body->op != Op::sub) continue;
    const Tensor a = total(node->scan, Tensor(body->inputs[0])), b = total(node->scan, Tensor(body->inputs[1]));
    forward[node] = (body->op == Op::add ? a + b : a - b).node();
    changed = true;
  }
  redirect(live, forward);
  if (changed) sweep(live);
  return changed;
}

}  // namespace

bool segment(LiveGraph& live) {
  while (split_totals(live)) {}
  return Segmenter(live).run();
}

}  // namespace volute
