// Dispatches of scatter_add; see scatter.hpp.

#include "engine/kernels/scatter.hpp"

namespace volute {
namespace {

// Texels of indices in a block. Loops over them stay far below what KernelTarget::max_iterations bounds.
constexpr std::int64_t kBlockTexels = 4096;

std::int64_t width_of(const View& indices) { return indices.shape.rank() ? indices.shape[-1] : 1; }

std::int64_t texels_of(const View& indices) { return padded_elements(indices.shape) / 4; }

Touch whole(const Storage* storage, bool write) {
  return {storage, static_cast<std::int64_t>(storage->bytes), write, false, false};
}

Dispatch link_dispatch(const View& indices, const View& out, const Storage* head, const Storage* next,
                       const KernelTarget& target) {
  const std::int64_t rows = out.shape[0], blocks = scatter_blocks(indices), width = width_of(indices);
  const vk::BindingKind read = target.texel_loads ? vk::BindingKind::texel_u32 : vk::BindingKind::storage;
  Dispatch link;
  link.label = "scatter link";
  link.source = shader_source("scatter_link.comp", target);
  link.bindings = {{indices.storage, read}, {head, vk::BindingKind::storage}, {next, vk::BindingKind::storage}};
  link.push = {in_texels(indices.offset), constant_word(rows), constant_word(texels_of(indices)), constant_word(width),
               constant_word(kBlockTexels),    constant_word(blocks)};
  link.touches = {touch_of(indices, false), whole(head, true), whole(next, true)};
  link.flops = static_cast<double>(rows) * static_cast<double>(indices.shape.elements());
  link.bytes = 4 * link.flops;  // every row looks at all indices
  set_flat_groups(link, rows * blocks, target);
  return link;
}

/// Adds the terms of one block to the result; the first block's sums start at 0.
Dispatch sum_dispatch(const View& values, const View& out, const Storage* head, const Storage* next,
                      std::int64_t block, double terms, const KernelTarget& target) {
  const std::int64_t rows = out.shape[0], row_texels = pad4(out.shape[1]) / 4;
  const vk::BindingKind read_u32 = target.texel_loads ? vk::BindingKind::texel_u32 : vk::BindingKind::storage;
  const vk::BindingKind read_f32 = target.texel_loads ? vk::BindingKind::texel_f32 : vk::BindingKind::storage;
  Dispatch sum;
  sum.label = "scatter sum";
  sum.source = shader_source("scatter_sum.comp", target);
  sum.bindings = {{head, read_u32}, {next, read_u32}, {values.storage, read_f32}, {out.storage, vk::BindingKind::storage},
                  {out.storage, read_f32}};
  sum.push = {constant_word(block * rows), in_texels(values.offset), in_texels(out.offset), constant_word(rows),
              constant_word(row_texels),   constant_word(block > 0)};
  sum.touches = {whole(head, false), whole(next, false), touch_of(values, false), touch_of(out, true)};
  if (block > 0) sum.touches.push_back(touch_of(out, false));
  sum.flops = terms * static_cast<double>(out.shape[1]);
  set_flat_groups(sum, rows * row_texels, target);
  for (const Touch& touch : sum.touches) sum.bytes += static_cast<double>(touch.bytes);
  return sum;
}

}  // namespace

std::int64_t scatter_blocks(const View& indices) { return (texels_of(indices) + kBlockTexels - 1) / kBlockTexels; }

std::vector<Dispatch> scatter_dispatches(const View& indices, const View& values, const View& out,
                                         const Storage* head, const Storage* next, const KernelTarget& target) {
  std::vector<Dispatch> dispatches{link_dispatch(indices, out, head, next, target)};
  const std::int64_t blocks = scatter_blocks(indices);
  const double terms = static_cast<double>(indices.shape.elements()) / static_cast<double>(blocks);
  for (std::int64_t block = 0; block < blocks; ++block)
    dispatches.push_back(sum_dispatch(values, out, head, next, block, terms, target));
  return dispatches;
}

}  // namespace volute
