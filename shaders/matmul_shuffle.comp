// C = A B by register tiles; the rows of A are spread over the lanes of a subgroup and handed out by
// shuffles, so that A costs one load for LANES values of four. One subgroup a workgroup, no barriers.
// On lavapipe a shuffle by an index the compiler does not know is one permute instruction; by a known
// index it becomes a broadcast with a search for the first active lane, several times slower: pc.zero.
// Defines: ROWS (a multiple of LANES), COLS, LANES (the subgroup size, a multiple of 4); A_T: A is stored
// [K, M]; B_T: B is stored [N, K]; TAIL: K is not a multiple of 4.
// Invariant: lanes of C beyond N are written as zeros; elements beyond K never enter the sums.
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
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
  uint a, b, c, lda, ldb, ldc, sa, sb, sc, M, N, K, zero;
} pc;

#ifdef TAIL
#define KEEP(v, inside) mix(vec4(0.0), v, inside)
#define K_AT(kk) min(4u * k4 + (kk), pc.K - 1u)
#else
#define KEEP(v, inside) v
#define K_AT(kk) (4u * k4 + (kk))
#endif

// Element (row r, step kk) of the tile of A: which register, component and lane hold it.
#ifdef A_T
#define A_ELEMENT(r, kk) subgroupShuffle(a[(r) / LANES][(r) % 4u], (r) / 4u % (LANES / 4u) * 4u + (kk) + pc.zero)
#else
#define A_ELEMENT(r, kk) subgroupShuffle(a[(r) / LANES][kk], (r) % LANES + pc.zero)
#endif

void main() {
  const uint lane = gl_SubgroupInvocationID;
  const uint n_texels = (pc.N + 3u) / 4u;
  const uint m0 = gl_WorkGroupID.y * ROWS;
  const uint first = gl_WorkGroupID.x * (LANES * COLS) + lane;
  const uint a0 = pc.a + gl_WorkGroupID.z * pc.sa;
  const uint b0 = pc.b + gl_WorkGroupID.z * pc.sb;
  const uint c0 = pc.c + gl_WorkGroupID.z * pc.sc;

  vec4 acc[ROWS][COLS];
  [[unroll]] for (uint r = 0u; r < ROWS; ++r)
    [[unroll]] for (uint j = 0u; j < COLS; ++j) acc[r][j] = vec4(0.0);

  uint a_at[ROWS / LANES];
  [[unroll]] for (uint i = 0u; i < ROWS / LANES; ++i) {
#ifdef A_T
    a_at[i] = a0 + min(m0 / 4u + i * (LANES / 4u) + lane / 4u, (pc.M + 3u) / 4u - 1u);
#else
    a_at[i] = a0 + min(m0 + i * LANES + lane, pc.M - 1u) * pc.lda;
#endif
  }
#ifdef B_T
  uint b_at[COLS][4];
  [[unroll]] for (uint j = 0u; j < COLS; ++j)
    [[unroll]] for (uint l = 0u; l < 4u; ++l)
      b_at[j][l] = b0 + min(4u * min(first + j * LANES, n_texels - 1u) + l, pc.N - 1u) * pc.ldb;
#else
  uint b_at[COLS];
  [[unroll]] for (uint j = 0u; j < COLS; ++j) b_at[j] = b0 + min(first + j * LANES, n_texels - 1u);
#endif

  const uint blocks = (pc.K + 3u) / 4u;
  [[dont_unroll]] for (uint k4 = 0u; k4 < blocks; ++k4) {
    const bvec4 inside = lessThan(4u * k4 + uvec4(0u, 1u, 2u, 3u), uvec4(pc.K));
    vec4 a[ROWS / LANES];
    [[unroll]] for (uint i = 0u; i < ROWS / LANES; ++i) {
#ifdef A_T
      a[i] = KEEP(LOAD_A(a_at[i] + K_AT(lane % 4u) * pc.lda), bvec4(4u * k4 + lane % 4u < pc.K));
#else
      a[i] = KEEP(LOAD_A(a_at[i] + k4), inside);
#endif
    }
    [[unroll]] for (uint j = 0u; j < COLS; ++j) {
      vec4 b[4];  // b[kk] along n
#ifdef B_T
      vec4 t[4];
      [[unroll]] for (uint l = 0u; l < 4u; ++l) t[l] = KEEP(LOAD_B(b_at[j][l] + k4), inside);
      [[unroll]] for (uint kk = 0u; kk < 4u; ++kk) b[kk] = vec4(t[0][kk], t[1][kk], t[2][kk], t[3][kk]);
#else
      [[unroll]] for (uint kk = 0u; kk < 4u; ++kk) b[kk] = KEEP(LOAD_B(b_at[j] + K_AT(kk) * pc.ldb), bvec4(inside[kk]));
#endif
      [[unroll]] for (uint r = 0u; r < ROWS; ++r)
        [[unroll]] for (uint kk = 0u; kk < 4u; ++kk) acc[r][j] += A_ELEMENT(r, kk) * b[kk];
    }
  }

  [[unroll]] for (uint j = 0u; j < COLS; ++j) {
    const uint column = first + j * LANES;
    const bvec4 inside_n = lessThan(4u * column + uvec4(0u, 1u, 2u, 3u), uvec4(pc.N));
    [[unroll]] for (uint r = 0u; r < ROWS; ++r)
      if (column < n_texels && m0 + r < pc.M)
        STORE_C(C, c0 + (m0 + r) * pc.ldc + column, mix(vec4(0.0), acc[r][j], inside_n));
  }
}
