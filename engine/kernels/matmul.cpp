// Choice and dispatch of matmul variants; see matmul.hpp.

#include "engine/kernels/matmul.hpp"

#include <algorithm>
#include <array>

#include "engine/vulkan/glsl.hpp"

namespace volute {

std::optional<MatrixOperand> matrix_operand(const View& view) {
  const int rank = view.shape.rank();
  if (rank < 2 || view.source || view.offset.base % 4 || view.offset.stride % 4) return std::nullopt;
  View flat = view;
  if (rank > 3) {
    const auto joined = reshape_view(view, {view.shape.elements() / (view.shape[-1] * view.shape[-2]),
                                            view.shape[-2], view.shape[-1]});
    if (!joined || joined->source) return std::nullopt;
    flat = *joined;
  }
  const std::int64_t rows = flat.shape[-2], columns = flat.shape[-1];
  const std::int64_t row_stride = flat.strides[flat.shape.rank() - 2], column_stride = flat.strides.back();
  MatrixOperand operand{flat, false, 0, 0};
  if (flat.shape.rank() == 3) {
    if (flat.strides[0] % 4) return std::nullopt;
    operand.batch_stride = flat.strides[0] / 4;
  }
  if ((column_stride == 1 || columns == 1) && (row_stride % 4 == 0 || rows == 1)) {
    operand.pitch = rows == 1 ? 0 : row_stride / 4;
    return operand;
  }
  if ((row_stride == 1 || rows == 1) && (column_stride % 4 == 0 || columns == 1)) {
    operand.transposed = true;
    operand.pitch = columns == 1 ? 0 : column_stride / 4;
    return operand;
  }
  return std::nullopt;
}

std::span<const MatmulVariant> matmul_variants() {
  // Efficiencies: relative speed of full tiles on lavapipe (Mesa 22.3.6, two x86-64 cores), 512 x 1024 x 512:
  // 107, 103, 88, 70 and 60 GFLOP/s with shuffles; 50, 50, 42 and 35 without.
  static constexpr std::array<MatmulVariant, 10> table{{
      {"texel", "matmul_shuffle.comp", 8, 32, 4 * 8 * 1, 32, 1, 1.0},
      {"texel", "matmul_shuffle.comp", 8, 16, 4 * 8 * 2, 16, 2, 1.0},
      {"texel", "matmul_shuffle.comp", 8, 16, 4 * 8 * 1, 16, 1, 0.85},
      {"texel", "matmul_shuffle.comp", 8, 8, 4 * 8 * 2, 8, 2, 0.65},
      {"texel", "matmul_shuffle.comp", 8, 8, 4 * 8 * 1, 8, 1, 0.6},
      {"texel", "matmul_texel.comp", 0, 4, 4 * 8 * 4, 4, 4, 0.45},
      {"texel", "matmul_texel.comp", 0, 8, 4 * 8 * 2, 8, 2, 0.45},
      {"texel", "matmul_texel.comp", 0, 8, 4 * 8 * 1, 8, 1, 0.4},
      {"texel", "matmul_texel.comp", 0, 4, 4 * 8 * 1, 4, 1, 0.3},
      {"shared", "matmul_shared.comp", 0, 64, 64, 4, 1, 1.0},
  }};
  return table;
}

const MatmulVariant& choose_matmul(std::int64_t M, std::int64_t N, std::int64_t batches, const KernelTarget& target) {
  const MatmulVariant* best = nullptr;
  double best_cost = 0;
  for (const MatmulVariant& v : matmul_variants()) {
    if (target.matmul != v.family || (v.shuffle_lanes && v.shuffle_lanes != target.shuffle_lanes)) continue;
    // Work including the part of edge tiles that is thrown away.
    const double tiles = static_cast<double>((M + v.rows - 1) / v.rows * ((N + v.columns - 1) / v.columns) * batches);
    const double cost = tiles * v.rows * v.columns / v.efficiency;
    if (!best || cost < best_cost) {
      best = &v;
      best_cost = cost;
    }
  }
  if (!best) throw Unsupported("no matmul variant of family \"" + target.matmul + "\"; known: texel, shared");
  return *best;
}

namespace {

std::string matmul_source(const MatmulVariant& v, bool a_t, bool b_t, bool tail, bool image,
                          const KernelTarget& target) {
  std::string code = "#version 450\n";
  if (target.texel_loads) code += "#define VOLUTE_TEXEL\n";
  const auto define = [&](const std::string& text) { code += "#define " + text + "\n"; };
  define("ROWS " + std::to_string(v.tile_rows));
  define("COLS " + std::to_string(v.tile_texels));
  define("LANES " + std::to_string(v.columns / (4 * v.tile_texels)));
  if (a_t) define("A_T");
  if (b_t) define("B_T");
  if (tail) define("TAIL");
  if (image) define("C_IMAGE");
  code += "#include \"lib/access.glsl\"\n";
  return code + std::string(vk::embedded_shader(v.shader));
}

Touch touch_of(const View& view, bool write) {
  return {view.storage, touched_elements(view) * 4, write, view.offset.stride != 0, false};
}

Moving in_texels(Moving offset) {
  offset.base /= 4;
  offset.stride /= 4;
  return offset;
}

Moving constant(std::int64_t value) { return {value, 0, 0, 0}; }

}  // namespace

Dispatch matmul_dispatch(const MatrixOperand& a, const MatrixOperand& b, const View& c, const KernelTarget& target,
                         const MatmulVariant* variant) {
  const std::int64_t M = a.view.shape[-2], K = a.view.shape[-1], N = b.view.shape[-1];
  const std::int64_t batches = c.shape.elements() / (M * N);
  const MatrixOperand out = matrix_operand(c).value();
  const MatmulVariant& v = variant ? *variant : choose_matmul(M, N, batches, target);
  const vk::BindingKind read = target.texel_loads ? vk::BindingKind::texel_f32 : vk::BindingKind::storage;

  Dispatch d;
  d.label = "matmul " + std::to_string(M) + "x" + std::to_string(N) + "x" + std::to_string(K);
  if (batches > 1) d.label = std::to_string(batches) + " " + d.label;
  const vk::BindingKind write = write_kind(*c.storage, DType::f32, true, target.max_storage_range);
  d.source = matmul_source(v, a.transposed, b.transposed, K % 4 != 0, write != vk::BindingKind::storage, target);
  d.bindings = {{a.view.storage, read}, {b.view.storage, read}, {c.storage, write}};
  d.push = {in_texels(a.view.offset), in_texels(b.view.offset), in_texels(c.offset), constant(a.pitch),
            constant(b.pitch),        constant(out.pitch),      constant(a.batch_stride), constant(b.batch_stride),
            constant(out.batch_stride), constant(M),            constant(N),              constant(K)};
  if (v.shuffle_lanes) d.push.push_back(constant(0));
  d.groups[0] = static_cast<std::uint32_t>((N + v.columns - 1) / v.columns);
  d.groups[1] = static_cast<std::uint32_t>((M + v.rows - 1) / v.rows);
  d.groups[2] = static_cast<std::uint32_t>(batches);
  if (d.groups[1] > target.max_groups || d.groups[2] > target.max_groups)
    throw Unsupported("matmul: " + std::to_string(M) + " rows in " + std::to_string(batches) +
                      " batches exceed the device's workgroup count " + std::to_string(target.max_groups));
  d.touches = {touch_of(a.view, false), touch_of(b.view, false), touch_of(c, true)};
  d.flops =
      2.0 * static_cast<double>(M) * static_cast<double>(N) * static_cast<double>(K) * static_cast<double>(batches);
  for (const Touch& touch : d.touches) d.bytes += static_cast<double>(touch.bytes);
  return d;
}

}  // namespace volute
