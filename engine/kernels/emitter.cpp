// Expression emission for generated kernels; see emitter.hpp.

#include "engine/kernels/emitter.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "engine/graph/operation.hpp"
#include "engine/kernels/expression.hpp"

namespace volute {

Emitter::Emitter(const FusedKernel& kernel, const Shape& shape, KernelInterface& io)
    : kernel_(kernel),
      shape_(shape),
      width_(shape.rank() ? shape[-1] : 1),
      texels_((width_ + 3) / 4),
      io_(io) {
  if (kernel.rows) members_.insert(kernel.nodes.begin(), kernel.nodes.end());
}

std::optional<View> view_through(const Node* node, const View& base) {
  switch (node->op) {
    case Op::broadcast: return broadcast_view(base, node->shape);
    case Op::reshape: return reshape_view(base, node->shape);
    case Op::transpose: return transpose_view(base, node->ints);
    case Op::slice: return slice_view(base, static_cast<int>(node->ints[0]), node->ints[1], node->ints[2]);
    default: return base;  // stop_gradient
  }
}

std::string Emitter::push_offset(const View& view, std::int64_t unit) {
  // Whole steps along the outermost axis are pushed too: segments of a sequence then share their kernels.
  const bool stepped = !view.source && view.shape.rank() > 1 && view.shape[0] > 1 && view.strides[0] % 4 == 0;
  const std::int64_t step = view.offset.stride ? view.offset.stride : stepped ? view.strides[0] : 0;
  const std::int64_t inner = step ? view.offset.base % step : view.offset.base, outer = view.offset.base - inner;
  const std::string base = std::to_string(inner / unit) + "u";
  if (!view.offset.stride && !outer) return base;
  return io_.push({outer / unit, view.offset.stride / unit, view.offset.phase, view.offset.slots}) + " + " + base;
}

std::string Emitter::store_call(const std::string& slot, const std::string& index, const std::string& value,
                                bool whole_texels) const {
  const bool image = slot[0] != 'o';
  const char* type = slot[0] == 'u' ? "uvec4(" : "vec4(";
  const std::string stored = image && !whole_texels ? type + value + ")" : value;
  return (image ? "STORE_IMAGE(" : "STORE(") + slot + ", " + index + ", " + stored + ");\n";
}

void Emitter::touch(const View& view, bool write) {
  const std::int64_t bytes = touched_bytes(view);
  const bool whole = static_cast<std::uint64_t>(bytes) == view.storage->bytes && view.offset.base == 0;
  const bool elementwise = whole && !view.offset.stride && view.natural() && view.shape == shape_;
  io_.touch({view.storage, bytes, write, view.offset.stride != 0, elementwise});
}

std::string Emitter::leading_offset(const View& view, std::int64_t unit) const {
  std::string sum;
  for (int axis = 0; axis + 1 < view.shape.rank(); ++axis) {
    if (view.shape[axis] == 1 || view.strides[axis] == 0) continue;
    sum += " + d" + std::to_string(axis) + " * " + std::to_string(view.strides[axis] / unit) + "u";
  }
  return sum;
}

/// Element number of lane `lane` of the current texel.
std::string Emitter::lane_element(const View& view, const std::string& offset, int lane) const {
  const std::string column = "min(4u * c + " + std::to_string(lane) + "u, " + std::to_string(width_ - 1) + "u)";
  if (!view.source) {
    const std::int64_t stride = view.shape.rank() && width_ > 1 ? view.strides.back() : 0;
    return offset + leading_offset(view, 1) + (stride ? " + " + column + " * " + std::to_string(stride) + "u" : "");
  }
  // Row-major order over `source`: peel its indices off the logical element number.
  std::string logical = "(row * " + std::to_string(width_) + "u + " + column + ")";
  std::string sum = offset;
  std::int64_t below = 1;
  for (int axis = view.source->rank() - 1; axis >= 0; --axis) {
    const std::int64_t extent = (*view.source)[axis];
    if (extent != 1) {
      sum += " + " + logical + " / " + std::to_string(below) + "u % " + std::to_string(extent) + "u * " +
             std::to_string(view.strides[axis]) + "u";
    }
    below *= extent;
  }
  return sum;
}

namespace {

/// "LOAD(" or "LOAD1(" of a slot of that type.
std::string load_call(const char* macro, DType dtype) {
  return std::string(macro) + (dtype == DType::f16 ? "_F16(" : dtype == DType::bf16 ? "_BF16(" : "(");
}

const char* vector_of(DType dtype) { return dtype == DType::u32 ? "uvec4" : "vec4"; }

}  // namespace

std::string Emitter::load_lanes(const View& view, DType dtype, const std::string& slot, const std::string& offset) {
  const bool same = !view.source && (width_ == 1 || view.strides.back() == 0);
  std::string lanes;
  for (int lane = 0; lane < (same ? 1 : 4); ++lane)
    lanes += (lane ? ", " : "") + load_call("LOAD1", dtype) + slot + ", " + lane_element(view, offset, lane) + ")";
  return lanes;
}

std::string Emitter::load(const View& view, DType dtype) {
  touch(view, false);
  const std::string slot = io_.read_slot(view.storage, dtype);
  if (view.natural()) return load_call("LOAD", dtype) + slot + ", " + push_offset(view, 4) + " + i)";
  const bool scalar_row = width_ > 1 && view.shape.rank() && view.strides.back() == 0;
  if (view.aligned() && !scalar_row) {
    return load_call("LOAD", dtype) + slot + ", " + push_offset(view, 4) + leading_offset(view, 4) + " + c)";
  }
  return vector_of(dtype) + ("(" + load_lanes(view, dtype, slot, push_offset(view, 1))) + ")";
}

std::string Emitter::embedding(const Node* node) {
  const View table = kernel_.view(node->inputs[0]);
  View index = kernel_.view(node->inputs[1]);
  std::vector<std::int64_t> dims = index.shape.dims();
  dims.push_back(node->shape[-1]);
  index = *broadcast_view(*reshape_view(index, [&] {
    std::vector<std::int64_t> column = index.shape.dims();
    column.push_back(1);
    return Shape(column);
  }()), Shape(dims));
  io_.touch({table.storage, touched_bytes(table), false, table.offset.stride != 0, false});  // any row of it
  touch(index, false);
  const std::string row = "min(LOAD1(" + io_.read_slot(index.storage, DType::u32) + ", " +
                          lane_element(index, push_offset(index, 1), 0) + "), " +
                          std::to_string(table.shape[0] - 1) + "u)";
  return "LOAD(" + io_.read_slot(table.storage, DType::f32) + ", " + push_offset(table, 4) + " + " + row + " * " +
         std::to_string(table.strides[0] / 4) + "u + c)";
}

std::string Emitter::random(const Node* node) {
  io_.use_random();
  const auto scalar = [&](const Node* input) {
    const View view = kernel_.view(input);
    touch(view, false);
    return "LOAD(" + io_.read_slot(view.storage, DType::u32) + ", " + push_offset(view, 4) + ").x";
  };
  // A segment of a longer scan counts on from the steps before it.
  const std::int64_t texels = padded_elements(node->shape) / 4, begin = static_cast<std::int64_t>(node->value);
  const std::int64_t step_texels =
      node->scope ? texels : texels / std::max<std::int64_t>(node->shape.rank() ? node->shape[0] : 1, 1);
  const std::string first = node->scope || begin ? io_.push({begin * step_texels, node->scope ? texels : 0, 0, 0}) : "0u";
  return "volute_random(" + first + " + i, " + std::to_string(node->ints[0]) + "u, " + scalar(node->inputs[1]) + ", " +
         scalar(node->inputs[0]) + ")";
}

std::string Emitter::iota(const View& view) const {
  std::string lanes;
  for (int lane = 0; lane < 4; ++lane)
    lanes += (lane ? ", " : "") + lane_element(view, std::to_string(view.offset.base) + "u", lane);
  return "uvec4(" + lanes + ")";
}

namespace {

std::string literal(double value, DType dtype) {
  char text[64];
  if (dtype == DType::u32) std::snprintf(text, sizeof text, "uvec4(%uu)", static_cast<std::uint32_t>(value));
  else if (!std::isfinite(value)) std::snprintf(text, sizeof text, "vec4(%s)", value > 0 ? "1.0 / 0.0" : "-1.0 / 0.0");
  else std::snprintf(text, sizeof text, "vec4(%.9e)", static_cast<double>(static_cast<float>(value)));
  return text;
}

}  // namespace

/// The iota seen through view operations.
View iota_view(const Node* node) {
  if (node->op == Op::iota) return natural_view(nullptr, node->shape);
  return *view_through(node, iota_view(node->inputs[0]));
}

std::string Emitter::define(const Node* node, const std::string& expression, std::string& code,
                            const std::string& indent) {
  std::string& variable = known_[expression];
  if (variable.empty()) {
    variable = "v" + std::to_string(known_.size());
    // As written, whatever else the kernel computes: the same bits however nodes are grouped into kernels.
    const std::string type = std::string(node->dtype == DType::u32 ? "" : "precise ") + vector_of(node->dtype);
    code += indent + type + " " + variable + " = " + expression + ";\n";
  }
  return values_[node] = variable;
}

std::string Emitter::operand(const Node* node, std::string& code, const std::string& indent) {
  const auto found = values_.find(node);
  if (found != values_.end()) return found->second;
  if (const auto made = narrow_.find(node); made != narrow_.end()) {
    const Op round = node->dtype == DType::f16 ? Op::to_f16 : Op::to_bf16;
    return define(node, expression(round, {operand(made->second, code, indent)}), code, indent);
  }
  const Node* base = stored(node);
  if (members_.contains(base)) return values_.at(base);
  if (base->op == Op::constant) return values_[node] = literal(base->value, node->dtype);
  if (row_level_) return define(node, load_row(node), code, indent);
  if (base->op == Op::iota) return define(node, iota(iota_view(node)), code, indent);
  return define(node, load(kernel_.view(node), node->dtype), code, indent);
}

std::string Emitter::statements(const std::vector<const Node*>& nodes, const std::string& indent) {
  std::string code;
  for (const Node* node : nodes) {
    if (node->op == Op::embedding) {
      define(node, embedding(node), code, indent);
    } else if (node->op == Op::random) {
      define(node, random(node), code, indent);
    } else if (is_half(node->dtype)) {  // rounded where it is used here, and by its store
      const Node* input = node->inputs[0];
      if (narrow_.contains(input)) input = narrow_.at(input);
      operand(input, code, indent);
      if (is_half(input->dtype)) values_[node] = values_.at(input);
      else narrow_[node] = input;
      io_.use_half();
    } else if (node->op == Op::copy) {
      values_[node] = operand(node->inputs[0], code, indent);
    } else {
      std::vector<std::string> in;
      for (const Node* input : node->inputs) in.push_back(operand(input, code, indent));
      define(node, expression(node->op, in), code, indent);
    }
  }
  if (kernel_.reduce) operand(kernel_.reduce->inputs[0], code, indent);
  return code;
}

std::string Emitter::value(const Node* node) {
  const auto found = values_.find(node);
  return found == values_.end() ? values_.at(stored(node)) : found->second;
}

std::string Emitter::stored_value(const Node* node) {
  const auto made = narrow_.find(node);
  return values_.at(made == narrow_.end() ? node : made->second);
}

std::string Emitter::tail_mask(const std::string& variable, DType dtype, const char* fill,
                               const std::string& indent) const {
  if (width_ % 4 == 0) return "";
  const std::string type = vector_of(dtype);
  return indent + variable + " = mix(" + type + "(" + fill + "), " + variable +
         ", lessThan(4u * c + uvec4(0u, 1u, 2u, 3u), uvec4(" + std::to_string(width_) + "u)));\n";
}

namespace {

/// What is stored as a whole texel: 16-bit values as two words, or as four where images hold them.
std::string texel_of(const std::string& variable, DType dtype, const std::string& slot) {
  if (!is_half(dtype)) return variable;
  const std::string bits = std::string(dtype == DType::f16 ? "f16_bits(" : "bf16_bits(") + variable + ")";
  return slot[0] == 'u' ? bits : "packed(" + bits + ")";
}

}  // namespace

std::string Emitter::store(const View& place, DType dtype, const std::string& expression, const std::string& indent) {
  touch(place, true);
  const std::string variable = "s" + std::to_string(++stores_);
  const char* zero = dtype == DType::u32 ? "0u" : "0.0";
  std::string code = indent + vector_of(dtype) + " " + variable + " = " + expression + ";\n";
  code += tail_mask(variable, dtype, zero, indent);
  if (place.aligned() && (width_ % 4 == 0 || place.zero_tail)) {
    const std::string slot = io_.write_slot(place.storage, dtype, true);
    const std::string where = push_offset(place, 4) + (place.natural() ? " + i" : leading_offset(place, 4) + " + c");
    return code + indent + store_call(slot, where, texel_of(variable, dtype, slot), true);
  }
  const std::string slot = io_.write_slot(place.storage, dtype, false);
  const std::int64_t stride = place.shape.rank() && width_ > 1 ? place.strides.back() : 1;
  const std::string first = push_offset(place, 1) + leading_offset(place, 1);
  // A last piece also writes the zeros that follow it up to the end of the row's last texel.
  const std::int64_t end = place.offset.base % 4 + width_;
  const std::int64_t tail = place.zero_tail && stride == 1 ? pad4(end) - end : 0;
  for (int lane = 0; lane < 4; ++lane) {
    const std::string column = "4u * c + " + std::to_string(lane) + "u";
    code += indent + "if (" + column + " < " + std::to_string(width_) + "u) " +
            store_call(slot, first + " + (" + column + ") * " + std::to_string(stride) + "u",
                       variable + "[" + std::to_string(lane) + "]", false);
  }
  for (std::int64_t k = 0; k < tail; ++k) {
    code += indent + "if (c == " + std::to_string(texels_ - 1) + "u) " +
            store_call(slot, first + " + " + std::to_string(width_ + k) + "u", zero, false);
  }
  return code;
}

std::string Emitter::store_natural(const View& place, const std::string& index, const std::string& variable,
                                   const std::string& indent) {
  touch(place, true);
  return indent + store_call(io_.write_slot(place.storage, DType::f32, true), push_offset(place, 4) + " + " + index,
                             variable, true);
}

std::string Emitter::index_from_flat(const std::string& indent) const {
  return indent + "uint c = i % " + std::to_string(texels_) + "u;\n" + indent + "uint row = i / " +
         std::to_string(texels_) + "u;\n" + index_from_row(indent);
}

std::string Emitter::index_from_row(const std::string& indent) const {
  std::string code;
  std::int64_t below = 1;
  for (int axis = shape_.rank() - 2; axis >= 0; --axis) {
    const std::string quotient = below == 1 ? "row" : "row / " + std::to_string(below) + "u";
    code += indent + "uint d" + std::to_string(axis) + " = " + quotient +
            (axis ? " % " + std::to_string(shape_[axis]) + "u" : "") + ";\n";
    below *= shape_[axis];
  }
  return code;
}

}  // namespace volute
