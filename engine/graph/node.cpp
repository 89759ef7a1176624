// Names of operations and the growth of a graph.
// Invariant: a node's id is its position, so ids grow in the order of construction.

#include "engine/graph/node.hpp"

#include <array>
#include <numeric>

namespace volute {

const char* name_of(DType dtype) {
  static constexpr std::array names{"f32", "u32", "f16", "bf16"};
  return names[static_cast<std::size_t>(dtype)];
}

const char* name_of(Precision precision) {
  static constexpr std::array names{"f32", "f16", "bf16"};
  return names[static_cast<std::size_t>(precision)];
}

const char* name_of(Op op) {
  static constexpr std::array names{
      "input",   "parameter", "state",     "constant", "iota",     "random",    "copy",    "neg",           "exp",    "expm1",
      "log",     "sqrt",      "abs",       "tanh",     "sigmoid",  "relu",      "to_f32",        "to_u32", "to_f16", "to_bf16", "add",    "sub",
      "mul",     "div",       "maximum",   "minimum",  "less",     "equal",     "where",         "sum",    "max",
      "broadcast", "reshape", "transpose", "slice",    "concat",   "stop_gradient", "matmul",    "embedding", "scatter_add",
      "scan",    "stack",     "last",      "total",    "element",  "carry"};
  static_assert(names.size() == static_cast<std::size_t>(Op::carry) + 1);
  return names[static_cast<std::size_t>(op)];
}

std::int64_t Shape::elements() const {
  return std::accumulate(dims_.begin(), dims_.end(), std::int64_t{1}, std::multiplies<>());
}

std::string Shape::str() const {
  std::string text = "[";
  for (int i = 0; i < rank(); ++i) text += (i ? ", " : "") + std::to_string(dims_[i]);
  return text + "]";
}

Node* GraphData::add(Node node) {
  node.graph = this;
  node.id = static_cast<int>(nodes.size());
  nodes.push_back(std::move(node));
  return &nodes.back();
}

Scan* GraphData::add_scan() { return &scans.emplace_back(); }

bool encloses(const Scan* outer, const Scan* inner) {
  for (;; inner = inner->outer) {
    if (inner == outer) return true;
    if (inner == nullptr) return false;
  }
}

}  // namespace volute
