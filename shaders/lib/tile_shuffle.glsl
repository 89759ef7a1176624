// One tile of C = A B, as statements: ROWS rows from m0 on, COLS texels of columns a lane, the first of them
// `first`, LANES apart. The rows of A are spread over the lanes of a subgroup and handed out by shuffles, so that A
// costs one load for LANES values of four.
// On lavapipe a shuffle by an index the compiler does not know is one permute instruction; by a known
// index it becomes a broadcast with a search for the first active lane, several times slower: P_ZERO.
// In: uint lane, m0, first, a0, b0, c0 (texels); LOAD_A(texel), LOAD_B(texel), STORE_C(texel, value); P_M, P_N, P_K,
// pitches P_LDA, P_LDB, P_LDC in texels, P_ZERO (pushed, 0); ROWS (a multiple of LANES), COLS, LANES (the subgroup
// size, a multiple of 4); A_T: A is stored [K, M]; B_T: B is stored [N, K]; TAIL: K is not a multiple of 4.
// Invariant: lanes of C beyond N are written as zeros; elements beyond K never enter the sums, which run in
// ascending k.
#ifdef TAIL
#define KEEP(v, inside) mix(vec4(0.0), v, inside)
#define K_AT(kk) min(4u * k4 + (kk), P_K - 1u)
#else
#define KEEP(v, inside) v
#define K_AT(kk) (4u * k4 + (kk))
#endif

// Element (row r, step kk) of the tile of A: which register, component and lane hold it.
#ifdef A_T
#define A_ELEMENT(r, kk) subgroupShuffle(a[(r) / LANES][(r) % 4u], (r) / 4u % (LANES / 4u) * 4u + (kk) + P_ZERO)
#else
#define A_ELEMENT(r, kk) subgroupShuffle(a[(r) / LANES][kk], (r) % LANES + P_ZERO)
#endif

vec4 acc[ROWS][COLS];
[[unroll]] for (uint r = 0u; r < ROWS; ++r)
  [[unroll]] for (uint j = 0u; j < COLS; ++j) acc[r][j] = vec4(0.0);

uint a_at[ROWS / LANES];
[[unroll]] for (uint i = 0u; i < ROWS / LANES; ++i) {
#ifdef A_T
  a_at[i] = a0 + min(m0 / 4u + i * (LANES / 4u) + lane / 4u, (P_M + 3u) / 4u - 1u);
#else
  a_at[i] = a0 + min(m0 + i * LANES + lane, P_M - 1u) * P_LDA;
#endif
}
#ifdef B_T
uint b_at[COLS][4];
[[unroll]] for (uint j = 0u; j < COLS; ++j)
  [[unroll]] for (uint l = 0u; l < 4u; ++l)
    b_at[j][l] = b0 + min(4u * min(first + j * LANES, (P_N + 3u) / 4u - 1u) + l, P_N - 1u) * P_LDB;
#else
uint b_at[COLS];
[[unroll]] for (uint j = 0u; j < COLS; ++j) b_at[j] = b0 + min(first + j * LANES, (P_N + 3u) / 4u - 1u);
#endif

const uint blocks = (P_K + 3u) / 4u;
[[dont_unroll]] for (uint k4 = 0u; k4 < blocks; ++k4) {
  const bvec4 inside = lessThan(4u * k4 + uvec4(0u, 1u, 2u, 3u), uvec4(P_K));
  vec4 a[ROWS / LANES];
  [[unroll]] for (uint i = 0u; i < ROWS / LANES; ++i) {
#ifdef A_T
    a[i] = KEEP(LOAD_A(a_at[i] + K_AT(lane % 4u) * P_LDA), bvec4(4u * k4 + lane % 4u < P_K));
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
    [[unroll]] for (uint kk = 0u; kk < 4u; ++kk) b[kk] = KEEP(LOAD_B(b_at[j] + K_AT(kk) * P_LDB), bvec4(inside[kk]));
#endif
    [[unroll]] for (uint r = 0u; r < ROWS; ++r)
      [[unroll]] for (uint kk = 0u; kk < 4u; ++kk) acc[r][j] += A_ELEMENT(r, kk) * b[kk];
  }
}

[[unroll]] for (uint j = 0u; j < COLS; ++j) {
  const uint column = first + j * LANES;
  const bvec4 inside_n = lessThan(4u * column + uvec4(0u, 1u, 2u, 3u), uvec4(P_N));
  [[unroll]] for (uint r = 0u; r < ROWS; ++r)
    if (column < (P_N + 3u) / 4u && m0 + r < P_M)
      STORE_C(c0 + (m0 + r) * P_LDC + column, mix(vec4(0.0), acc[r][j], inside_n));
}
#undef KEEP
#undef K_AT
#undef A_ELEMENT
