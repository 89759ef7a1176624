// The table of matmul variants, and which of them suit a product: by family, by the device's limits, by a model.
// Invariant: the same shape on the same device gives the same list, in the same order.

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/kernels/matmul.hpp"

namespace volute {

std::span<const MatmulVariant> matmul_variants() {
  // Efficiencies, texel: relative speed of full tiles on lavapipe (Mesa 22.3.6, two x86-64 cores), 512 x 1024 x 512:
  // 107, 103, 88, 70 and 60 GFLOP/s with shuffles; 50, 50, 42 and 35 without. shared and cooperative: estimates from
  // multiplications per value read from shared memory; the tuner measures.
  static constexpr std::array<MatmulVariant, 20> table{{
      {"texel", "matmul_shuffle.comp", 8, 32, 4 * 8 * 1, 32, 1, 1.0},
      {"texel", "matmul_shuffle.comp", 8, 16, 4 * 8 * 2, 16, 2, 1.0},
      {"texel", "matmul_shuffle.comp", 8, 16, 4 * 8 * 1, 16, 1, 0.85},
      {"texel", "matmul_shuffle.comp", 8, 8, 4 * 8 * 2, 8, 2, 0.65},
      {"texel", "matmul_shuffle.comp", 8, 8, 4 * 8 * 1, 8, 1, 0.6},
      {"texel", "matmul_texel.comp", 0, 4, 4 * 8 * 4, 4, 4, 0.45},
      {"texel", "matmul_texel.comp", 0, 8, 4 * 8 * 2, 8, 2, 0.45},
      {"texel", "matmul_texel.comp", 0, 8, 4 * 8 * 1, 8, 1, 0.4},
      {"texel", "matmul_texel.comp", 0, 4, 4 * 8 * 1, 4, 1, 0.3},
      {"shared", "matmul_shared.comp", 0, 128, 128, 8, 2, 1.0, 8},
      {"shared", "matmul_shared.comp", 0, 128, 64, 8, 1, 0.85, 16},
      {"shared", "matmul_shared.comp", 0, 64, 64, 8, 1, 0.8, 16},
      {"shared", "matmul_shared.comp", 0, 32, 64, 4, 1, 0.65, 16},
      // For the rows of one time step: the fewer results an invocation has, the more of the device takes part.
      {"shared", "matmul_shared.comp", 0, 16, 64, 4, 1, 0.6, 32},
      {"shared", "matmul_shared.comp", 0, 32, 32, 2, 1, 0.45, 32},
      {"shared", "matmul_shared.comp", 0, 16, 32, 2, 1, 0.4, 32},
      {"shared", "matmul_shared.comp", 0, 8, 32, 1, 1, 0.25, 32},
      {"cooperative", "matmul_cooperative.comp", 0, 128, 128, 64, 8, 1.0, 32},
      {"cooperative", "matmul_cooperative.comp", 0, 64, 64, 32, 8, 0.7, 32},
      {"cooperative", "matmul_cooperative.comp", 0, 16, 64, 16, 4, 0.3, 32},
  }};
  return table;
}

std::string name_of(const MatmulVariant& v) {
  return std::string(v.family) + " " + std::to_string(v.rows) + "x" + std::to_string(v.columns);
}

namespace {

bool is_cooperative(const MatmulVariant& v) { return v.family == std::string("cooperative"); }

vk::CooperativeExtents extents_for(const MatmulForm& form, const KernelTarget& target) {
  if (form.operands == MatmulOperands::f32) return {};
  return form.operands == MatmulOperands::f16 ? target.cooperative.f16 : target.cooperative.bf16;
}

/// Invocations of a workgroup, whatever the gates.
std::int64_t threads_of(const MatmulVariant& v, const KernelTarget& target) {
  const std::int64_t tiles = v.rows / v.tile_rows * (v.columns / (4 * v.tile_texels));
  return is_cooperative(v) ? tiles * target.subgroup_size : tiles;
}

/// Two buffers of tiles, with the padding the shaders give them.
std::int64_t shared_bytes(const MatmulVariant& v, std::int64_t depth, const MatmulForm& form,
                          const KernelTarget& target) {
  if (is_cooperative(v)) {
    const vk::CooperativeExtents e = extents_for(form, target);
    const std::int64_t lines = std::max((v.rows + v.columns) * (depth / 8 + 1),  // as stored along k or along lines
                                        depth * (v.rows / 8 + 1 + v.columns / 8 + 1));
    const std::int64_t subgroups = v.rows / v.tile_rows * (v.columns / (4 * v.tile_texels));
    return 2 * lines * 16 + subgroups * e.m * e.n * 4;
  }
  return 2 * depth * (v.rows / 4 + 1 + v.columns * form.gates / 4 + 1) * 16;
}

/// As much of the variant's depth as fits into shared memory; 0 if none does.
std::int64_t depth_of(const MatmulVariant& v, const MatmulForm& form, const KernelTarget& target) {
  const std::int64_t least = is_cooperative(v) ? 32 : 8;
  for (std::int64_t depth = v.depth; depth >= least; depth /= 2)
    if (shared_bytes(v, depth, form, target) <= target.max_shared_bytes) return depth;
  return 0;
}

bool can_run(const MatmulVariant& v, const KernelTarget& target, const MatmulForm& form) {
  const bool matrix_units = static_cast<bool>(extents_for(form, target)) && form.gates == 1;
  if (v.shuffle_lanes && v.shuffle_lanes != target.shuffle_lanes) return false;
  if (target.matmul == "shared" && matrix_units != is_cooperative(v)) return false;
  if (target.matmul != v.family && !(target.matmul == "shared" && is_cooperative(v))) return false;
  // 16 vec4 of sums are what an invocation can hold beside its operands.
  if (form.gates > 1 && (v.tile_texels > 1 || v.tile_rows * form.gates > 16)) return false;
  return !v.depth || (threads_of(v, target) <= target.max_workgroup && depth_of(v, form, target) > 0);
}

/// Time in results of full tiles one after the other. Includes the part of edge tiles that is thrown away; on GPUs
/// also that a processor needs some 256 invocations to hide what each waits for, and that some processors idle.
double model_cost(const MatmulVariant& v, std::int64_t M, std::int64_t N, std::int64_t batches,
                  const KernelTarget& target) {
  const double tiles = static_cast<double>((M + v.rows - 1) / v.rows * ((N + v.columns - 1) / v.columns) * batches);
  const double work = v.rows * v.columns / v.efficiency;
  if (!v.depth) return tiles * work;
  const double resident = std::ceil(tiles / target.cores);
  return resident * work / std::min(1.0, resident * static_cast<double>(threads_of(v, target)) / 256);
}

}  // namespace

std::vector<const MatmulVariant*> matmul_candidates(std::int64_t M, std::int64_t N, std::int64_t batches,
                                                    const KernelTarget& target, const MatmulForm& form, double within,
                                                    std::size_t most) {
  std::vector<std::pair<double, const MatmulVariant*>> found;
  for (const MatmulVariant& v : matmul_variants())
    if (can_run(v, target, form)) found.emplace_back(model_cost(v, M, N, batches, target), &v);
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<const MatmulVariant*> candidates;
  for (const auto& [cost, variant] : found)
    if (candidates.size() < most && cost <= within * found[0].first) candidates.push_back(variant);
  return candidates;
}

const MatmulVariant& choose_matmul(std::int64_t M, std::int64_t N, std::int64_t batches, const KernelTarget& target,
                                   const MatmulForm& form) {
  const auto candidates = matmul_candidates(M, N, batches, target, form, 1.0, 1);
  if (candidates.empty())
    throw Unsupported("no matmul variant of family \"" + target.matmul + "\" for this device; known: texel, shared");
  return *candidates[0];
}

std::vector<std::uint32_t> matmul_constants(const MatmulVariant& v, const KernelTarget& target,
                                            const MatmulForm& form) {
  if (!v.depth) return {};
  const auto u32 = [](std::int64_t value) { return static_cast<std::uint32_t>(value); };
  const std::uint32_t threads = u32(threads_of(v, target)), depth = u32(depth_of(v, form, target));
  const vk::CooperativeExtents e = extents_for(form, target);
  if (is_cooperative(v))
    return {threads, threads, u32(v.rows), u32(v.columns), depth, u32(v.tile_rows), u32(4 * v.tile_texels), e.m, e.n,
            e.k};
  return {threads, u32(v.rows), u32(v.columns / 4 * form.gates), depth, u32(v.tile_rows),
          u32(v.tile_texels * form.gates)};
}

}  // namespace volute
