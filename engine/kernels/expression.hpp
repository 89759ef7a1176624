// GLSL of each pointwise operation. Invariant: operands and results are vec4 (uvec4 for u32).
#pragma once

#include <string>
#include <vector>

#include "engine/graph/node.hpp"

namespace volute {

std::string expression(Op op, const std::vector<std::string>& in);

/// Rough cost of computing a pointwise node again, in simple operations per element.
int expression_cost(Op op);

}  // namespace volute
