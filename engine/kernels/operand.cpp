// View algebra over padded layouts.

#include "engine/kernels/operand.hpp"

#include "engine/kernels/dispatch.hpp"

#include <algorithm>

namespace volute {

vk::BindingKind read_kind(DType dtype, bool texel_loads) {
  if (!texel_loads) return vk::BindingKind::storage;
  switch (dtype) {
    case DType::u32: return vk::BindingKind::texel_u32;
    case DType::f16: case DType::bf16: return vk::BindingKind::texel_u16;
    default: return vk::BindingKind::texel_f32;
  }
}

vk::BindingKind write_kind(const Storage& storage, DType dtype, bool whole_texels, std::uint64_t max_storage_range) {
  if (storage.bytes <= max_storage_range) return vk::BindingKind::storage;
  if (dtype == DType::f16 || dtype == DType::bf16) return vk::BindingKind::texel_u16;
  if (dtype == DType::f32) return whole_texels ? vk::BindingKind::texel_f32 : vk::BindingKind::element_f32;
  return whole_texels ? vk::BindingKind::texel_u32 : vk::BindingKind::element_u32;
}

std::vector<std::int64_t> padded_strides(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.rank(), 1);
  for (int i = shape.rank() - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * (i == shape.rank() - 2 ? pad4(shape[i + 1]) : shape[i + 1]);
  return strides;
}

std::int64_t padded_elements(const Shape& shape) {
  if (shape.rank() == 0) return 4;
  return shape.elements() / shape[-1] * pad4(shape[-1]);
}

View natural_view(const Storage* storage, const Shape& shape) {
  return {storage, shape, padded_strides(shape), {}, std::nullopt, true};
}

bool View::aligned() const {
  if (source || offset.base % 4 || offset.stride % 4) return false;
  for (int i = 0; i < shape.rank(); ++i) {  // extents of 1 are never stepped over
    const bool last_axis = i == shape.rank() - 1;
    if (shape[i] != 1 && (last_axis ? strides[i] != 1 : strides[i] % 4 != 0)) return false;
  }
  return true;
}

bool View::natural() const {
  if (!aligned()) return false;
  const auto padded = padded_strides(shape);
  for (int i = 0; i < shape.rank(); ++i)
    if (shape[i] != 1 && strides[i] != padded[i]) return false;
  return true;
}

std::optional<View> broadcast_view(const View& view, const Shape& shape) {
  if (view.source) return std::nullopt;
  View out = view;
  out.shape = shape;
  out.strides.assign(shape.rank(), 0);
  for (int i = 1; i <= view.shape.rank(); ++i)
    if (view.shape[-i] != 1) out.strides[shape.rank() - i] = view.strides[view.shape.rank() - i];
  out.zero_tail = view.zero_tail && view.shape.rank() > 0 && view.shape[-1] == shape[-1];
  return out;
}

namespace {

/// Strides of `to` over the same elements as (from, strides), as NumPy's no-copy reshape finds them.
std::optional<std::vector<std::int64_t>> reshaped_strides(const Shape& from, const std::vector<std::int64_t>& strides,
                                                          const Shape& to) {
  std::vector<std::int64_t> dims, steps, out(to.rank(), 1);
  for (int i = 0; i < from.rank(); ++i) {
    if (from[i] == 1) continue;
    dims.push_back(from[i]);
    steps.push_back(strides[i]);
  }
  std::size_t i = 0;
  int j = 0;
  while (i < dims.size()) {
    // Grow both sides until they hold the same number of elements.
    std::size_t i_end = i + 1;
    int j_end = j + 1;
    std::int64_t have = dims[i], want = to[j];
    while (have != want) {
      if (have < want) have *= dims[i_end++];
      else want *= to[j_end++];
    }
    for (std::size_t k = i; k + 1 < i_end; ++k)
      if (steps[k] != steps[k + 1] * dims[k + 1]) return std::nullopt;
    out[j_end - 1] = steps[i_end - 1];
    for (int k = j_end - 2; k >= j; --k) out[k] = out[k + 1] * to[k + 1];
    i = i_end;
    j = j_end;
  }
  return out;
}

}  // namespace

std::optional<View> reshape_view(const View& view, const Shape& shape) {
  if (view.source) return std::nullopt;
  View out = view;
  out.shape = shape;
  if (auto strides = reshaped_strides(view.shape, view.strides, shape)) {
    out.strides = std::move(*strides);
    const bool same_rows = view.shape.rank() && shape.rank() && view.shape[-1] == shape[-1];
    out.zero_tail = view.zero_tail && same_rows && out.strides.back() == view.strides.back();
    return out;
  }
  out.source = view.shape;
  out.zero_tail = false;
  return out;
}

std::optional<View> transpose_view(const View& view, const std::vector<std::int64_t>& order) {
  if (view.source) return std::nullopt;
  View out = view;
  for (std::size_t i = 0; i < order.size(); ++i) {
    out.shape[static_cast<int>(i)] = view.shape[static_cast<int>(order[i])];
    out.strides[i] = view.strides[order[i]];
  }
  out.zero_tail = view.zero_tail && order.back() == static_cast<std::int64_t>(order.size()) - 1;
  return out;
}

std::optional<View> slice_view(const View& view, int axis, std::int64_t begin, std::int64_t end) {
  if (view.source) return std::nullopt;
  View out = view;
  out.shape[axis] = end - begin;
  out.offset.base += begin * view.strides[axis];
  const bool last_axis = axis == view.shape.rank() - 1;
  out.zero_tail = view.zero_tail && (!last_axis || end == view.shape[axis]);
  return out;
}

std::int64_t touched_elements(const View& view) {
  const Shape& shape = view.source ? *view.source : view.shape;
  std::int64_t last = 0;
  for (int i = 0; i < shape.rank(); ++i) last += (shape[i] - 1) * view.strides[i];
  return pad4(last + 1);
}

std::int64_t touched_bytes(const View& view) { return stored_bytes(touched_elements(view), view.storage->dtype); }

}  // namespace volute
