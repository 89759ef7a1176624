// One row per operation: what kind it is, its gradient in public operations, its float64 reference.
// Invariant: every Op has exactly one row, in the file that also builds its nodes.
#pragma once

#include <span>
#include <vector>

#include "engine/graph/node.hpp"

namespace volute {

/// How the compiler treats an operation.
enum class Kind : std::uint8_t {
  leaf,       ///< no computation of its own
  pointwise,  ///< element i depends on element i of each input
  view,       ///< another reading order of the same elements
  kernel,     ///< needs a kernel of its own: products, reductions, lookups, concat
  time        ///< scans and their results
};

/// Row-major values; u32 as integral doubles.
using Values = std::vector<double>;

struct GradientContext {
  const Node* node;
  std::span<const Tensor> in;  ///< the inputs
  Tensor out;                  ///< the result
  Tensor grad;                 ///< d loss / d out
};

struct Operation {
  Kind kind = Kind::leaf;
  /// One gradient per input; an empty tensor where there is none. Null if the operation has no gradient.
  std::vector<Tensor> (*gradient)(const GradientContext&) = nullptr;
  /// Null for leaves and time, which the evaluator handles.
  Values (*reference)(const Node&, std::span<const Values* const> in) = nullptr;
};

const Operation& operation(Op op);

// The rows by file.
Operation pointwise_operation(Op op);
Operation reduce_operation(Op op);
Operation shape_operation(Op op);
Operation matmul_operation();
Operation lookup_operation(Op op);
Operation ranks_operation();

/// The node whose memory a use reads: behind view operations.
const Node* stored(const Node* node);

/// Element of the random tensor with `shape` at row-major `index`, at time step `t` of its scan.
double random_value(const Shape& shape, std::int64_t index, std::uint32_t t, std::uint32_t key, std::uint32_t step,
                    std::uint32_t seed);

}  // namespace volute
