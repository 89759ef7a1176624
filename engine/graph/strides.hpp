// Index arithmetic over row-major arrays without padding, for the reference evaluator.
// Invariant: indices run in row-major order, last axis fastest.
#pragma once

#include <vector>

#include <volute/graph.hpp>

namespace volute {

inline std::vector<std::int64_t> dense_strides(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.rank(), 1);
  for (int i = shape.rank() - 2; i >= 0; --i) strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

inline std::int64_t dot(const std::vector<std::int64_t>& a, const std::vector<std::int64_t>& b) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// f(flat, index) for every element.
template <class F>
void for_each_index(const Shape& shape, F f) {
  std::vector<std::int64_t> index(shape.rank(), 0);
  const std::int64_t count = shape.elements();
  for (std::int64_t flat = 0; flat < count; ++flat) {
    f(flat, index);
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

}  // namespace volute
