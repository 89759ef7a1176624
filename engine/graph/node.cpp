// Names of operations and the growth of a graph.
// Invariant: a node's id is its position, so ids grow in the order of construction.

#include "engine/graph/node.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace volute {

const char* name_of(DType dtype) {
  static constexpr std::array names{"f32", "u32", "f16", "bf16"};
  return names[static_cast<std::size_t>(dtype)];
}

const char* name_of(Precision precision) {
  static constexpr std::array names{"f32", "f16", "bf16"};
  return names[static_cast<std::size_t>(precision)];
}

// This and the names of operations are exported for the component interchange.
VOLUTE_API bool counts_runs(const Node& node) {
  return node.op == Op::state && node.name == "step" && node.dtype == DType::u32 && node.shape.rank() == 0;
}

VOLUTE_API const char* name_of(Op op) {
  static constexpr std::array names{
      "input",   "parameter", "state",     "constant", "iota",     "random",    "copy",    "neg",           "exp",    "expm1",
      "log",     "sqrt",      "abs",       "tanh",     "sigmoid",  "relu",      "to_f32",        "to_u32", "to_f16", "to_bf16", "add",    "sub",
      "mul",     "div",       "maximum",   "minimum",  "less",     "equal",     "where",         "sum",    "max",
      "broadcast", "reshape", "transpose", "slice",    "concat",   "stop_gradient", "matmul",    "embedding", "scatter_add",
      "sum_over_ranks",
      "scan",    "stack",     "last",      "total",    "element",  "carry"};
  static_assert(names.size() == static_cast<std::size_t>(Op::carry) + 1);
  return names[static_cast<std::size_t>(op)];
}

std::int64_t Shape::elements() const {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  std::int64_t product = 1;
  for (const std::int64_t extent : dims_) {
    if (extent < 0) throw InvalidGraph("shape " + str() + " has a negative extent");
    if (extent > 0 && product > most / extent) throw InvalidGraph("shape " + str() + " has too many elements");
    product *= extent;
  }
  return product;
}

std::string Shape::str() const {
  constexpr int listed = 2 * max_rank;
  std::string text = "[";
  for (int i = 0; i < std::min(rank(), listed); ++i) text += (i ? ", " : "") + std::to_string(dims_[i]);
  return text + (rank() > listed ? ", ... " + std::to_string(rank()) + " axes]" : "]");
}

namespace {

void check_limits(const Node& node, std::size_t nodes) {
  if (node.shape.rank() > max_rank)
    throw InvalidGraph(std::string(name_of(node.op)) + ": a tensor has at most " + std::to_string(max_rank) +
                       " axes; got " + node.shape.str());
  if (node.shape.elements() > max_elements)
    throw InvalidGraph(std::string(name_of(node.op)) + ": a tensor has at most " + std::to_string(max_elements) +
                       " elements; got " + node.shape.str());
  if (nodes >= static_cast<std::size_t>(max_nodes))
    throw InvalidGraph(std::string(name_of(node.op)) + ": a graph has at most " + std::to_string(max_nodes) +
                       " nodes");
}

}  // namespace

Node* GraphData::add(Node node) {
  check_limits(node, nodes.size());
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
