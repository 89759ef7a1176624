// Text of staged kernels; see stages.hpp. On CPU Vulkan a workgroup is one subgroup, whose lanes run in step; on
// GPUs it is wider, and stages are barriers apart.

#include "engine/kernels/stages.hpp"

#include <algorithm>

#include "engine/kernels/emitter.hpp"
#include "engine/vulkan/glsl.hpp"

namespace volute {
namespace {

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// How workgroups divide rows and columns.
struct Cut {
  bool by_subgroup = false;
  std::int64_t rows = 8;       ///< a workgroup owns
  std::uint32_t lanes = 128;   ///< invocations of a workgroup
  std::int64_t tile_texels = 1;  ///< texels of columns a lane makes at once
  std::int64_t columns = 0;    ///< texels of columns a workgroup owns; 0: all
  double cost = 0;
};

std::int64_t columns_of(const StagedKernel& kernel, const ProductStage& product) {
  return divide_up(kernel.width ? kernel.width : product.c.shape[-1], 4);
}

/// Iterations of all loops in a step of a walk.
std::int64_t iterations_of(const StagedKernel& kernel, const Cut& cut) {
  std::int64_t count = 2;  // a loop that ends counts once more
  for (const Stage& stage : kernel.stages) {
    if (stage.product) {
      const std::int64_t blocks = divide_up(stage.product->a.view.shape[-1], 4);
      const std::int64_t texels = kernel.width ? cut.columns : columns_of(kernel, *stage.product);
      count += 2 + kernel.gates * (2 + divide_up(texels, cut.lanes * cut.tile_texels) * (2 + blocks));
    } else {
      const std::int64_t texels = kernel.width ? cut.columns : divide_up(stage.pointwise.nodes.back()->shape[-1], 4);
      count += 2 + divide_up(cut.rows * texels, cut.lanes);
    }
  }
  return count;
}

/// Tiles of the products one workgroup goes through in a step.
std::int64_t tiles_of(const StagedKernel& kernel, const Cut& cut) {
  std::int64_t tiles = 0;
  for (const Stage& stage : kernel.stages) {
    if (!stage.product) continue;
    const std::int64_t texels = kernel.width ? cut.columns : columns_of(kernel, *stage.product);
    tiles += kernel.gates * divide_up(texels, cut.lanes * cut.tile_texels);
  }
  return tiles;
}

std::int64_t groups_of(const StagedKernel& kernel, const Cut& cut) {
  return divide_up(kernel.rows, cut.rows) * (kernel.width ? divide_up(divide_up(kernel.width, 4), cut.columns) : 1);
}

/// The cheapest cut among the tiles that keep rows in registers, all cores together.
Cut cut_by_subgroup(const StagedKernel& kernel, const KernelTarget& target) {
  Cut best;  // of kernels without products, which cost nothing here, the smallest
  for (const MatmulVariant& v : matmul_variants()) {
    if (!v.shuffle_lanes || v.shuffle_lanes != target.shuffle_lanes || target.matmul != v.family) continue;
    Cut cut{true, v.rows, v.shuffle_lanes, v.tile_texels, kernel.width ? v.columns / 4 : 0, 0};
    const double rounds = static_cast<double>(divide_up(groups_of(kernel, cut), target.cores));
    cut.cost = rounds * static_cast<double>(tiles_of(kernel, cut)) * v.rows * v.columns / v.efficiency;
    if (best.cost == 0 || cut.cost < best.cost) best = cut;
  }
  return best;
}

Cut cut_of(const StagedKernel& kernel, const KernelTarget& target) {
  if (target.matmul == "texel") return cut_by_subgroup(kernel, target);
  return kernel.width ? Cut{false, 32, 64, 1, 8, 0} : Cut{false, 8, 128, 1, 0, 0};
}

constexpr std::int64_t kSharedTexels = 1024;  // 16 KiB, which every device has

class Writer {
 public:
  Writer(const StagedKernel& kernel, const KernelTarget& target)
      : kernel_(kernel), target_(target), cut_(cut_of(kernel, target)), io_(target, kernel.steps > 0) {}

  Dispatch dispatch() {
    const std::string zero = io_.pushed({0, 0, 0, 0});
    std::string body = walk_begin();
    for (std::size_t i = 0; i < kernel_.stages.size(); ++i) {
      const Stage& stage = kernel_.stages[i];
      body += (i ? separator() : "") + (stage.product ? product(*stage.product) : pointwise(stage.pointwise));
      dispatch_.label += (i ? " + " : "") + label(stage);
    }
    if (kernel_.steps) body += separator() + "}\n";
    dispatch_.source = header(zero) + "void main() {\n  const uint lane = " +
                       (cut_.by_subgroup ? "gl_SubgroupInvocationID" : "gl_LocalInvocationID.x") +
                       ";\n  const uint m0 = gl_WorkGroupID.y * ROWS;\n  const uint column0 = gl_WorkGroupID.x * " +
                       number(cut_.columns) + ";\n" + body + "}\n";
    finish();
    return std::move(dispatch_);
  }

 private:
  std::string header(const std::string& zero) const {
    const auto define = [](const char* name, const std::string& value) {
      return std::string("#define ") + name + " " + value + "\n";
    };
    std::vector<std::string> extensions{"GL_EXT_control_flow_attributes"};
    if (cut_.by_subgroup)
      extensions.insert(extensions.end(), {"GL_KHR_shader_subgroup_basic", "GL_KHR_shader_subgroup_shuffle"});
    std::string code = io_.header(cut_.lanes, extensions, true);
    code += define("LANES", number(cut_.lanes)) + define("ROWS", number(cut_.rows));
    if (cut_.by_subgroup) return code + define("COLS", number(cut_.tile_texels)) + define("P_ZERO", zero);
    return code + define("CHUNK", number(kSharedTexels / cut_.rows)) + "shared vec4 tile_a[ROWS * CHUNK];\n";
  }

  /// Makes what this workgroup has written visible to all of it.
  std::string separator() const {
    return cut_.by_subgroup ? "  subgroupBarrier();\n"
                            : "  memoryBarrierBuffer();\n  memoryBarrierImage();\n  barrier();\n";
  }

  std::string walk_begin() {
    if (!kernel_.steps) return "";
    const std::string begin = io_.pushed({0, kernel_.steps_per_dispatch, 0, 0});
    const std::string steps = number(kernel_.steps);
    return "  [[dont_unroll]] for (uint s = " + begin + "; s < min(" + begin + " + " +
           number(kernel_.steps_per_dispatch) + ", " + steps + "); ++s) {\n  const uint t = " +
           (kernel_.reverse ? steps + " - 1u - s" : "s") + ";\n";
  }

  std::string offset(const View& view) {
    return io_.push(in_texels(view.offset));
  }

  void touch(const View& view, bool write) {
    io_.touch(touch_of(view, write));
  }

  std::string load(const Storage* storage) {
    const char* type = storage->dtype == DType::f16 ? "_F16" : storage->dtype == DType::bf16 ? "_BF16" : "";
    return std::string("LOAD") + type + "(" + io_.read_slot(storage, storage->dtype) + ", texel)";
  }

  std::string product(const ProductStage& p) {
    const std::int64_t K = p.a.view.shape[-1], N = kernel_.width ? kernel_.width : p.c.shape[-1];
    const std::string image = write_kind(*p.c.storage, DType::f32, true, target_.max_storage_range) ==
                                      vk::BindingKind::storage ? "STORE(" : "STORE_IMAGE(";
    std::vector<std::pair<std::string, std::string>> defines{
        {"LOAD_A(texel)", load(p.a.view.storage)},
        {"LOAD_B(texel)", load(p.b.view.storage)},
        {"STORE_C(texel, value)", image + io_.write_slot(p.c.storage, DType::f32, true) + ", texel, value)"},
        {"P_M", number(kernel_.rows)},    {"P_N", number(N)},           {"P_K", number(K)},
        {"P_LDA", number(p.a.pitch)},     {"P_LDB", number(p.b.pitch)},
        {"P_LDC", number(matrix_operand(p.c).value().pitch)}};
    if (p.b.transposed) defines.emplace_back("B_T", "");
    if (K % 4) defines.emplace_back("TAIL", "");
    std::string before, after;
    for (const auto& [name, value] : defines) {
      before += "#define " + name + " " + value + "\n";
      after += "#undef " + name.substr(0, name.find('(')) + "\n";
    }
    for (const View* view : {&p.a.view, &p.b.view}) touch(*view, false);
    touch(p.c, true);
    dispatch_.flops += 2.0 * static_cast<double>(kernel_.rows * p.c.shape[-1] * K);
    return before + gates(p, N) + after;
  }

  /// The tiles of every gate, one after the other.
  std::string gates(const ProductStage& p, std::int64_t N) {
    const std::int64_t gate_b = p.b.transposed ? N * p.b.pitch : N / 4;
    std::string code = "  {\n  [[dont_unroll]] for (uint g = 0u; g < " + number(kernel_.gates) + "; ++g) {\n";
    code += "  const uint a0 = " + offset(p.a.view) + ", b0 = " + offset(p.b.view) + " + g * " + number(gate_b) +
            ", c0 = " + offset(p.c) + " + g * " + number(N / 4) + ";\n";
    const std::int64_t columns = kernel_.width ? cut_.columns : divide_up(N, 4);
    if (!cut_.by_subgroup) {
      code += "  const uint columns = " + number(columns) + ";\n";
      return code + std::string(vk::embedded_shader("lib/tile_rows.glsl")) + "  }\n  }\n";
    }
    const std::int64_t tiles = divide_up(columns, cut_.lanes * cut_.tile_texels);
    code += "  [[dont_unroll]] for (uint tile = 0u; tile < " + number(tiles) +
            "; ++tile) {\n  const uint first = column0 + tile * (LANES * COLS) + lane;\n";
    return code + std::string(vk::embedded_shader("lib/tile_shuffle.glsl")) + "  }\n  }\n  }\n";
  }

  std::string pointwise(const FusedKernel& fused) {
    const Shape& shape = fused.nodes.back()->shape;
    Emitter emit(fused, shape, io_);
    const std::int64_t texels = divide_up(shape[-1], 4);
    const std::string columns = number(kernel_.width ? cut_.columns : texels);
    std::string code = "  [[dont_unroll]] for (uint item = lane; item < ROWS * " + columns +
                       "; item += LANES) {\n    const uint row = m0 + item / " + columns + ", c = column0 + item % " +
                       columns + ";\n    if (row < " + number(kernel_.rows) + " && c < " + number(texels) +
                       ") {\n      const uint i = row * " + number(texels) + " + c, d0 = row;\n";
    code += emit.statements("      ");
    for (const FusedOutput& out : fused.outputs)
      code += emit.store(out.place, out.value->dtype, emit.stored_value(out.value), "      ");
    dispatch_.flops += static_cast<double>(padded_elements(shape)) * static_cast<double>(fused.nodes.size());
    return code + "    }\n  }\n";
  }

  std::string label(const Stage& stage) const {
    if (!stage.product) return label_of(stage.pointwise);
    const ProductStage& p = *stage.product;
    return matmul_label(p.a.view.storage->dtype, kernel_.rows, p.c.shape[-1], p.a.view.shape[-1]);
  }

  void finish() {
    io_.fill(dispatch_);
    for (Touch& touch : dispatch_.touches) {
      touch.elementwise = false;  // what one stage writes another may read at other places
      dispatch_.bytes += static_cast<double>(touch.bytes);
    }
    if (kernel_.steps) {
      const auto steps = static_cast<double>(std::min(kernel_.steps, kernel_.steps_per_dispatch));
      dispatch_.flops *= steps;
      dispatch_.bytes *= steps;
      dispatch_.label = "walks " + std::to_string(kernel_.steps) + " steps: " + dispatch_.label;
    }
    dispatch_.groups[1] = static_cast<std::uint32_t>(divide_up(kernel_.rows, cut_.rows));
    dispatch_.groups[0] = static_cast<std::uint32_t>(groups_of(kernel_, cut_)) / dispatch_.groups[1];
  }

  const StagedKernel& kernel_;
  const KernelTarget& target_;
  const Cut cut_;
  KernelInterface io_;
  Dispatch dispatch_;
};

}  // namespace

bool has_stages(const KernelTarget& target) {
  if (target.matmul == "shared") return true;
  return target.matmul == "texel" && cut_by_subgroup({}, target).by_subgroup;
}

std::int64_t most_steps(const StagedKernel& kernel, const KernelTarget& target) {
  if (!target.max_iterations) return std::max<std::int64_t>(kernel.steps, 1);
  return target.max_iterations / iterations_of(kernel, cut_of(kernel, target));
}

double staged_cost(const StagedKernel& kernel, const KernelTarget& target) { return cut_of(kernel, target).cost; }

Dispatch staged_dispatch(const StagedKernel& kernel, const KernelTarget& target) {
  if (kernel.width && target.matmul == "shared")
    if (auto dispatch = epilogue_dispatch(kernel, target)) return std::move(*dispatch);
  return Writer(kernel, target).dispatch();
}

}  // namespace volute
