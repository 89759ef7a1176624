// Some texels of columns of ROWS rows of C = A B, as statements, by a whole workgroup: every invocation makes four
// rows of one texel at a time. B is used once by a workgroup and read where it lies; A is read by all and goes
// through shared memory, CHUNK texels of every row at a time.
// In: uint lane (in the workgroup of LANES), m0, column0, columns (texels), a0, b0, c0; LOAD_A(texel), LOAD_B(texel),
// STORE_C(texel, value); P_M, P_N, P_K, pitches P_LDA, P_LDB, P_LDC in texels; ROWS, a multiple of 4; CHUNK;
// shared vec4 tile_a[ROWS * CHUNK]; B_T: B is stored [N, K].
// Invariant: as in tile_shuffle.glsl. Control flow around the barriers is the same for all invocations.
[[dont_unroll]] for (uint begin = 0u; begin < columns * (ROWS / 4u); begin += LANES) {
  const uint column = column0 + (begin + lane) % columns, block = (begin + lane) / columns;
  const bool used = block < ROWS / 4u && column < (P_N + 3u) / 4u;
  vec4 acc[4] = vec4[4](vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));
  [[dont_unroll]] for (uint k0 = 0u; k0 < (P_K + 3u) / 4u; k0 += CHUNK) {
    barrier();
    for (uint x = lane; x < ROWS * CHUNK; x += LANES) {
      const uint row = min(m0 + x / CHUNK, P_M - 1u), k4 = k0 + x % CHUNK;
      const bvec4 inside = lessThan(4u * k4 + uvec4(0u, 1u, 2u, 3u), uvec4(P_K));
      tile_a[x] = mix(vec4(0.0), LOAD_A(a0 + row * P_LDA + min(k4, (P_K - 1u) / 4u)), inside);
    }
    barrier();
    const uint depth = used ? min(CHUNK, (P_K + 3u) / 4u - k0) : 0u;
    [[dont_unroll]] for (uint k = 0u; k < depth; ++k) {
      const uvec4 at = min(4u * (k0 + k) + uvec4(0u, 1u, 2u, 3u), uvec4(P_K - 1u));
      vec4 b[4];  // b[kk] along n
#ifdef B_T
      vec4 t[4];
      [[unroll]] for (uint l = 0u; l < 4u; ++l) t[l] = LOAD_B(b0 + min(4u * column + l, P_N - 1u) * P_LDB + k0 + k);
      [[unroll]] for (uint kk = 0u; kk < 4u; ++kk) b[kk] = vec4(t[0][kk], t[1][kk], t[2][kk], t[3][kk]);
#else
      [[unroll]] for (uint kk = 0u; kk < 4u; ++kk) b[kk] = LOAD_B(b0 + at[kk] * P_LDB + column);
#endif
      // A is 0 beyond K; a product with what B holds there must be 0 too, whatever it is.
      [[unroll]] for (uint kk = 0u; kk < 4u; ++kk) b[kk] = mix(vec4(0.0), b[kk], bvec4(4u * (k0 + k) + kk < P_K));
      [[unroll]] for (uint r = 0u; r < 4u; ++r) {
        const vec4 a = tile_a[(4u * block + r) * CHUNK + k];
        [[unroll]] for (uint kk = 0u; kk < 4u; ++kk) acc[r] = fma(vec4(a[kk]), b[kk], acc[r]);
      }
    }
  }
  const bvec4 inside_n = lessThan(4u * column + uvec4(0u, 1u, 2u, 3u), uvec4(P_N));
  [[unroll]] for (uint r = 0u; r < 4u; ++r)
    if (used && m0 + 4u * block + r < P_M)
      STORE_C(c0 + (m0 + 4u * block + r) * P_LDC + column, mix(vec4(0.0), acc[r], inside_n));
}
