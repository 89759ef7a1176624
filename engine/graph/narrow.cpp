// Rounding of operands; see narrow.hpp.

#include "engine/graph/narrow.hpp"

#include <algorithm>

#include "engine/graph/build.hpp"
#include "engine/graph/operation.hpp"

namespace volute {
namespace {

class Narrower {
 public:
  Narrower(LiveGraph& live, DType dtype) : live_(live), dtype_(dtype), count_(live.graph->nodes.size()) {}

  void run() {
    for_each_node([&](Node& node) {
      if (node.op == Op::matmul && node.value == 0)
        for (Node*& input : node.inputs) input = rounded(input);
    });
    finish_states();
    for_each_node([&](Node& node) {
      const bool leading = node.op == Op::sum && node.ints.back() != node.inputs[0]->shape.rank() - 1;
      if (leading && products_read(node.inputs[0])) node.inputs[0] = rounded(node.inputs[0]);
      if (node.op == Op::total && products_read(node.body)) node.body = rounded(node.body);
      if (operation(node.op).kind == Kind::pointwise)
        for (Node*& input : node.inputs)
          if (is_kept_gate(input)) input = rounded(input);
    });
    finish_states();
    sweep(live_);
  }

 private:
  /// The nodes there were before the first rounding.
  template <class F>
  void for_each_node(const F& f) {
    for (std::size_t id = 0; id < count_; ++id) f(live_.graph->nodes[id]);
  }

  /// What sums over leading axes or over time (a bias' gradient) may read rounded as well: the f32 value need not
  /// be kept then.
  bool products_read(const Node* node) const {
    node = stored(node);
    const auto is_rounded = [&](const Node* n) { return rounded_.contains(n); };
    // Each use of the gradient of gates that were split joins them anew.
    const bool joined = node->op == Op::concat && has_aligned_pieces(node) &&
                        std::all_of(node->inputs.begin(), node->inputs.end(), is_rounded);
    return joined || is_rounded(node);
  }

  /// A value of a sigmoid or tanh that a loop keeps for another: at most 1, so 16 bits hold it well.
  static bool is_kept_gate(const Node* node) {
    node = stored(node);
    if (node->op != Op::element) return false;
    node = stored(node->inputs[0]);
    return node->op == Op::stack && (node->body->op == Op::sigmoid || node->body->op == Op::tanh);
  }

  Node* rounded(Node* node) {
    if (is_half(node->dtype)) return node;
    const auto found = rounded_.find(node);
    if (found != rounded_.end()) return found->second;
    return rounded_[node] = make_rounded(node);
  }

  Node* make_rounded(Node* node) {
    switch (node->op) {
      case Op::broadcast: case Op::reshape: case Op::transpose: case Op::slice: case Op::stop_gradient:
        // A scalar's texel would be shared by others once it is stacked.
        return node->inputs[0]->shape.rank() ? same_of_rounded(node) : to_half(Tensor(node), dtype_).node();
      case Op::concat: return has_aligned_pieces(node) ? same_of_rounded(node) : to_half(Tensor(node), dtype_).node();
      case Op::element:
        return node->shape.rank() ? add_element(node->scan, Tensor(rounded(node->inputs[0]))).node()
                                  : to_half(Tensor(node), dtype_).node();
      case Op::stack:
        return node->body->shape.rank() ? stack(node->scan, Tensor(rounded(node->body))).node()
                                        : to_half(Tensor(node), dtype_).node();
      case Op::carry: {
        unfinished_.push_back(node);
        return add_carry(node->scan, Tensor(rounded(node->inputs[0]))).node();
      }
      default: return to_half(Tensor(node), dtype_).node();
    }
  }

  /// The operation on rounded inputs: it moves values and makes none.
  Node* same_of_rounded(Node* node) {
    std::vector<Tensor> in;
    for (Node* input : node->inputs) in.emplace_back(rounded(input));
    return add_node(node->op, in, node->shape, dtype_, {.ints = node->ints, .scope = node->scope}).node();
  }

  /// 16-bit values are written by whole texels of four.
  static bool has_aligned_pieces(const Node* concat) {
    if (concat->ints[0] != concat->shape.rank() - 1) return true;
    return std::all_of(concat->inputs.begin(), concat->inputs.end(),
                       [](const Node* piece) { return piece->shape[-1] % 4 == 0; });
  }

  /// What rounded states become at the end of a step. In the order in which they were added, as Scan::next is.
  void finish_states() {
    for (; finished_ < unfinished_.size(); ++finished_) {
      const Node* state = unfinished_[finished_];
      Node* next = rounded(state->scan->next[state->index]);
      state->scan->next.push_back(next);
    }
  }

  LiveGraph& live_;
  DType dtype_;
  std::size_t count_;
  std::unordered_map<const Node*, Node*> rounded_;
  std::vector<const Node*> unfinished_;  ///< states that were rounded
  std::size_t finished_ = 0;
};

}  // namespace

void narrow(LiveGraph& live, Precision precision) {
  if (precision != Precision::f32) Narrower(live, precision == Precision::f16 ? DType::f16 : DType::bf16).run();
}

}  // namespace volute
