// C = A B on matrix units: 16-bit operands, four values packed in a uvec2, sums in fp32; for devices with
// VK_KHR_cooperative_matrix. Tiles go through shared memory, which cuts off what lies beyond M, N and K, in the order
// they have in memory: what is transposed is said to coopMatLoad. Two buffers and one barrier a block of k, as in
// matmul_shared.comp. Pitches of an odd number of 16-byte words spread the banks and keep coopMatLoad's alignment.
// Defines: A_T: A is stored [K, M]; B_T: B is stored [N, K]; A_BF16 and B_BF16: bfloat16 instead of float16.
// Invariant: lanes of C beyond N are written as zeros; elements beyond K never enter the sums.
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_shader_subgroup_basic : require
#ifdef A_BF16
#extension GL_EXT_bfloat16 : require
#define ELEMENT bfloat16_t
#else
#define ELEMENT float16_t
#endif
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint THREADS = 128u;  // as local_size_x: subgroups times their size
layout(constant_id = 2) const uint ROWS = 64u;      // of the tile of a workgroup
layout(constant_id = 3) const uint COLUMNS = 64u;
layout(constant_id = 4) const uint DEPTH = 32u;     // k of a block
layout(constant_id = 5) const uint WM = 32u;        // rows and columns of the tile of a subgroup
layout(constant_id = 6) const uint WN = 32u;
layout(constant_id = 7) const uint CM = 16u;        // extents of the device's matrices
layout(constant_id = 8) const uint CN = 16u;
layout(constant_id = 9) const uint CK = 16u;
#ifndef READ_HALF
#define READ_HALF(slot, name) \
  layout(set = 0, binding = slot, std430) readonly buffer name##_block { uvec2 data[]; } name
#define LOAD_HALF(name, texel) name.data[texel]
#endif
READ_HALF(0, A);
READ_HALF(1, B);
#ifdef C_IMAGE
WRITE_IMAGE(2, rgba32f, imageBuffer, C);
#define STORE_C STORE_IMAGE
#else
WRITE(2, vec4, C);
#define STORE_C STORE
#endif
// Offsets, row pitches and batch strides in texels of four elements. split: how much of K a batch sums, 0 for all.
layout(push_constant) uniform Push {
  uint a, b, c, lda, ldb, ldc, sa, sb, sc, M, N, K, zero, gate, split;
} pc;

// A tile is LINES lines of WORDS words of eight elements: lines are rows or columns, or k where it is stored so.
#ifdef A_T
const uint LINES_A = DEPTH, WORDS_A = ROWS / 8u;
#define ORDER_A gl_CooperativeMatrixLayoutColumnMajor
#define AT_A(m, k) ((k) * PITCH_A + (m) / 8u)
#else
const uint LINES_A = ROWS, WORDS_A = DEPTH / 8u;
#define ORDER_A gl_CooperativeMatrixLayoutRowMajor
#define AT_A(m, k) ((m) * PITCH_A + (k) / 8u)
#endif
#ifdef B_T
const uint LINES_B = COLUMNS, WORDS_B = DEPTH / 8u;
#define ORDER_B gl_CooperativeMatrixLayoutColumnMajor
#define AT_B(n, k) ((n) * PITCH_B + (k) / 8u)
#else
const uint LINES_B = DEPTH, WORDS_B = COLUMNS / 8u;
#define ORDER_B gl_CooperativeMatrixLayoutRowMajor
#define AT_B(n, k) ((k) * PITCH_B + (n) / 8u)
#endif
const uint PITCH_A = WORDS_A + 1u, PITCH_B = WORDS_B + 1u;
const uint ALL_A = LINES_A * WORDS_A, ALL_B = LINES_B * WORDS_B;
const uint LOADS_A = (ALL_A + THREADS - 1u) / THREADS, LOADS_B = (ALL_B + THREADS - 1u) / THREADS;
const uint TM = WM / CM, TN = WN / CN, ACROSS = COLUMNS / WN, SUBGROUPS = ROWS / WM * ACROSS;
shared uvec4 tile_a[2u * LINES_A * PITCH_A];
shared uvec4 tile_b[2u * LINES_B * PITCH_B];
shared vec4 results[SUBGROUPS * CM * CN / 4u];

vec4 keep(vec4 v, uint first, uint limit) {
  return mix(vec4(0.0), v, lessThan(first + uvec4(0u, 1u, 2u, 3u), uvec4(limit)));
}

// Of four packed elements from number `first` on, those below `limit`.
uvec2 keep_half(uvec2 v, uint first, uint limit) {
  const uvec2 low = mix(uvec2(0u), uvec2(0xffffu), lessThan(first + uvec2(0u, 2u), uvec2(limit)));
  const uvec2 high = mix(uvec2(0u), uvec2(0xffff0000u), lessThan(first + uvec2(1u, 3u), uvec2(limit)));
  return v & (low | high);
}

// Eight elements from place (line, at) of a matrix of `lines` lines and `extent` elements in each; 0 beyond.
#define FETCH(name, base, pitch, line, lines, at, extent, v)                                                       \
  v = uvec4(0u);                                                                                                   \
  if ((line) < (lines)) {                                                                                          \
    const uint texel = (base) + (line) * (pitch) + (at) / 4u;                                                      \
    if ((at) < (extent)) v.xy = keep_half(LOAD_HALF(name, texel), at, extent);                                     \
    if ((at) + 4u < (extent)) v.zw = keep_half(LOAD_HALF(name, texel + 1u), (at) + 4u, extent);                    \
  }

void main() {
  const uint id = gl_LocalInvocationIndex, z = gl_WorkGroupID.z;
  const uint m0 = gl_WorkGroupID.y * ROWS, n0 = gl_WorkGroupID.x * COLUMNS;
  const uint mine_m = gl_SubgroupID / ACROSS * WM, mine_n = gl_SubgroupID % ACROSS * WN;
  const uint a0 = pc.a + z * pc.sa, b0 = pc.b + z * pc.sb;
  const uint K = pc.split == 0u ? pc.K : min(pc.split, pc.K - z * pc.split);

  coopmat<float, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator> acc[TM * TN];
  [[unroll]] for (uint i = 0u; i < TM * TN; ++i)
    acc[i] = coopmat<float, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator>(0.0);
  uint filling = 0u;
  for (uint k0 = 0u;; k0 += DEPTH) {
    uvec4 next_a[LOADS_A], next_b[LOADS_B];
    if (k0 < K) {
      [[unroll]] for (uint i = 0u; i < LOADS_A; ++i) {
        const uint word = id + i * THREADS, line = word / WORDS_A, at = word % WORDS_A * 8u;
#ifdef A_T
        FETCH(A, a0, pc.lda, k0 + line, K, m0 + at, pc.M, next_a[i])
#else
        FETCH(A, a0, pc.lda, m0 + line, pc.M, k0 + at, K, next_a[i])
#endif
      }
      [[unroll]] for (uint i = 0u; i < LOADS_B; ++i) {
        const uint word = id + i * THREADS, line = word / WORDS_B, at = word % WORDS_B * 8u;
#ifdef B_T
        FETCH(B, b0, pc.ldb, n0 + line, pc.N, k0 + at, K, next_b[i])
#else
        FETCH(B, b0, pc.ldb, k0 + line, K, n0 + at, pc.N, next_b[i])
#endif
      }
    }
    if (k0 > 0u) {
      const uint from_a = (1u - filling) * LINES_A * PITCH_A, from_b = (1u - filling) * LINES_B * PITCH_B;
      [[unroll]] for (uint k = 0u; k < DEPTH; k += CK) {
        coopmat<ELEMENT, gl_ScopeSubgroup, CM, CK, gl_MatrixUseA> a[TM];
        [[unroll]] for (uint i = 0u; i < TM; ++i)
          coopMatLoad(a[i], tile_a, from_a + AT_A(mine_m + i * CM, k), PITCH_A, ORDER_A);
        [[unroll]] for (uint j = 0u; j < TN; ++j) {
          coopmat<ELEMENT, gl_ScopeSubgroup, CK, CN, gl_MatrixUseB> b;
          coopMatLoad(b, tile_b, from_b + AT_B(mine_n + j * CN, k), PITCH_B, ORDER_B);
          [[unroll]] for (uint i = 0u; i < TM; ++i) acc[i * TN + j] = coopMatMulAdd(a[i], b, acc[i * TN + j]);
        }
      }
    }
    if (k0 >= K) break;
    [[unroll]] for (uint i = 0u; i < LOADS_A; ++i) {
      const uint word = id + i * THREADS;
      if (word < ALL_A) tile_a[(filling * LINES_A + word / WORDS_A) * PITCH_A + word % WORDS_A] = next_a[i];
    }
    [[unroll]] for (uint i = 0u; i < LOADS_B; ++i) {
      const uint word = id + i * THREADS;
      if (word < ALL_B) tile_b[(filling * LINES_B + word / WORDS_B) * PITCH_B + word % WORDS_B] = next_b[i];
    }
    barrier();
    filling = 1u - filling;
  }

  // Results pass through shared memory, where it is known which lane holds what.
  const uint own = gl_SubgroupID * (CM * CN / 4u);
  [[unroll]] for (uint i = 0u; i < TM * TN; ++i) {
    subgroupBarrier();
    coopMatStore(acc[i], results, own, CN / 4u, gl_CooperativeMatrixLayoutRowMajor);
    subgroupBarrier();
    for (uint t = gl_SubgroupInvocationID; t < CM * CN / 4u; t += gl_SubgroupSize) {
      const uint m = m0 + mine_m + i / TN * CM + t / (CN / 4u), n = n0 + mine_n + i % TN * CN + t % (CN / 4u) * 4u;
      if (m < pc.M && n < pc.N) STORE_C(C, pc.c + z * pc.sc + m * pc.ldc + n / 4u, keep(results[own + t], n, pc.N));
    }
  }
}
