// A matrix product as dispatches: how many parts its sum has, by shape; which variant, by model or by timing.
#pragma once

#include <functional>

#include "engine/compile/tune.hpp"
#include "engine/kernels/matmul.hpp"

namespace volute {

/// c = a b. `scratch` gives memory for so many elements; `tuner` may be null. Each says what it chose.
std::vector<Dispatch> product_dispatches(const MatrixOperand& a, const MatrixOperand& b, const View& c,
                                         const KernelTarget& target,
                                         const std::function<const Storage*(std::int64_t)>& scratch, Tuner* tuner);

}  // namespace volute
