// Helpers for functions that add nodes: scope resolution, checks and error texts.
// Invariant: add_node puts a node into the innermost scope of its inputs, or refuses unrelated scopes.
#pragma once

#include <volute/ops.hpp>

#include "engine/graph/node.hpp"

namespace volute {

/// Throws InvalidGraph: "matmul: message; got [2, 3] f32, [4] u32".
[[noreturn]] void invalid(const std::string& operation, const std::string& message, std::span<const Tensor> got = {});
[[noreturn]] void invalid(const std::string& operation, const std::string& message, std::initializer_list<Tensor> got);

/// Throws InvalidGraph unless every tensor is set and all belong to one graph.
void require_tensors(const char* operation, std::span<const Tensor> tensors);
/// f32, or 16-bit values the compiler made of f32.
void require_f32(const char* operation, std::initializer_list<Tensor> tensors);

/// Axis in 0..rank-1 for one that may count from the end. Throws InvalidGraph.
int checked_axis(const char* operation, Tensor tensor, int axis);

struct NodeOptions {
  std::vector<std::int64_t> ints;
  double value = 0;
  Scan* scope = nullptr;  ///< at least this deep
};

/// A new node in the innermost of its inputs' scopes (and options.scope).
Tensor add_node(Op op, std::vector<Tensor> inputs, Shape shape, DType dtype, NodeOptions options = {});

/// A f32 scalar constant in the graph of `like`.
Tensor constant_like(Tensor like, double value);

/// a rounded to f16 or bf16, to nearest with ties to even; the gradient is that of the identity.
Tensor to_half(Tensor a, DType dtype);

/// The NumPy broadcast of both shapes. Throws InvalidGraph.
Shape broadcast_shape(const char* operation, Tensor a, Tensor b);

/// The values of a body node at every step, [T, ...], and their sum over time. The node may also come
/// from outside the body.
Tensor stack(Scan* scan, Tensor body);
Tensor total(Scan* scan, Tensor body);
Tensor last(Scan* scan, int state);
/// xs[t] in the body of `scan`.
Tensor add_element(Scan* scan, Tensor xs);
Tensor add_carry(Scan* scan, Tensor initial);
/// Adds the Op::scan node once the body is complete.
void finish_scan(Scan* scan, GraphData* graph);

/// "seed", a u32 scalar of the graph; input of every random node.
Tensor seed_of(GraphData* graph);
Tensor step_of(GraphData* graph);

}  // namespace volute
