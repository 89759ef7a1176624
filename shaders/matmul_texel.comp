// C = A B by register tiles, without barriers or shared memory: for software Vulkan, where loads decide.
// One invocation: ROWS rows x COLS texels of columns; the invocations of a workgroup lie side by side
// along N. Defines: ROWS (a multiple of 4), COLS, LANES; A_T: A is stored [K, M]; B_T: B is stored [N, K];
// TAIL: K is not a multiple of 4. Invariant: lanes of C beyond N are written as zeros.
#extension GL_EXT_control_flow_attributes : require
layout(local_size_x = LANES) in;
READ_A(0);
READ_B(1);
#ifdef C_IMAGE
WRITE_IMAGE(2, rgba32f, imageBuffer, C);
#define STORE_C STORE_IMAGE
#else
WRITE(2, vec4, C);
#define STORE_C STORE
#endif
// Offsets, row pitches and batch strides in texels.
layout(push_constant) uniform Push {
  uint a, b, c, lda, ldb, ldc, sa, sb, sc, M, N, K, zero, gate, split;
} pc;

void main() {
  const uint n_texels = (pc.N + 3u) / 4u;
  const uint m0 = gl_WorkGroupID.y * ROWS;
  const uint first = gl_WorkGroupID.x * (LANES * COLS) + gl_LocalInvocationID.x;
  const uint a0 = pc.a + gl_WorkGroupID.z * pc.sa;
  const uint b0 = pc.b + gl_WorkGroupID.z * pc.sb;
  const uint c0 = pc.c + gl_WorkGroupID.z * pc.sc;

  vec4 acc[ROWS][COLS];
  uint n4[COLS];
  [[unroll]] for (uint j = 0u; j < COLS; ++j) {
    n4[j] = min(first + j * LANES, n_texels - 1u);
    [[unroll]] for (uint r = 0u; r < ROWS; ++r) acc[r][j] = vec4(0.0);
  }

#ifdef A_T
  uint a_at[ROWS / 4];
  const uint m_texels = (pc.M + 3u) / 4u;
  [[unroll]] for (uint r = 0u; r < ROWS / 4; ++r) a_at[r] = a0 + min(m0 / 4u + r, m_texels - 1u);
#else
  uint a_at[ROWS];
  [[unroll]] for (uint r = 0u; r < ROWS; ++r) a_at[r] = a0 + min(m0 + r, pc.M - 1u) * pc.lda;
#endif
#ifdef B_T
  uint b_at[COLS][4];
  [[unroll]] for (uint j = 0u; j < COLS; ++j)
    [[unroll]] for (uint l = 0u; l < 4u; ++l) b_at[j][l] = b0 + min(4u * n4[j] + l, pc.N - 1u) * pc.ldb;
#else
  uint b_at[COLS];
  [[unroll]] for (uint j = 0u; j < COLS; ++j) b_at[j] = b0 + n4[j];
#endif

#if defined(A_T) && !defined(B_T)
  // Both are stored k by k: one texel of A holds four rows, and the rolled loop stays small.
  [[dont_unroll]] for (uint k = 0u; k < pc.K; ++k) {
    vec4 a[ROWS / 4];
    [[unroll]] for (uint r = 0u; r < ROWS / 4; ++r) a[r] = LOAD_A(a_at[r] + k * pc.lda);
    [[unroll]] for (uint j = 0u; j < COLS; ++j) {
      const vec4 b = LOAD_B(b_at[j] + k * pc.ldb);
      [[unroll]] for (uint r = 0u; r < ROWS; ++r) acc[r][j] += a[r / 4u][r % 4u] * b;
    }
  }
#else
#ifdef TAIL
  const uint blocks = (pc.K + 3u) / 4u;
#else
  const uint blocks = pc.K / 4u;
#endif
  [[dont_unroll]] for (uint k4 = 0u; k4 < blocks; ++k4) {
#ifdef TAIL
    const bvec4 inside = lessThan(4u * k4 + uvec4(0u, 1u, 2u, 3u), uvec4(pc.K));
#define KEEP(v) mix(vec4(0.0), v, inside)
#define KEEP1(v, kk) mix(vec4(0.0), v, bvec4(inside[kk]))
#define K_AT(kk) min(4u * k4 + kk, pc.K - 1u)
#else
#define KEEP(v) v
#define KEEP1(v, kk) v
#define K_AT(kk) (4u * k4 + kk)
#endif
    vec4 a[ROWS];  // a[r][kk]
#ifdef A_T
    [[unroll]] for (uint r = 0u; r < ROWS / 4; ++r) {
      const vec4 x = KEEP1(LOAD_A(a_at[r] + K_AT(0u) * pc.lda), 0), y = KEEP1(LOAD_A(a_at[r] + K_AT(1u) * pc.lda), 1);
      const vec4 z = KEEP1(LOAD_A(a_at[r] + K_AT(2u) * pc.lda), 2), w = KEEP1(LOAD_A(a_at[r] + K_AT(3u) * pc.lda), 3);
      [[unroll]] for (uint l = 0u; l < 4u; ++l) a[4u * r + l] = vec4(x[l], y[l], z[l], w[l]);
    }
#else
    [[unroll]] for (uint r = 0u; r < ROWS; ++r) a[r] = KEEP(LOAD_A(a_at[r] + k4));
#endif
    [[unroll]] for (uint j = 0u; j < COLS; ++j) {
#ifdef B_T
      [[unroll]] for (uint l = 0u; l < 4u; ++l) {
        const vec4 b = KEEP(LOAD_B(b_at[j][l] + k4));
        [[unroll]] for (uint kk = 0u; kk < 4u; ++kk)
          [[unroll]] for (uint r = 0u; r < ROWS; ++r) acc[r][j][l] += a[r][kk] * b[kk];
      }
#else
      [[unroll]] for (uint kk = 0u; kk < 4u; ++kk) {
        const vec4 b = KEEP1(LOAD_B(b_at[j] + K_AT(kk) * pc.ldb), kk);
        [[unroll]] for (uint r = 0u; r < ROWS; ++r) acc[r][j] += a[r][kk] * b;
      }
#endif
    }
  }
#endif

  [[unroll]] for (uint j = 0u; j < COLS; ++j) {
    const uint column = first + j * LANES;
    const bvec4 inside_n = lessThan(4u * column + uvec4(0u, 1u, 2u, 3u), uvec4(pc.N));
    [[unroll]] for (uint r = 0u; r < ROWS; ++r)
      if (column < n_texels && m0 + r < pc.M)
        STORE_C(C, c0 + (m0 + r) * pc.ldc + column, mix(vec4(0.0), acc[r][j], inside_n));
  }
}
