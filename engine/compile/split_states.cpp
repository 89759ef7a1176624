// A state that ends a step as product + rest becomes two states that are added when the next step starts.
// There the sum joins the kernel that reads it, so a step that ends with a product needs no kernel behind it:
// the backward loop of every cell that uses its state elementwise (GRU, masks, zoneout) is one dispatch shorter.
// Invariant: the parts of a state add up to it, first and last values included.

#include <algorithm>
#include <unordered_set>

#include "engine/compile/passes.hpp"
#include "engine/graph/build.hpp"

namespace volute {
namespace {

class StateSplitter {
 public:
  explicit StateSplitter(LiveGraph& live) : live_(live) {
    for (const Node& node : live.graph->nodes) {
      for (const Node* input : node.inputs) ++uses_[input];
      if (node.body) ++uses_[node.body];
    }
    for (const Scan& scan : live.graph->scans)
      for (const Node* next : scan.next) ++uses_[next];
  }

  bool run() {
    for (Scan& scan : live_.graph->scans) {
      const std::size_t count = scan.next.size();
      for (std::size_t j = 0; j < count; ++j) split(scan, j);
    }
    redirect(live_, forward_, added_);
    return !forward_.empty();
  }

 private:
  /// Terms of a sum nobody else reads.
  void collect(const Scan& scan, Node* node, std::vector<Node*>& terms) const {
    if (node->op != Op::add || node->scope != &scan || uses_.at(node) != 1 || node->dtype != DType::f32)
      return terms.push_back(node);
    for (Node* input : node->inputs) collect(scan, input, terms);
  }

  void split(Scan& scan, std::size_t j) {
    std::vector<Node*> terms;
    collect(scan, scan.next[j], terms);
    const auto is_product = [&](const Node* n) { return n->op == Op::matmul && n->scope == &scan; };
    const auto product = std::find_if(terms.begin(), terms.end(), is_product);
    const bool one = std::count_if(terms.begin(), terms.end(), is_product) == 1;
    if (terms.size() < 2 || !one || uses_.at(*product) != 1) return;
    Tensor rest;
    for (Node* term : terms)
      if (term != *product) rest = rest ? rest + Tensor(term) : Tensor(term);
    Node* carry = scan.carries[j];
    Node* whole_last = nullptr;
    for (Node& node : live_.graph->nodes)
      if (node.op == Op::last && node.scan == &scan && node.index == static_cast<int>(j)) whole_last = &node;

    const Tensor first(carry->inputs[0]);
    const Tensor second = add_carry(&scan, broadcast_to(constant_like(first, 0), carry->shape));
    scan.next[j] = rest.node();
    scan.next.push_back(*product);
    added_.insert(forward_[carry] = (Tensor(carry) + second).node());
    if (whole_last) {
      const Tensor part = last(&scan, static_cast<int>(scan.next.size()) - 1);
      added_.insert(forward_[whole_last] = (Tensor(whole_last) + part).node());
    }
  }

  LiveGraph& live_;
  std::unordered_map<const Node*, int> uses_;
  std::unordered_map<const Node*, Node*> forward_;
  std::unordered_set<const Node*> added_;
};

}  // namespace

void split_states(LiveGraph& live) {
  if (StateSplitter(live).run()) sweep(live);
}

}  // namespace volute
