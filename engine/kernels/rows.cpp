// Generated row kernels; see rows.hpp.

#include "engine/kernels/rows.hpp"

#include <algorithm>

#include "engine/graph/operation.hpp"

namespace volute {

bool RowSpace::is_list(const Shape& shape) const {
  if (shape.rank() + 1 != wide.rank()) return false;
  for (int axis = 0; axis < shape.rank(); ++axis)
    if (shape[axis] != wide[axis]) return false;
  return true;
}

bool RowSpace::is_column(const Shape& shape) const {
  if (shape.rank() != wide.rank() || shape[-1] != 1) return false;
  for (int axis = 0; axis + 1 < shape.rank(); ++axis)
    if (shape[axis] != wide[axis]) return false;
  return true;
}

bool is_row_reduction(const Node* node) {
  if (node->op != Op::sum && node->op != Op::max) return false;
  const Shape& shape = node->inputs[0]->shape;
  return shape.rank() > 1 && shape[-1] > 1 && node->ints.size() == 1 && node->ints[0] == shape.rank() - 1;
}

std::uint32_t row_lanes(const Shape& wide, const KernelTarget& target) {
  if (target.texel_loads) return 1;  // CPU Vulkan: lanes of a vector are rows, and no barrier is cheap
  const std::int64_t texels = (wide[-1] + 3) / 4;
  std::uint32_t lanes = 1;
  while (lanes < 64 && lanes * 2 <= texels) lanes *= 2;
  return lanes;
}

const Shape& wide_shape(const FusedKernel& kernel) {
  const auto found = std::find_if(kernel.nodes.begin(), kernel.nodes.end(), is_row_reduction);
  return (*found)->inputs[0]->shape;
}

namespace {

class RowKernel {
 public:
  RowKernel(const FusedKernel& kernel, KernelInterface& io, std::uint32_t lanes)
      : kernel_(kernel), space_{wide_shape(kernel)}, emit_(kernel, space_.wide, io), lanes_(lanes) {
    find_stages();
    find_flat();
  }

  std::string text(const std::string& id) {
    const std::string rows = number(space_.rows());
    std::string code = "  {\n  uint lane = " + id + " % " + number(lanes_) + ", row = " + id + " / " + number(lanes_) +
                       ";\n  bool inside = row < " + rows + ";\n  row = min(row, " + number(space_.rows() - 1) + ");\n";
    code += emit_.index_from_row("  ");
    for (int pass = 0; pass <= passes_; ++pass) {
      code += emit_.row_statements(row_nodes(pass), "  ");
      if (pass < passes_) code += one_pass(pass);
    }
    return code + row_stores() + "  }\n";
  }

 private:
  bool is_reduction(const Node* node) const { return is_row_reduction(node) && space_.is_wide(node->inputs[0]->shape); }
  bool is_wide(const Node* node) const { return !is_reduction(node) && space_.is_wide(node->shape); }
  /// Computed at each element, and not once a row.
  bool is_walked(const Node* node) const { return is_wide(node) && !flat_.contains(node); }

  /// Wide nodes with one value in a row: what a norm makes of its sums, spread by the graph before it is used.
  void find_flat() {
    const auto flat_input = [&](const Node* input) {
      const Node* base = stored(input);
      if (base->op == Op::constant || flat_.contains(base)) return true;
      if (stage_.contains(base)) return !is_wide(base);
      if (base->op == Op::iota) return false;
      const View view = kernel_.view(input);
      return !view.source && view.strides.back() == 0;
    };
    for (const Node* node : kernel_.nodes)
      if (is_wide(node) && operation(node->op).kind == Kind::pointwise &&
          std::all_of(node->inputs.begin(), node->inputs.end(), flat_input))
        flat_.insert(node);
  }

  /// How many passes must have ended before a value can be computed.
  void find_stages() {
    for (const Node* node : kernel_.nodes) {
      int stage = 0;
      for (const Node* input : node->inputs) {
        const auto found = stage_.find(stored(input));
        if (found != stage_.end()) stage = std::max(stage, found->second);
      }
      stage_[node] = stage + is_reduction(node);
      if (is_reduction(node)) passes_ = std::max(passes_, stage + 1);
    }
    for (const FusedOutput& out : kernel_.outputs)
      if (is_wide(out.value)) passes_ = std::max(passes_, stage_.at(out.value) + 1);
  }

  std::vector<const Node*> row_nodes(int stage) const {
    std::vector<const Node*> nodes;
    for (const Node* node : kernel_.nodes)
      if (!is_reduction(node) && !is_walked(node) && stage_.at(node) == stage) nodes.push_back(node);
    return nodes;
  }

  std::vector<const Node*> reductions(int pass) const {
    std::vector<const Node*> nodes;
    for (const Node* node : kernel_.nodes)
      if (is_reduction(node) && stage_.at(node) == pass + 1) nodes.push_back(node);
    return nodes;
  }

  /// The walked nodes that `wanted` are computed from, themselves included, in order.
  std::vector<const Node*> needed(const std::vector<const Node*>& wanted) const {
    std::set<const Node*> set;
    for (const Node* node : wanted) set.insert(stored(node));
    for (auto it = kernel_.nodes.rbegin(); it != kernel_.nodes.rend(); ++it)
      if (set.contains(*it) && is_walked(*it))
        for (const Node* input : (*it)->inputs) set.insert(stored(input));
    std::vector<const Node*> nodes;
    for (const Node* node : kernel_.nodes)
      if (set.contains(node) && is_walked(node)) nodes.push_back(node);
    return nodes;
  }

  std::string one_pass(int pass) {
    const std::vector<const Node*> sums = reductions(pass);
    std::vector<const Node*> wanted;
    for (const Node* reduce : sums) wanted.push_back(reduce->inputs[0]);
    if (pass + 1 == passes_)
      for (const FusedOutput& out : kernel_.outputs)
        if (is_wide(out.value)) wanted.push_back(out.value);
    const std::vector<const Node*> nodes = needed(wanted);
    std::string code = emit_.row_operands(nodes, "  ") + emit_.row_operands(sums, "  ");
    for (const Node* reduce : sums)
      code += "  precise vec4 " + part_of(reduce) + " = vec4(" + identity_of(reduce) + ");\n";
    const std::int64_t texels = (space_.wide[-1] + 3) / 4;
    code += "  for (uint c = " + std::string(lanes_ > 1 ? "lane" : "0u") + "; c < " + number(texels) + "; c += " +
            number(lanes_) + ") {\n    uint i = row * " + number(texels) + " + c;\n";
    emit_.enter();
    code += emit_.statements(nodes, "    ");
    for (const Node* reduce : sums) code += accumulate(reduce);
    if (pass + 1 == passes_) code += wide_stores();
    emit_.leave();
    code += "  }\n";
    for (const Node* reduce : sums) code += finish(reduce);
    return code;
  }

  std::string part_of(const Node* reduce) {
    const auto at = std::find(kernel_.nodes.begin(), kernel_.nodes.end(), reduce) - kernel_.nodes.begin();
    return "part" + std::to_string(at);
  }

  std::string accumulate(const Node* reduce) {
    const std::string part = part_of(reduce), term = "of_" + part;
    std::string code = emit_.load_operand(reduce->inputs[0], "    ");
    code += "    vec4 " + term + " = " + emit_.value(reduce->inputs[0]) + ";\n" +
            emit_.tail_mask(term, DType::f32, identity_of(reduce), "    ");
    return code + "    " + part + " = " + combine(reduce, part, term) + ";\n";
  }

  /// The parts of all lanes, pair by pair, then the four of a texel: one order, whatever the device does first.
  std::string finish(const Node* reduce) {
    const std::string part = part_of(reduce), value = "all_" + part;
    std::string code;
    if (lanes_ > 1) {
      const std::string mine = "exchange[gl_LocalInvocationID.x]", other = "exchange[gl_LocalInvocationID.x + k]";
      code += "  " + mine + " = " + part + ";\n  barrier();\n  for (uint k = " + number(lanes_ / 2) +
              "; k > 0u; k >>= 1) {\n    if (lane < k) " + mine + " = " + combine(reduce, mine, other) +
              ";\n    barrier();\n  }\n  " + part + " = exchange[gl_LocalInvocationID.x - lane];\n  barrier();\n";
    }
    const std::string p = part + ".";
    const std::string both = reduce->op == Op::sum
                                 ? "(" + p + "x + " + p + "y) + (" + p + "z + " + p + "w)"
                                 : "max(max(" + p + "x, " + p + "y), max(" + p + "z, " + p + "w))";
    emit_.set(reduce, value);
    return code + "  precise vec4 " + value + " = vec4(" + both + ");\n";
  }

  std::string wide_stores() {
    std::string code;
    for (const FusedOutput& out : kernel_.outputs)
      if (is_wide(out.value)) code += emit_.store(out.place, out.value->dtype, emit_.value(out.value), "      ");
    return code.empty() ? code : "    if (inside) {\n" + code + "    }\n";
  }

  std::string row_stores() {
    std::string code;
    for (const FusedOutput& out : kernel_.outputs)
      if (!is_wide(out.value)) code += emit_.store_row(out.place, out.value->dtype, emit_.value(out.value), "    ");
    if (code.empty()) return code;
    // Lane 0 may write over what the others read; without a reduction nothing has made it wait for them.
    return std::string(lanes_ > 1 ? "  barrier();\n" : "") + "  if (inside && lane == 0u) {\n" + code + "  }\n";
  }

  const FusedKernel& kernel_;
  RowSpace space_;
  Emitter emit_;
  std::uint32_t lanes_;
  int passes_ = 0;
  std::map<const Node*, int> stage_;
  std::set<const Node*> flat_;
};

}  // namespace

std::string row_kernel(const FusedKernel& kernel, KernelInterface& io, const KernelTarget& target,
                       const std::string& id, std::uint32_t local) {
  const std::uint32_t lanes = row_lanes(wide_shape(kernel), target);
  if (lanes > 1) io.share(local);
  return RowKernel(kernel, io, lanes).text(id);
}

}  // namespace volute
