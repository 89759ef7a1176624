// The operations table: one row per operation, or per way in which operations meet.
// Invariant: from a row alone follow its comparison with the reference, its gradient check, guard words,
// padding and repeatability, at every combination of shapes it lists; tests never name an operation.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include <volute/ops.hpp>

namespace volute::check {

/// An input: its shape and which values it takes.
struct Leaf {
  Shape shape;
  float lo = -1, hi = 1;
  float gap = 0;               ///< no value is nearer to 0
  bool distinct = false;       ///< no two values are equal, all are spread evenly
  std::uint32_t bound = 0;     ///< not 0: u32 indices below it
  bool differentiable = true;  ///< false: the gradient is not what finite differences show, by intention
};

inline Leaf real(Shape shape) { return {.shape = std::move(shape)}; }
inline Leaf between(Shape shape, float lo, float hi) { return {.shape = std::move(shape), .lo = lo, .hi = hi}; }
inline Leaf positive(Shape shape) { return between(std::move(shape), 0.5f, 2.0f); }
inline Leaf away_from_0(Shape shape) { return {.shape = std::move(shape), .gap = 0.3f}; }
inline Leaf distinct(Shape shape) { return {.shape = std::move(shape), .distinct = true}; }
inline Leaf cut(Shape shape) { return {.shape = std::move(shape), .differentiable = false}; }
inline Leaf indices(Shape shape, std::uint32_t bound) {
  return {.shape = std::move(shape), .bound = bound, .differentiable = false};
}

using Leaves = std::vector<Leaf>;
using Inputs = std::span<const Tensor>;
using Build = std::function<std::vector<Tensor>(Inputs)>;

struct Row {
  std::string name;
  Build build;
  std::vector<Leaves> variants;
  double tolerance = 4e-6;  ///< of the device against the reference: relative to |value|, and to the largest / 4
};

/// The rows of every group below.
const std::vector<Row>& operations_table();

std::vector<Row> pointwise_rows();
std::vector<Row> reduction_rows();
std::vector<Row> shape_rows();
std::vector<Row> product_rows();
std::vector<Row> lookup_rows();
std::vector<Row> scan_rows();
std::vector<Row> composition_rows();

}  // namespace volute::check
