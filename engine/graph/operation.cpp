// The table of operations, by kind.

#include "engine/graph/operation.hpp"

#include <array>

namespace volute {
namespace {

Operation row(Op op) {
  switch (op) {
    case Op::input: case Op::parameter: case Op::state: case Op::constant: case Op::iota: case Op::random:
      return {Kind::leaf, nullptr, nullptr};
    case Op::sum: case Op::max:
      return reduce_operation(op);
    case Op::broadcast: case Op::reshape: case Op::transpose: case Op::slice: case Op::concat: case Op::stop_gradient:
      return shape_operation(op);
    case Op::matmul:
      return matmul_operation();
    case Op::embedding: case Op::scatter_add:
      return lookup_operation(op);
    case Op::sum_over_ranks:
      return ranks_operation();
    case Op::scan: case Op::stack: case Op::last: case Op::total: case Op::element: case Op::carry:
      return {Kind::time, nullptr, nullptr};
    default:
      return pointwise_operation(op);
  }
}

}  // namespace

const Operation& operation(Op op) {
  static const auto table = [] {
    std::array<Operation, static_cast<std::size_t>(Op::carry) + 1> rows;
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = row(static_cast<Op>(i));
    return rows;
  }();
  return table[static_cast<std::size_t>(op)];
}

const Node* stored(const Node* node) {
  while (operation(node->op).kind == Kind::view) node = node->inputs[0];
  return node;
}

}  // namespace volute
