// Matrix products: operands by stride, variants by one table, chosen by device class and shape.
// Invariant: every result is one sum in ascending k, so variants of a family give the same bits; only a split of
// long sums (split_matmul) rounds in another order, and that is decided by the shape and the family alone.
#pragma once

#include <optional>
#include <span>

#include "engine/kernels/dispatch.hpp"

namespace volute {

/// A batch of matrices as a kernel addresses them; all numbers in texels.
struct MatrixOperand {
  View view;
  bool transposed = false;  ///< columns are contiguous instead of rows
  std::int64_t pitch = 0;   ///< between rows (columns if transposed)
  std::int64_t batch_stride = 0;
};

/// The operand for a view [.., R, C], or nothing if a kernel cannot read it in place.
std::optional<MatrixOperand> matrix_operand(const View& view);

struct MatmulVariant {
  const char* family;  ///< "texel", "shared" or "cooperative" (16-bit operands on matrix units)
  const char* shader;  ///< file below shaders/
  std::uint32_t shuffle_lanes;  ///< the subgroup size it is made for; 0: any, without shuffles
  int rows, columns;   ///< results per workgroup
  int tile_rows;       ///< results per invocation (cooperative: per subgroup): rows, and texels of columns
  int tile_texels;
  double efficiency;   ///< relative speed of full tiles on a full device; picks between tiles of one family
  int depth = 0;       ///< most of k that lies in shared memory at a time; 0: none does
};

std::span<const MatmulVariant> matmul_variants();
/// For plans: "shared 64x64".
std::string name_of(const MatmulVariant& variant);

/// What both A and B are: 16-bit values of one type, or anything else.
enum class MatmulOperands : std::uint8_t { f32, f16, bf16 };

/// What is asked of a product beside its extents.
struct MatmulForm {
  MatmulOperands operands = MatmulOperands::f32;
  int gates = 1;  ///< groups of columns one invocation holds together, for an epilogue
};

/// "matmul 32x1024x256", "matmul f16 ..."; for plans, traces and keys.
std::string matmul_label(DType operands, std::int64_t M, std::int64_t N, std::int64_t K);
MatmulForm matmul_form(const MatrixOperand& a, const MatrixOperand& b, int gates = 1);

/// The variants the target can run, the fastest by the model first, at most `most` and within a factor of it.
std::vector<const MatmulVariant*> matmul_candidates(std::int64_t M, std::int64_t N, std::int64_t batches,
                                                    const KernelTarget& target, const MatmulForm& form = {},
                                                    double within = 1.5, std::size_t most = 4);
/// The first of them. Throws Unsupported if the target's family has none.
const MatmulVariant& choose_matmul(std::int64_t M, std::int64_t N, std::int64_t batches, const KernelTarget& target,
                                   const MatmulForm& form = {});
/// Specialization constants of a variant with shared memory; empty for the others.
std::vector<std::uint32_t> matmul_constants(const MatmulVariant& variant, const KernelTarget& target,
                                            const MatmulForm& form = {});

/// c [.., M, N] = a [.., M, K] b [.., K, N]. The place must be natural or have texel-aligned whole rows.
Dispatch matmul_dispatch(const MatrixOperand& a, const MatrixOperand& b, const View& c, const KernelTarget& target,
                         const MatmulVariant* variant = nullptr);

/// A product whose columns are `gates` groups `stride` columns apart, and GLSL that takes them: it defines
/// `void epilogue(uint m, uint u, vec4 z[GATES])` for row m and texel u of every group, lanes beyond the width zero.
struct MatmulEpilogue {
  int gates = 1;
  std::int64_t width = 0, stride = 0;  ///< columns of one group, and from one to the next (B by rows: texels)
  std::string text;
  std::vector<Binding> bindings;  ///< from slot 2 on, declared by the text
  std::vector<Moving> words;      ///< pc.word[] in the text
  std::vector<Touch> touches;     ///< of those bindings
};
/// On devices with shared memory tiles only.
Dispatch matmul_epilogue_dispatch(const MatrixOperand& a, const MatrixOperand& b, const MatmulEpilogue& epilogue,
                                  const KernelTarget& target, const MatmulVariant* variant = nullptr);

/// How many parts a sum over K is cut into; 1: none. On GPUs only products of two operands stored k by k are, as weight
/// gradients are: their extents are those of parameters, so programs that recompute by segments cut them alike. On CPU
/// Vulkan by K alone, where its loops would end too early. Throws Unsupported where that cannot be helped.
std::int64_t matmul_splits(const MatrixOperand& a, const MatrixOperand& b, const KernelTarget& target);
/// The product in `splits` parts, into scratch of at least splits * M * pad4(N) elements, and their sum in order.
std::vector<Dispatch> split_matmul_dispatches(const MatrixOperand& a, const MatrixOperand& b, const View& c,
                                              const Storage* scratch, std::int64_t splits, const KernelTarget& target,
                                              const MatmulVariant* variant = nullptr);

}  // namespace volute
