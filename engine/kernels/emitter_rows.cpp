// Emission for kernels that walk rows: values of a whole row; see emitter.hpp.

#include "engine/graph/operation.hpp"
#include "engine/kernels/emitter.hpp"

namespace volute {

std::string Emitter::row_element(const View& view, const std::string& offset) const {
  std::string sum = offset;
  if (!view.source) {
    for (int axis = 0; axis < view.shape.rank() && axis + 1 < shape_.rank(); ++axis)
      if (view.shape[axis] != 1 && view.strides[axis])
        sum += " + d" + std::to_string(axis) + " * " + std::to_string(view.strides[axis]) + "u";
    return sum;
  }
  std::int64_t below = 1;
  for (int axis = view.source->rank() - 1; axis >= 0; --axis) {
    const std::int64_t extent = (*view.source)[axis];
    if (extent != 1) {
      sum += " + row / " + std::to_string(below) + "u % " + std::to_string(extent) + "u * " +
             std::to_string(view.strides[axis]) + "u";
    }
    below *= extent;
  }
  return sum;
}

std::string Emitter::load_row(const Node* node) {
  if (stored(node)->op == Op::iota) {
    const View view = iota_view(node);
    return "uvec4(" + row_element(view, std::to_string(view.offset.base) + "u") + ")";
  }
  const View view = kernel_.view(node);
  touch(view, false);
  const std::string element = row_element(view, push_offset(view, 1));
  return (node->dtype == DType::f32 ? "vec4(LOAD1(" : "uvec4(LOAD1(") +
         io_.read_slot(view.storage, node->dtype) + ", " + element + "))";
}

std::string Emitter::row_statements(const std::vector<const Node*>& nodes, const std::string& indent) {
  row_level_ = true;
  std::string code = statements(nodes, indent);
  row_level_ = false;
  return code;
}

std::string Emitter::row_operands(const std::vector<const Node*>& nodes, const std::string& indent) {
  std::string code;
  for (const Node* node : nodes) {
    if (operation(node->op).kind != Kind::pointwise && node->op != Op::sum && node->op != Op::max) continue;
    for (const Node* input : node->inputs) {
      const Node* base = stored(input);
      if (values_.contains(input) || members_.contains(base)) continue;
      if (base->op == Op::constant || base->op == Op::iota) continue;
      const View view = kernel_.view(input);
      if (!view.source && view.strides.back() == 0) operand(input, code, indent);
    }
  }
  return code;
}

std::string Emitter::store_row(const View& place, DType dtype, const std::string& expression,
                               const std::string& indent) {
  touch(place, true);
  const std::string slot = io_.write_slot(place.storage, dtype, false);
  const std::string element = row_element(place, push_offset(place, 1));
  std::string code = indent + store_call(slot, element, "(" + expression + ").x", false);
  const bool column = place.shape.rank() == shape_.rank();  // [.., 1], else the rows lie along the last axis
  const std::int64_t width = place.shape[-1], stride = width > 1 ? place.strides.back() : 1;
  const std::int64_t end = place.offset.base % 4 + width;
  const std::int64_t tail = place.zero_tail && stride == 1 ? pad4(end) - end : 0;
  if (!tail) return code;
  const std::string last = "d" + std::to_string(shape_.rank() - 2) + " == " + std::to_string(width - 1) + "u";
  if (!column) code += indent + "if (" + last + ") {\n";
  for (std::int64_t k = 1; k <= tail; ++k)
    code += indent + (column ? "" : "  ") +
            store_call(slot, element + " + " + std::to_string(k) + "u", dtype == DType::f32 ? "0.0" : "0u", false);
  return column ? code : code + indent + "}\n";
}

std::string Emitter::load_operand(const Node* node, const std::string& indent) {
  std::string code;
  operand(node, code, indent);
  return code;
}

void Emitter::leave() {
  values_ = std::move(outer_.back().first);
  known_ = std::move(outer_.back().second);
  outer_.pop_back();
}

}  // namespace volute
