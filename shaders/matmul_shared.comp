// C = A B by 64 x 64 tiles in shared memory, 4 x 4 results per invocation: for GPUs.
// Defines: A_T: A is stored [K, M]; B_T: B is stored [N, K]; TAIL: K is not a multiple of 4.
// Invariant: lanes of C beyond N are written as zeros; elements beyond K never enter the sums.
layout(local_size_x = 16, local_size_y = 16) in;
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
  uint a, b, c, lda, ldb, ldc, sa, sb, sc, M, N, K;
} pc;

const uint DEPTH = 16u;
shared float tile_a[DEPTH][68];  // [k][m]; 4 columns of padding spread the banks
shared vec4 tile_b[DEPTH][17];   // [k][n / 4]

vec4 keep(vec4 v, uint first, uint limit) {
  return mix(vec4(0.0), v, lessThan(first + uvec4(0u, 1u, 2u, 3u), uvec4(limit)));
}

void main() {
  const uint x = gl_LocalInvocationID.x, y = gl_LocalInvocationID.y, id = y * 16u + x;
  const uint m0 = gl_WorkGroupID.y * 64u, n0 = gl_WorkGroupID.x * 64u;
  const uint a0 = pc.a + gl_WorkGroupID.z * pc.sa;
  const uint b0 = pc.b + gl_WorkGroupID.z * pc.sb;
  const uint c0 = pc.c + gl_WorkGroupID.z * pc.sc;
  vec4 acc[4] = vec4[4](vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));

  for (uint k0 = 0u; k0 < pc.K; k0 += DEPTH) {
#ifdef A_T
    {  // 16 k rows of 16 texels along m
      const uint k = k0 + y, m = m0 + 4u * x;
      vec4 v = vec4(0.0);
      if (k < pc.K && m < pc.M) v = LOAD_A(a0 + k * pc.lda + m / 4u);
      for (uint l = 0u; l < 4u; ++l) tile_a[y][4u * x + l] = v[l];
    }
#else
    {  // 64 m rows of 4 texels along k
      const uint m = m0 + id / 4u, k = k0 + 4u * (id % 4u);
      vec4 v = vec4(0.0);
      if (m < pc.M && k < pc.K) v = keep(LOAD_A(a0 + m * pc.lda + k / 4u), k, pc.K);
      for (uint l = 0u; l < 4u; ++l) tile_a[4u * (id % 4u) + l][id / 4u] = v[l];
    }
#endif
#ifdef B_T
    {  // 64 n rows of 4 texels along k
      const uint n = n0 + id / 4u, k = k0 + 4u * (id % 4u);
      vec4 v = vec4(0.0);
      if (n < pc.N && k < pc.K) v = keep(LOAD_B(b0 + n * pc.ldb + k / 4u), k, pc.K);
      for (uint l = 0u; l < 4u; ++l) tile_b[4u * (id % 4u) + l][id / 16u][(id / 4u) % 4u] = v[l];
    }
#else
    {  // 16 k rows of 16 texels along n
      const uint k = k0 + y, n = n0 + 4u * x;
      vec4 v = vec4(0.0);
      if (k < pc.K && n < pc.N) v = LOAD_B(b0 + k * pc.ldb + n / 4u);
      tile_b[y][x] = v;
    }
#endif
    barrier();
    for (uint k = 0u; k < DEPTH; ++k) {
      const vec4 b = tile_b[k][x];
      for (uint r = 0u; r < 4u; ++r) acc[r] += tile_a[k][4u * y + r] * b;
    }
    barrier();
  }

  const uint n = n0 + 4u * x;
  for (uint r = 0u; r < 4u; ++r) {
    const uint m = m0 + 4u * y + r;
    if (m < pc.M && n < pc.N) STORE_C(C, c0 + m * pc.ldc + n / 4u, keep(acc[r], n, pc.N));
  }
}
