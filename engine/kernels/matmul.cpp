// Choice and dispatch of matmul variants; see matmul.hpp.

#include "engine/kernels/matmul.hpp"

#include <algorithm>
#include <array>

#include "engine/graph/node.hpp"
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

std::string matmul_source(const MatmulVariant& v, const MatrixOperand& a, const MatrixOperand& b, bool image,
                          const KernelTarget& target) {
  std::string code = "#version 450\n";
  if (target.texel_loads) code += "#define VOLUTE_TEXEL\n";
  const auto define = [&](const std::string& text) { code += "#define " + text + "\n"; };
  define("ROWS " + std::to_string(v.tile_rows));
  define("COLS " + std::to_string(v.tile_texels));
  define("LANES " + std::to_string(v.columns / (4 * v.tile_texels)));
  const DType a_type = a.view.storage->dtype, b_type = b.view.storage->dtype;
  if (a.transposed) define("A_T");
  if (b.transposed) define("B_T");
  if (is_half(a_type)) define(a_type == DType::f16 ? "A_F16" : "A_BF16");
  if (is_half(b_type)) define(b_type == DType::f16 ? "B_F16" : "B_BF16");
  if (a.view.shape[-1] % 4) define("TAIL");
  if (image) define("C_IMAGE");
  code += "#include \"lib/access.glsl\"\n#include \"lib/operands.glsl\"\n";
  return code + std::string(vk::embedded_shader(v.shader));
}

Touch touch_of(const View& view, bool write) {
  return {view.storage, touched_bytes(view), write, view.offset.stride != 0, false};
}

Moving in_texels(Moving offset) {
  offset.base /= 4;
  offset.stride /= 4;
  return offset;
}

Moving constant(std::int64_t value) { return {value, 0, 0, 0}; }

void set_flat_groups(Dispatch& dispatch, std::int64_t invocations, const KernelTarget& target) {
  const std::int64_t groups = (invocations + 63) / 64;
  const std::int64_t rows = (groups + target.max_groups - 1) / target.max_groups;
  dispatch.groups[0] = static_cast<std::uint32_t>((groups + rows - 1) / rows);
  dispatch.groups[1] = static_cast<std::uint32_t>(rows);
}

std::string generic_source(const char* path, const KernelTarget& target) {
  return std::string("#version 450\n") + (target.texel_loads ? "#define VOLUTE_TEXEL\n" : "") +
         "#include \"lib/access.glsl\"\n" + std::string(vk::embedded_shader(path));
}

}  // namespace

Dispatch matmul_dispatch(const MatrixOperand& a, const MatrixOperand& b, const View& c, const KernelTarget& target,
                         const MatmulVariant* variant) {
  const std::int64_t M = a.view.shape[-2], K = a.view.shape[-1], N = b.view.shape[-1];
  const std::int64_t batches = c.shape.elements() / (M * N);
  const MatrixOperand out = matrix_operand(c).value();
  const MatmulVariant& v = variant ? *variant : choose_matmul(M, N, batches, target);
  const auto reading = [&](const View& view) {
    return Binding{view.storage, read_kind(view.storage->dtype, target.texel_loads)};
  };

  Dispatch d;
  const DType type = a.view.storage->dtype;
  d.label = (is_half(type) ? std::string("matmul ") + name_of(type) + " " : "matmul ") + std::to_string(M) + "x" + std::to_string(N) + "x" + std::to_string(K);
  if (batches > 1) d.label = std::to_string(batches) + " " + d.label;
  const vk::BindingKind write = write_kind(*c.storage, DType::f32, true, target.max_storage_range);
  d.source = matmul_source(v, a, b, write != vk::BindingKind::storage, target);
  d.bindings = {reading(a.view), reading(b.view), {c.storage, write}};
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

std::vector<Dispatch> scatter_dispatches(const View& indices, const View& values, const View& out,
                                         const Storage* head, const Storage* next, const KernelTarget& target) {
  const std::int64_t rows = out.shape[0], E = out.shape[1], count = indices.shape.elements();
  const vk::BindingKind read_u32 = read_kind(DType::u32, target.texel_loads);
  const vk::BindingKind read_f32 = read_kind(DType::f32, target.texel_loads);
  const Touch heads{head, static_cast<std::int64_t>(head->bytes), true, false, false};
  const Touch nexts{next, static_cast<std::int64_t>(next->bytes), true, false, false};
  const auto reading = [](Touch touch) {
    touch.write = false;
    return touch;
  };

  Dispatch link;
  link.label = "scatter link";
  link.source = generic_source("scatter_link.comp", target);
  link.bindings = {{indices.storage, read_u32}, {head, vk::BindingKind::storage}, {next, vk::BindingKind::storage}};
  const std::int64_t width = indices.shape.rank() ? indices.shape[-1] : 1;
  link.push = {in_texels(indices.offset), constant(0), constant(0), constant(rows), constant(count), constant(width)};
  link.touches = {touch_of(indices, false), heads, nexts};
  link.flops = static_cast<double>(rows) * static_cast<double>(count);
  set_flat_groups(link, rows, target);

  Dispatch sum;
  sum.label = "scatter sum";
  sum.source = generic_source("scatter_sum.comp", target);
  sum.bindings = {
      {head, read_u32}, {next, read_u32}, {values.storage, read_f32}, {out.storage, vk::BindingKind::storage}};
  sum.push = {constant(0), constant(0), in_texels(values.offset), in_texels(out.offset), constant(rows),
              constant(pad4(E) / 4), constant(pad4(E) / 4)};
  sum.touches = {reading(heads), reading(nexts), touch_of(values, false), touch_of(out, true)};
  sum.flops = static_cast<double>(count) * static_cast<double>(E);
  set_flat_groups(sum, rows * pad4(E) / 4, target);
  for (const Touch& touch : sum.touches) sum.bytes += static_cast<double>(touch.bytes);
  return {link, sum};
}

}  // namespace volute
