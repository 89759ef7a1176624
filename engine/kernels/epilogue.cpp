// Products whose gates stay in registers: on shared memory tiles one invocation holds all gates of a unit and goes on
// with what is computed from them. Invariant: the same values as by the stages one after the other.

#include "engine/graph/operation.hpp"
#include "engine/kernels/emitter.hpp"
#include "engine/kernels/stages.hpp"

namespace volute {
namespace {

constexpr std::size_t kMostWords = 17;  // push words beside those of a product

class EpilogueWriter {
 public:
  EpilogueWriter(const StagedKernel& kernel, const KernelTarget& target)
      : kernel_(kernel), product_(*kernel.stages[0].product), io_(target) {}

  MatmulEpilogue write() {
    const FusedKernel& fused = kernel_.stages[1].pointwise;
    const Shape& shape = fused.nodes.back()->shape;
    const std::string texels = std::to_string((kernel_.width + 3) / 4) + "u";
    Emitter emit(fused, shape, io_);
    std::string body;
    for (std::int64_t g = 0; g < kernel_.gates; ++g)
      body += emit.store(gate(g), DType::f32, "z[" + std::to_string(g) + "]", "  ");
    take_gates(fused, emit);
    body += emit.statements("  ");
    for (const FusedOutput& out : fused.outputs)
      body += emit.store(out.place, out.value->dtype, emit.stored_value(out.value), "  ");

    MatmulEpilogue epilogue;
    epilogue.gates = static_cast<int>(kernel_.gates);
    epilogue.width = kernel_.width;
    epilogue.stride = kernel_.gates > 1 ? kernel_.width : 0;
    epilogue.text = io_.declarations(2) + "void epilogue(uint m, uint u, vec4 z[GATES]) {\n" +
                    "  const uint row = m, c = u, i = m * " + texels + " + u, d0 = m;\n" + body + "}\n";
    Dispatch filled;
    io_.fill(filled);
    epilogue.bindings = filled.bindings;
    epilogue.words = filled.push;
    epilogue.touches = filled.touches;
    for (Touch& touch : epilogue.touches) touch.elementwise = false;
    return epilogue;
  }

 private:
  View gate(std::int64_t g) const {
    return *slice_view(product_.c, 1, g * kernel_.width, (g + 1) * kernel_.width);
  }

  /// Reads of the product's result become the registers that hold it.
  void take_gates(const FusedKernel& fused, Emitter& emit) const {
    for (const Node* node : fused.nodes) {
      for (const Node* input : node->inputs) {
        const Op base = stored(input)->op;
        const bool inside = std::find(fused.nodes.begin(), fused.nodes.end(), input) != fused.nodes.end();
        if (inside || base == Op::constant || base == Op::iota) continue;
        const View view = fused.view(input);
        if (view.storage != product_.c.storage || view.offset.phase != product_.c.offset.phase) continue;
        const std::int64_t g = (view.offset.base - product_.c.offset.base) / kernel_.width;
        emit.set(input, "z[" + std::to_string(g) + "]");
      }
    }
  }

  const StagedKernel& kernel_;
  const ProductStage& product_;
  KernelInterface io_;
};

}  // namespace

std::optional<Dispatch> epilogue_dispatch(const StagedKernel& kernel, const KernelTarget& target) {
  const ProductStage& product = *kernel.stages[0].product;
  const MatmulForm form = matmul_form(product.a, product.b, static_cast<int>(kernel.gates));
  const auto variants = matmul_candidates(kernel.rows, kernel.width, 1, target, form);
  if (variants.empty()) return std::nullopt;
  const MatmulEpilogue epilogue = EpilogueWriter(kernel, target).write();
  if (epilogue.words.size() > kMostWords) return std::nullopt;
  Dispatch dispatch = matmul_epilogue_dispatch(product.a, product.b, epilogue, target, variants[0]);
  dispatch.label += " + " + label_of(kernel.stages[1].pointwise);
  return dispatch;
}

}  // namespace volute
