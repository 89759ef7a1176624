// Generated kernels: chains of pointwise operations, alone or in front of a reduction.
// Invariant: all nodes of a kernel have its iteration shape; everything else is loaded through a view.
#pragma once

#include <functional>
#include <vector>

#include "engine/graph/node.hpp"
#include "engine/kernels/dispatch.hpp"

namespace volute {

struct FusedOutput {
  const Node* value = nullptr;
  View place;
};

struct FusedKernel {
  std::vector<const Node*> nodes;   ///< pointwise, random and embedding nodes in dependency order
  const Node* reduce = nullptr;     ///< sum or max over one run of axes of the last node, or of a loaded tensor
  bool rows = false;                ///< `nodes` are those of a row kernel, reductions over the last axis among them
  std::vector<FusedOutput> outputs;
  /// Where a node that is not in `nodes` can be read. Not called for constants and iotas.
  std::function<View(const Node*)> view;
};

/// True for operations a fused kernel can compute.
bool is_fusable(const Node* node);

/// A dispatch that does the work of kernels which do not depend on one another: each has a range of workgroups.
Dispatch fused_dispatch(const std::vector<FusedKernel>& parts, const KernelTarget& target);
/// The operations in words, for plans and traces.
std::string label_of(const FusedKernel& kernel);

Dispatch fused_dispatch(const FusedKernel& kernel, const KernelTarget& target);
/// Invocations of a workgroup; parts of one dispatch must agree.
std::uint32_t local_size(const FusedKernel& kernel, const KernelTarget& target);

}  // namespace volute
