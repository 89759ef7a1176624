// Dispatches of matmul variants; see matmul.hpp.

#include "engine/kernels/matmul.hpp"

#include <algorithm>

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

std::string matmul_label(DType operands, std::int64_t M, std::int64_t N, std::int64_t K) {
  return std::string("matmul ") + (is_half(operands) ? name_of(operands) + std::string(" ") : "") + std::to_string(M) +
         "x" + std::to_string(N) + "x" + std::to_string(K);
}

MatmulForm matmul_form(const MatrixOperand& a, const MatrixOperand& b, int gates) {
  const DType type = a.view.storage->dtype;
  if (type != b.view.storage->dtype || !is_half(type)) return {MatmulOperands::f32, gates};
  return {type == DType::f16 ? MatmulOperands::f16 : MatmulOperands::bf16, gates};
}

namespace {

/// The shader with its epilogue, if any, in the place it leaves for one.
std::string with_epilogue(std::string shader, const MatmulEpilogue* epilogue) {
  constexpr std::string_view place = "#pragma epilogue\n";
  if (const auto at = shader.find(place); at != std::string::npos)
    shader.replace(at, place.size(), epilogue ? epilogue->text : "");
  return shader;
}

std::string matmul_source(const MatmulVariant& v, const MatrixOperand& a, const MatrixOperand& b, std::int64_t K,
                          bool image, const MatmulEpilogue* epilogue, const KernelTarget& target) {
  std::string code = "#version 450\n";
  if (target.texel_loads) code += "#define VOLUTE_TEXEL\n";
  const auto define = [&](const std::string& text) { code += "#define " + text + "\n"; };
  if (!v.depth) {  // the others take specialization constants
    define("ROWS " + std::to_string(v.tile_rows));
    define("COLS " + std::to_string(v.tile_texels));
    define("LANES " + std::to_string(v.columns / (4 * v.tile_texels)));
  }
  const DType a_type = a.view.storage->dtype, b_type = b.view.storage->dtype;
  if (a.transposed) define("A_T");
  if (b.transposed) define("B_T");
  if (is_half(a_type)) define(a_type == DType::f16 ? "A_F16" : "A_BF16");
  if (is_half(b_type)) define(b_type == DType::f16 ? "B_F16" : "B_BF16");
  if (K % 4) define("TAIL");
  if (image) define("C_IMAGE");
  if (epilogue) {
    define("EPILOGUE");
    define("GATES " + std::to_string(epilogue->gates) + "u");
    if (!epilogue->words.empty()) define("EPILOGUE_WORDS " + std::to_string(epilogue->words.size()));
  }
  code += "#include \"lib/access.glsl\"\n#include \"lib/operands.glsl\"\n";
  return code + with_epilogue(std::string(vk::embedded_shader(v.shader)), epilogue);
}

/// What a product of [M, K] and [K, N] matrices needs whatever becomes of its results.
Dispatch product(const MatrixOperand& a, const MatrixOperand& b, std::int64_t N, std::int64_t batches,
                 const MatmulVariant& v, const KernelTarget& target, const MatmulForm& form) {
  const std::int64_t M = a.view.shape[-2], K = a.view.shape[-1];
  const bool matrix_units = v.family == std::string("cooperative");  // read memory as it is
  const auto reading = [&](const View& view) {
    return Binding{view.storage, read_kind(view.storage->dtype, target.texel_loads && !matrix_units)};
  };
  const DType type = a.view.storage->dtype;
  Dispatch d;
  d.label = matmul_label(type, M, N * form.gates, K);
  if (batches > 1) d.label = std::to_string(batches) + " " + d.label;
  d.choice = name_of(v);
  d.constants = matmul_constants(v, target, form);
  d.bindings = {reading(a.view), reading(b.view)};
  d.push = {in_texels(a.view.offset), in_texels(b.view.offset)};
  for (std::int64_t word : {std::int64_t{0}, a.pitch, b.pitch, std::int64_t{0}, a.batch_stride, b.batch_stride,
                            std::int64_t{0}, M, N, K, std::int64_t{0}, std::int64_t{0}, std::int64_t{0}})
    d.push.push_back(constant_word(word));
  d.groups[0] = static_cast<std::uint32_t>((N + v.columns - 1) / v.columns);
  d.groups[1] = static_cast<std::uint32_t>((M + v.rows - 1) / v.rows);
  d.groups[2] = static_cast<std::uint32_t>(batches);
  if (d.groups[1] > target.max_groups || d.groups[2] > target.max_groups)
    throw Unsupported("matmul: " + std::to_string(M) + " rows in " + std::to_string(batches) +
                      " batches exceed the device's workgroup count " + std::to_string(target.max_groups));
  d.touches = {touch_of(a.view, false), touch_of(b.view, false)};
  d.flops = 2.0 * static_cast<double>(M * form.gates) * static_cast<double>(N) * static_cast<double>(K) *
            static_cast<double>(batches);
  return d;
}

void add_bytes(Dispatch& d) {
  for (const Touch& touch : d.touches) d.bytes += static_cast<double>(touch.bytes);
}

// Numbers of the push words of every matmul shader.
enum Word : std::size_t {
  word_a, word_b, word_c, word_ldc = 5, word_sa, word_sb, word_sc, word_K = 11, word_gate = 13, word_split
};

}  // namespace

Dispatch matmul_dispatch(const MatrixOperand& a, const MatrixOperand& b, const View& c, const KernelTarget& target,
                         const MatmulVariant* variant) {
  const MatmulForm form = matmul_form(a, b);
  const std::int64_t M = a.view.shape[-2], K = a.view.shape[-1], N = b.view.shape[-1];
  const std::int64_t batches = c.shape.elements() / (M * N);
  const MatrixOperand out = matrix_operand(c).value();
  const MatmulVariant& v = variant ? *variant : choose_matmul(M, N, batches, target, form);
  const vk::BindingKind write = write_kind(*c.storage, DType::f32, true, target.max_storage_range);
  Dispatch d = product(a, b, N, batches, v, target, form);
  d.source = matmul_source(v, a, b, K, write != vk::BindingKind::storage, nullptr, target);
  d.bindings.push_back({c.storage, write});
  d.push[word_c] = in_texels(c.offset);
  d.push[word_ldc] = constant_word(out.pitch);
  d.push[word_sc] = constant_word(out.batch_stride);
  d.touches.push_back(touch_of(c, true));
  const bool whole = c.natural() && c.offset.base == 0 && c.offset.stride == 0 && c.storage->dtype == DType::f32;
  if (batches == 1 && whole) d.touches.back().slab = v.rows * stored_bytes(N, DType::f32);
  add_bytes(d);
  return d;
}

Dispatch matmul_epilogue_dispatch(const MatrixOperand& a, const MatrixOperand& b, const MatmulEpilogue& epilogue,
                                  const KernelTarget& target, const MatmulVariant* variant) {
  const MatmulForm form = matmul_form(a, b, epilogue.gates);
  const std::int64_t M = a.view.shape[-2], K = a.view.shape[-1], N = epilogue.width;
  if (!b.transposed && epilogue.stride % 4) throw Unsupported("matmul: gates of B by rows must start at whole texels");
  const MatmulVariant& v = variant ? *variant : choose_matmul(M, N, 1, target, form);
  Dispatch d = product(a, b, N, 1, v, target, form);
  d.source = matmul_source(v, a, b, K, false, &epilogue, target);
  d.bindings.insert(d.bindings.end(), epilogue.bindings.begin(), epilogue.bindings.end());
  d.push[word_gate] = constant_word(epilogue.stride);
  d.push.insert(d.push.end(), epilogue.words.begin(), epilogue.words.end());
  d.touches.insert(d.touches.end(), epilogue.touches.begin(), epilogue.touches.end());
  add_bytes(d);
  return d;
}

std::int64_t matmul_splits(const MatrixOperand& a, const MatrixOperand& b, const KernelTarget& target) {
  const std::int64_t M = a.view.shape[-2], K = a.view.shape[-1], N = b.view.shape[-1];
  const bool batched = a.view.shape.elements() != M * K || b.view.shape.elements() != K * N;
  if (target.matmul == "texel") {
    // Mesa's CPU drivers end a loop after 65,535 rounds, without a word; one round takes four of k.
    constexpr std::int64_t longest = 131072;
    if (batched && K > 2 * longest - 4)
      throw Unsupported("matmul: sums over " + std::to_string(K) + " elements in batches are too long for CPU Vulkan");
    return batched ? 1 : (K + longest - 1) / longest;
  }
  // Enough workgroups of 64 x 64 for a large GPU; a part shorter than 512 costs more in sums than it gains.
  constexpr std::int64_t wanted_groups = 256, least_part = 512;
  if (!a.transposed || b.transposed || batched) return 1;
  const std::int64_t tiles = (M + 63) / 64 * ((N + 63) / 64);
  return std::max<std::int64_t>(std::min(wanted_groups / tiles, K / least_part), 1);
}

namespace {

/// Parts `first` to `first + count - 1`, each `part` of k, the last one perhaps less, into their places in scratch.
Dispatch partial_products(const MatrixOperand& a, const MatrixOperand& b, const View& partial, std::int64_t first,
                          std::int64_t count, std::int64_t part, const MatmulVariant& v, const KernelTarget& target) {
  const std::int64_t M = partial.shape[1], N = partial.shape[2], width = pad4(N) / 4;
  const std::int64_t K = std::min(count * part, a.view.shape[-1] - first * part);
  const auto step = [&](const MatrixOperand& x, bool along_k) { return along_k ? part / 4 : part * x.pitch; };
  const std::int64_t sa = step(a, !a.transposed), sb = step(b, b.transposed), sc = M * width;
  const vk::BindingKind write = write_kind(*partial.storage, DType::f32, true, target.max_storage_range);
  Dispatch d = product(a, b, N, 1, v, target, matmul_form(a, b));
  d.choice += ", K in " + std::to_string(partial.shape[0]) + " parts";
  d.source = matmul_source(v, a, b, K, write != vk::BindingKind::storage, nullptr, target);
  d.bindings.push_back({partial.storage, write});
  d.groups[2] = static_cast<std::uint32_t>(count);
  d.push[word_a].base += first * sa;
  d.push[word_b].base += first * sb;
  d.push[word_c] = constant_word(first * sc);
  d.push[word_ldc] = constant_word(width);
  d.push[word_sa] = constant_word(sa);
  d.push[word_sb] = constant_word(sb);
  d.push[word_sc] = constant_word(sc);
  d.push[word_K] = constant_word(v.depth ? K : std::min(part, K));
  if (v.depth) d.push[word_split] = constant_word(part);
  d.touches.push_back(touch_of(partial, true));
  d.flops *= static_cast<double>(K) / static_cast<double>(a.view.shape[-1]);
  add_bytes(d);
  return d;
}

Dispatch sum_of_parts(const View& partial, const View& c, const KernelTarget& target) {
  const std::int64_t parts = partial.shape[0], M = partial.shape[1], width = pad4(partial.shape[2]) / 4;
  const MatrixOperand out = matrix_operand(c).value();
  const vk::BindingKind write = write_kind(*c.storage, DType::f32, true, target.max_storage_range);
  Dispatch sum;
  sum.label = "sum of " + std::to_string(parts) + " partial products";
  sum.source = shader_source("split_sum.comp", target, write != vk::BindingKind::storage ? "#define C_IMAGE\n" : "");
  sum.bindings = {{partial.storage, target.texel_loads ? vk::BindingKind::texel_f32 : vk::BindingKind::storage},
                  {c.storage, write}};
  sum.push = {in_texels(c.offset), constant_word(out.pitch), constant_word(width), constant_word(M * width),
              constant_word(parts)};
  sum.touches = {touch_of(partial, false), touch_of(c, true)};
  sum.flops = static_cast<double>(partial.shape.elements());
  add_bytes(sum);
  set_flat_groups(sum, M * width, target);
  return sum;
}

}  // namespace

std::vector<Dispatch> split_matmul_dispatches(const MatrixOperand& a, const MatrixOperand& b, const View& c,
                                              const Storage* scratch, std::int64_t splits, const KernelTarget& target,
                                              const MatmulVariant* variant) {
  const std::int64_t M = a.view.shape[-2], K = a.view.shape[-1], N = b.view.shape[-1];
  const std::int64_t part = ((K + splits - 1) / splits + 31) / 32 * 32, parts = (K + part - 1) / part;
  const MatmulVariant& v = variant ? *variant : choose_matmul(M, N, parts, target);
  const View partial = natural_view(scratch, {parts, M, N});
  // Kernels without shared memory know one length of k: a shorter last part is a dispatch of its own.
  const std::int64_t together = v.depth ? parts : K / part;
  std::vector<Dispatch> dispatches{partial_products(a, b, partial, 0, together, part, v, target)};
  if (together < parts) dispatches.push_back(partial_products(a, b, partial, together, 1, part, v, target));
  dispatches.push_back(sum_of_parts(partial, c, target));
  return dispatches;
}

}  // namespace volute
