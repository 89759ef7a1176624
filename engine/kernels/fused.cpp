// Skeletons of the generated kernels: one texel per invocation, or one texel of a reduction's result.

#include "engine/kernels/fused.hpp"

#include <algorithm>

#include "engine/graph/operation.hpp"
#include "engine/kernels/rows.hpp"

namespace volute {

bool is_fusable(const Node* node) {
  return operation(node->op).kind == Kind::pointwise || node->op == Op::random || node->op == Op::embedding;
}

std::string label_of(const FusedKernel& kernel) {
  std::string text = kernel.rows ? "rows" : "";
  for (const Node* node : kernel.nodes) {
    if (node->op == Op::copy && kernel.nodes.size() > 1) continue;
    if (text.size() > 60) return text + "+... (" + std::to_string(kernel.nodes.size()) + " nodes)";
    text += (text.empty() ? "" : "+") + std::string(name_of(node->op));
  }
  if (text.empty() && !kernel.reduce) return "copy";
  if (kernel.reduce) text += (text.empty() ? "" : "+") + std::string(name_of(kernel.reduce->op));
  return text;
}

namespace {

constexpr std::uint32_t kLocalSize = 64;

/// Texels of the result: one an invocation.
std::int64_t result_texels(const FusedKernel& kernel) {
  return padded_elements(kernel.reduce ? kernel.reduce->shape : kernel.nodes.back()->shape) / 4;
}

std::string pointwise_kernel(const FusedKernel& kernel, KernelInterface& io, const std::string& id) {
  Emitter emit(kernel, kernel.nodes.back()->shape, io);
  std::string body = emit.statements("    ");
  for (const FusedOutput& out : kernel.outputs)
    body += emit.store(out.place, out.value->dtype, emit.stored_value(out.value), "    ");
  return "  uint i = " + id + ";\n  if (i < " + number(result_texels(kernel)) + ") {\n" + emit.index_from_flat("    ") +
         body + "  }\n";
}

/// Extents around the reduced run of axes.
struct Run {
  int begin = 0, end = 0;  ///< axes begin..end-1 are reduced
  bool last = false;       ///< the run is the last axis
};

Run run_of(const Node* reduce) {
  Run run;
  run.begin = static_cast<int>(reduce->ints.front());
  run.end = static_cast<int>(reduce->ints.back()) + 1;
  run.last = run.end == reduce->inputs[0]->shape.rank();
  return run;
}

/// d0.. of the input from the row number of the output, skipping the reduced axes.
std::string outer_indices(const Shape& in, const Run& run, const std::string& row, int axes) {
  std::string code;
  std::int64_t below = 1;
  for (int axis = axes - 1; axis >= 0; --axis) {
    if (axis >= run.begin && axis < run.end) continue;
    code += "  uint d" + std::to_string(axis) + " = " + row + " / " + number(below) + " % " + number(in[axis]) + ";\n";
    below *= in[axis];
  }
  return code;
}

/// The texel number from all indices.
std::string flat_index(const Shape& in, const std::string& indent) {
  std::string row = "0u";
  for (int axis = 0; axis + 1 < in.rank(); ++axis)
    row = "(" + row + " * " + number(in[axis]) + " + d" + std::to_string(axis) + ")";
  return indent + "uint row = " + row + ";\n" + indent + "uint i = row * " + number((in[-1] + 3) / 4) + " + c;\n";
}

/// Over leading axes: every invocation owns a texel of the result and walks the run.
std::string column_body(const Node* reduce, Emitter& emit) {
  const Shape& in = reduce->inputs[0]->shape;
  const Run run = run_of(reduce);
  std::int64_t length = 1;
  for (int axis = run.begin; axis < run.end; ++axis) length *= in[axis];
  std::string code = "  uint c = out_i % " + number((in[-1] + 3) / 4) + ";\n  uint out_row = out_i / " +
                     number((in[-1] + 3) / 4) + ";\n" + outer_indices(in, run, "out_row", in.rank() - 1);
  code += std::string("  precise vec4 result = vec4(") + identity_of(reduce) + ");\n";
  code += "  for (uint r = 0u; r < " + number(length) + "; ++r) {\n";
  std::int64_t below = 1;
  for (int axis = run.end - 1; axis >= run.begin; --axis) {
    code += "    uint d" + std::to_string(axis) + " = r / " + number(below) + " % " + number(in[axis]) + ";\n";
    below *= in[axis];
  }
  code += flat_index(in, "    ") + emit.statements("    ");
  code += "    result = " + combine(reduce, "result", emit.value(reduce->inputs[0])) + ";\n  }\n";
  return code;
}

/// Over the last axis: every invocation owns four rows, one lane of the result each.
std::string row_body(const Node* reduce, Emitter& emit) {
  const Shape& in = reduce->inputs[0]->shape;
  const int rank = in.rank();
  const std::int64_t lanes = rank > 1 ? in[-2] : 1;
  const std::int64_t out_texels = (lanes + 3) / 4;
  std::string code = "  uint out_c = out_i % " + number(out_texels) + ";\n  uint out_row = out_i / " +
                     number(out_texels) + ";\n";
  if (rank > 2) code += outer_indices(in, run_of(reduce), "out_row", rank - 2);
  code += std::string("  vec4 result = vec4(0.0);\n  for (uint j = 0u; j < ") +
          number(std::min<std::int64_t>(lanes, 4)) + "; ++j) {\n";
  if (rank > 1) {
    code += "    uint d" + std::to_string(rank - 2) + " = min(4u * out_c + j, " + number(lanes - 1) + ");\n";
  }
  code += std::string("    precise vec4 part = vec4(") + identity_of(reduce) + ");\n";
  code += "    for (uint c = 0u; c < " + number((in[-1] + 3) / 4) + "; ++c) {\n" + flat_index(in, "      ") +
          emit.statements("      ");
  code += "      vec4 term = " + emit.value(reduce->inputs[0]) + ";\n" +
          emit.tail_mask("term", DType::f32, identity_of(reduce), "      ");
  code += "      part = " + combine(reduce, "part", "term") + ";\n    }\n";
  code += "    precise float s = " + (reduce->op == Op::sum ? std::string("(part.x + part.y) + (part.z + part.w)")
                                                    : std::string("max(max(part.x, part.y), max(part.z, part.w))")) +
          ";\n    result = mix(result, vec4(s), equal(uvec4(j), uvec4(0u, 1u, 2u, 3u)));\n  }\n";
  if (lanes % 4) {
    code += "  result = mix(vec4(0.0), result, lessThan(4u * out_c + uvec4(0u, 1u, 2u, 3u), uvec4(" + number(lanes) +
            ")));\n";
  }
  return code;
}

std::string reduce_kernel(const FusedKernel& kernel, KernelInterface& io, const std::string& id) {
  const Node* reduce = kernel.reduce;
  Emitter emit(kernel, reduce->inputs[0]->shape, io);
  const bool rows = run_of(reduce).last;
  std::string body = rows ? row_body(reduce, emit) : column_body(reduce, emit);
  if (!rows) body += emit.tail_mask("result", DType::f32, "0.0", "  ");
  body += emit.store_natural(kernel.outputs.at(0).place, "out_i", "result", "  ");
  return "  uint out_i = " + id + ";\n  if (out_i < " + number(result_texels(kernel)) + ") {\n" + body + "  }\n";
}

std::string text_of(const FusedKernel& kernel, KernelInterface& io, const KernelTarget& target,
                    const std::string& id) {
  if (kernel.rows) return row_kernel(kernel, io, target, id, local_size(kernel, target));
  return kernel.reduce ? reduce_kernel(kernel, io, id) : pointwise_kernel(kernel, io, id);
}

std::int64_t groups_of(const FusedKernel& kernel, const KernelTarget& target) {
  const std::int64_t local = local_size(kernel, target);
  std::int64_t invocations = 0;
  if (!kernel.rows) invocations = result_texels(kernel);
  else invocations = RowSpace{wide_shape(kernel)}.rows() * row_lanes(wide_shape(kernel), target);
  return (invocations + local - 1) / local;
}

double flops_of(const FusedKernel& kernel) {
  if (kernel.rows) return static_cast<double>(wide_shape(kernel).elements()) * static_cast<double>(kernel.nodes.size());
  if (!kernel.reduce) return static_cast<double>(result_texels(kernel) * 4) * static_cast<double>(kernel.nodes.size());
  return static_cast<double>(kernel.reduce->inputs[0]->shape.elements()) * static_cast<double>(kernel.nodes.size() + 1);
}

/// Each part in a branch of its own over its range of workgroups, so that no workgroup is divided.
std::string branches(const std::vector<FusedKernel>& parts, KernelInterface& io, const KernelTarget& target) {
  std::string code = "  uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;\n";
  std::int64_t begin = 0;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const std::string id = "((group - " + number(begin) + ") * " + number(local_size(parts[k], target)) +
                           " + gl_LocalInvocationID.x)";
    begin += groups_of(parts[k], target);
    code += (k ? "  } else if (group < " : "  if (group < ") + number(begin) + ") {\n" +
            text_of(parts[k], io, target, id);
    io.next_part();
  }
  return code + "  }\n";
}

}  // namespace

std::uint32_t local_size(const FusedKernel& kernel, const KernelTarget& target) {
  // Few rows still fill both cores of a CPU: a workgroup is one vector of rows.
  return kernel.rows && target.texel_loads ? 8 : kLocalSize;
}

Dispatch fused_dispatch(const std::vector<FusedKernel>& parts, const KernelTarget& target) {
  KernelInterface io(target);
  const std::string body = parts.size() == 1 ? text_of(parts[0], io, target, "FLAT_ID")
                                             : branches(parts, io, target);
  Dispatch dispatch;
  dispatch.source = io.header(local_size(parts[0], target)) + "void main() {\n" + body + "}\n";
  io.fill(dispatch);
  std::int64_t groups = 0;
  for (const FusedKernel& kernel : parts) {
    groups += groups_of(kernel, target);
    dispatch.flops += flops_of(kernel);
    dispatch.label += (dispatch.label.empty() ? "" : " | ") + label_of(kernel);
  }
  set_groups(dispatch, groups, target);
  for (const Touch& touch : dispatch.touches) dispatch.bytes += static_cast<double>(touch.bytes);
  return dispatch;
}

Dispatch fused_dispatch(const FusedKernel& kernel, const KernelTarget& target) {
  return fused_dispatch(std::vector{kernel}, target);
}

}  // namespace volute
