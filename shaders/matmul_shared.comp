// C = A B by tiles in shared memory, for GPUs. A tile lies k by k in vec4 along rows (A) or columns (B), so an
// invocation reads four values an instruction whatever the transposes. Two buffers: while block i is multiplied,
// block i + 1 is on its way into registers; one barrier a block. Banks: an 8 x 4 patch of lanes reads 8 neighbouring
// texels of B and 4 of A, the rest by broadcast; stores that transpose go to lines two texels of k at a time, which
// with a pitch of an odd number of texels are 32 different banks, from whole 32-byte sectors of memory.
// Every result is one accumulator that adds fma by fma in ascending k: all tile sizes give the same bits.
// Defines: A_T: A is stored [K, M]; B_T: B is stored [N, K]; TAIL: K is not a multiple of 4; EPILOGUE, GATES: the
// tile's columns are GATES groups pc.gate columns apart, N is the width of one, and epilogue(m, u, z) takes row m
// and texel u of all of them in place of C. Lanes of C beyond N are zeros; elements beyond K never enter the sums.
#extension GL_EXT_control_flow_attributes : require
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint ROWS = 32u;   // of the tile of A, a multiple of 4
layout(constant_id = 2) const uint TEXELS = 8u;  // of columns of the tile of B, a multiple of 4
layout(constant_id = 3) const uint DEPTH = 8u;   // of both along k, a multiple of 8
layout(constant_id = 4) const uint TM = 4u;      // rows an invocation computes
layout(constant_id = 5) const uint TN = 1u;      // texels of columns an invocation computes, a multiple of GATES
#ifndef GATES
#define GATES 1u
#endif
READ_A(0);
READ_B(1);
#ifdef C_IMAGE
WRITE_IMAGE(2, rgba32f, imageBuffer, C);
#define STORE_C STORE_IMAGE
#elif !defined(EPILOGUE)
WRITE(2, vec4, C);
#define STORE_C STORE
#endif
// Offsets, row pitches and batch strides in texels. split: how much of K a batch sums, 0 for all of it.
layout(push_constant) uniform Push {
  uint a, b, c, lda, ldb, ldc, sa, sb, sc, M, N, K, zero, gate, split;
#ifdef EPILOGUE_WORDS
  uint word[EPILOGUE_WORDS];
#endif
} pc;

const uint X = TEXELS / TN, Y = ROWS / TM;     // invocations along columns and rows
const uint THREADS = X * Y;
const uint PATCH = X < 8u ? X : 8u;                // lanes along columns of 32 that lie together
const uint UNITS = TEXELS / GATES;             // texels of columns of one group
const uint PITCH_A = ROWS / 4u + 1u, PITCH_B = TEXELS + 1u;
const uint ALL_A = ROWS * DEPTH / 4u, ALL_B = TEXELS * DEPTH;
const uint LOADS_A = (ALL_A + THREADS - 1u) / THREADS, LOADS_B = (ALL_B + THREADS - 1u) / THREADS;
shared vec4 tile_a[2u * DEPTH * PITCH_A];
shared vec4 tile_b[2u * DEPTH * PITCH_B];

vec4 keep(vec4 v, uint first, uint limit) {
  return mix(vec4(0.0), v, lessThan(first + uvec4(0u, 1u, 2u, 3u), uvec4(limit)));
}

// (line, k) of the first element of texel i of a tile: of a matrix stored along k, and of one stored along lines.
uvec2 along_k(uint i, uint lines) { return uvec2(i / 2u % lines, 4u * (i % 2u + i / (2u * lines) * 2u)); }
uvec2 along_lines(uint i, uint lines) { return uvec2(4u * (i % (lines / 4u)), i / (lines / 4u)); }
#ifdef A_T
#define PLACE_A(i) along_lines(i, ROWS)
#define TAKE_A(at, k) LOAD_A(at + (k) * pc.lda)
#else
#define PLACE_A(i) along_k(i, ROWS)
#define TAKE_A(at, k) LOAD_A(at + (k) / 4u)
#endif
#ifdef B_T
#define PLACE_B(i) along_k(i, 4u * TEXELS)
#define TAKE_B(at, k) LOAD_B(at + (k) / 4u)
#else
#define PLACE_B(i) along_lines(i, 4u * TEXELS)
#define TAKE_B(at, k) LOAD_B(at + (k) * pc.ldb)
#endif
#ifdef TAIL
#define KEEP_K(v, k, limit) keep(v, k, limit)
#else
#define KEEP_K(v, k, limit) (v)
#endif
// Row r of an invocation: four together where it has a multiple of four, so that one read brings them.
#define ROW(r) (TM % 4u == 0u ? 4u * (y + (r) / 4u * Y) + (r) % 4u : y + (r) * Y)

#ifdef EPILOGUE
#pragma epilogue
#endif

void main() {
  const uint id = gl_LocalInvocationIndex, across = X / PATCH;
  const uint x = id % PATCH + id / 32u % across * PATCH;
  const uint y = id % 32u / PATCH + id / (32u * across) * (32u / PATCH);
  const uint m0 = gl_WorkGroupID.y * ROWS, u0 = gl_WorkGroupID.x * UNITS, z = gl_WorkGroupID.z;
  const uint texels = (pc.N + 3u) / 4u;
  const uint K = pc.split == 0u ? pc.K : min(pc.split, pc.K - z * pc.split);

  // Lines beyond the matrices read the last one: their results are not stored.
  uint a_at[LOADS_A], b_at[LOADS_B];
  [[unroll]] for (uint i = 0u; i < LOADS_A; ++i) {
    const uint m = m0 + PLACE_A(id + i * THREADS).x;
#ifdef A_T
    a_at[i] = pc.a + z * pc.sa + min(m / 4u, (pc.M + 3u) / 4u - 1u);
#else
    a_at[i] = pc.a + z * pc.sa + min(m, pc.M - 1u) * pc.lda;
#endif
  }
  [[unroll]] for (uint i = 0u; i < LOADS_B; ++i) {
    const uint n = PLACE_B(id + i * THREADS).x, group = n / (4u * UNITS), column = 4u * u0 + n % (4u * UNITS);
#ifdef B_T
    b_at[i] = pc.b + z * pc.sb + (min(group, GATES - 1u) * pc.gate + min(column, pc.N - 1u)) * pc.ldb;
#else
    b_at[i] = pc.b + z * pc.sb + min(group, GATES - 1u) * (pc.gate / 4u) + min(column / 4u, texels - 1u);
#endif
  }

  vec4 acc[TM * TN];
  [[unroll]] for (uint i = 0u; i < TM * TN; ++i) acc[i] = vec4(0.0);
  uint filling = 0u;  // the buffer being filled; the other one is multiplied
  for (uint k0 = 0u;; k0 += DEPTH) {
    vec4 next_a[LOADS_A], next_b[LOADS_B];
    if (k0 < K) {
      [[unroll]] for (uint i = 0u; i < LOADS_A; ++i) {
        const uint k = k0 + PLACE_A(id + i * THREADS).y;
        next_a[i] = vec4(0.0);
        if (k < K) next_a[i] = TAKE_A(a_at[i], k);
#ifndef A_T
        next_a[i] = KEEP_K(next_a[i], k, K);
#endif
      }
      [[unroll]] for (uint i = 0u; i < LOADS_B; ++i) {
        const uint k = k0 + PLACE_B(id + i * THREADS).y;
        next_b[i] = vec4(0.0);
        if (k < K) next_b[i] = TAKE_B(b_at[i], k);
#ifdef B_T
        next_b[i] = KEEP_K(next_b[i], k, K);
#endif
      }
    }
    if (k0 > 0u) {
      const uint first = (1u - filling) * DEPTH;
      for (uint k4 = 0u; k4 < DEPTH; k4 += 4u) {
        [[unroll]] for (uint kk = 0u; kk < 4u; ++kk) {
          const uint row_a = (first + k4 + kk) * PITCH_A, row_b = (first + k4 + kk) * PITCH_B;
          float a[TM];
          [[unroll]] for (uint r = 0u; r < TM; ++r) {
            if (TM % 4u != 0u) a[r] = tile_a[row_a + ROW(r) / 4u][ROW(r) % 4u];
            else if (r % 4u == 0u) {
              const vec4 v = tile_a[row_a + y + r / 4u * Y];
              [[unroll]] for (uint l = 0u; l < 4u; ++l) a[min(r + l, TM - 1u)] = v[l];
            }
          }
          [[unroll]] for (uint j = 0u; j < TN; ++j) {
            const vec4 b = tile_b[row_b + x + j * X];
            [[unroll]] for (uint r = 0u; r < TM; ++r) acc[r * TN + j] = fma(vec4(a[r]), b, acc[r * TN + j]);
          }
        }
      }
    }
    if (k0 >= K) break;
    [[unroll]] for (uint i = 0u; i < LOADS_A; ++i) {
      const uvec2 at = PLACE_A(id + i * THREADS);
      if (ALL_A % THREADS != 0u && id + i * THREADS >= ALL_A) continue;
#ifdef A_T
      tile_a[(filling * DEPTH + at.y) * PITCH_A + at.x / 4u] = next_a[i];
#else
      [[unroll]] for (uint l = 0u; l < 4u; ++l)
        tile_a[(filling * DEPTH + at.y + l) * PITCH_A + at.x / 4u][at.x % 4u] = next_a[i][l];
#endif
    }
    [[unroll]] for (uint i = 0u; i < LOADS_B; ++i) {
      const uvec2 at = PLACE_B(id + i * THREADS);
      if (ALL_B % THREADS != 0u && id + i * THREADS >= ALL_B) continue;
#ifdef B_T
      [[unroll]] for (uint l = 0u; l < 4u; ++l)
        tile_b[(filling * DEPTH + at.y + l) * PITCH_B + at.x / 4u][at.x % 4u] = next_b[i][l];
#else
      tile_b[(filling * DEPTH + at.y) * PITCH_B + at.x / 4u] = next_b[i];
#endif
    }
    barrier();
    filling = 1u - filling;
  }

  const uint units = TN / GATES;  // texels of a group an invocation computes
  [[unroll]] for (uint r = 0u; r < TM; ++r) {
    const uint m = m0 + ROW(r);
    [[unroll]] for (uint j = 0u; j < units; ++j) {
      const uint u = u0 + x + j * X;
      if (m >= pc.M || u >= texels) continue;
#ifdef EPILOGUE
      vec4 gates[GATES];
      [[unroll]] for (uint g = 0u; g < GATES; ++g) gates[g] = keep(acc[r * TN + g * units + j], 4u * u, pc.N);
      epilogue(m, u, gates);
#else
      STORE_C(C, pc.c + z * pc.sc + m * pc.ldc + u, keep(acc[r * TN + j], 4u * u, pc.N));
#endif
    }
  }
}
