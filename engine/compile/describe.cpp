// Descriptions of nodes; see describe.hpp.

#include "engine/compile/describe.hpp"

#include <algorithm>
#include <sstream>
#include <unordered_set>

#include "engine/graph/operation.hpp"

namespace volute {
namespace {

constexpr int kDepth = 2;               ///< of nested operations that are written out
constexpr std::size_t kNamesAtMost = 4;  ///< of what is further away

bool is_named(const Node* node) { return !node->name.empty(); }

std::string named(const Node* node) {
  return std::string(node->has_default ? "scalar" : name_of(node->op)) + " \"" + node->name + "\"";
}

/// What a node's values come from. Where a loop begins and ends does not matter here.
std::vector<const Node*> sources(const Node* node) {
  std::vector<const Node*> from(node->inputs.begin(), node->inputs.end());
  if (node->body) from.push_back(node->body);
  if (node->op == Op::last || node->op == Op::carry)
    from.push_back(node->scan->next[static_cast<std::size_t>(node->index)]);
  return from;
}

/// The nearest that have names, nearest first.
std::vector<const Node*> nearest_named(const Node* node) {
  std::vector<const Node*> found, queue{node};
  std::unordered_set<const Node*> seen{node};
  for (std::size_t i = 0; i < queue.size() && found.size() < kNamesAtMost; ++i) {
    if (is_named(queue[i])) found.push_back(queue[i]);
    for (const Node* from : sources(queue[i]))
      if (seen.insert(from).second) queue.push_back(from);
  }
  return found;
}

std::string names(const std::vector<const Node*>& nodes) {
  std::string text;
  for (const Node* node : nodes) text += (text.empty() ? "" : ", ") + named(node);
  return text;
}

/// The same values under another shape, or at one time.
const Node* behind_views(const Node* node) {
  for (;;) {
    const bool passes = node->op == Op::element || node->op == Op::stack || node->op == Op::copy ||
                        node->op == Op::to_f16 || node->op == Op::to_bf16 ||
                        operation(node->op).kind == Kind::view;
    if (!passes) return node;
    node = node->op == Op::stack ? node->body : node->inputs[0];
  }
}

class Operands {
 public:
  std::string of(const Node* node, int depth) {
    std::string text;
    for (const Node* input : node->inputs) text += (text.empty() ? "" : ", ") + operand(input, depth);
    return text;
  }
  bool cut() const { return cut_; }

 private:
  std::string operand(const Node* node, int depth) {
    node = behind_views(node);
    if (is_named(node)) return named(node);
    if (node->op == Op::constant) {
      std::ostringstream number;
      number << node->value;
      return number.str();
    }
    if (node->op == Op::carry || node->op == Op::last) return cut_ = true, "a loop's state";
    if (node->op == Op::total) return cut_ = true, "a sum over time";
    if (node->inputs.empty()) return name_of(node->op);
    if (depth == 0) return cut_ = true, std::string(name_of(node->op)) + "(...)";
    return name_of(node->op) + ("(" + of(node, depth - 1) + ")");
  }

  bool cut_ = false;
};

}  // namespace

std::string describe(const Node* node) {
  if (is_named(node)) return named(node) + " " + node->shape.str();
  std::string text = (node->op == Op::total ? "sum over time" : name_of(node->op)) + (" " + node->shape.str());
  Operands operands;
  const std::string from = node->op == Op::total ? operands.of(node->body, kDepth - 1) : operands.of(node, kDepth - 1);
  if (!from.empty()) text += " of " + from;
  if (operands.cut() || from.empty()) {
    const std::string all = names(nearest_named(node));
    if (!all.empty()) text += ", computed from " + all;
  }
  return text;
}

std::string describe_time(const Scan& scan, std::int64_t time) {
  std::string over;
  for (const Node* element : scan.elements) {
    const std::vector<const Node*> near = nearest_named(element);
    if (near.empty()) continue;
    over = " over " + named(near[0]);
    break;
  }
  return "time step " + std::to_string(time) + " of " + std::to_string(scan.length) + " (" +
         (scan.reverse ? "backward" : "forward") + " loop" + over + ")";
}

}  // namespace volute
