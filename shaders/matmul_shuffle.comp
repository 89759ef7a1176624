// C = A B by register tiles, one subgroup a workgroup, no barriers. Defines: see lib/tile_shuffle.glsl.
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
layout(local_size_x = LANES) in;
READ_A(0);
READ_B(1);
#ifdef C_IMAGE
WRITE_IMAGE(2, rgba32f, imageBuffer, C);
#define STORE_C(texel, value) STORE_IMAGE(C, texel, value)
#else
WRITE(2, vec4, C);
#define STORE_C(texel, value) STORE(C, texel, value)
#endif
// Offsets, row pitches and batch strides in texels.
layout(push_constant) uniform Push {
  uint a, b, c, lda, ldb, ldc, sa, sb, sc, M, N, K, zero, gate, split;
} pc;

#define P_M pc.M
#define P_N pc.N
#define P_K pc.K
#define P_LDA pc.lda
#define P_LDB pc.ldb
#define P_LDC pc.ldc
#define P_ZERO pc.zero

void main() {
  const uint lane = gl_SubgroupInvocationID;
  const uint m0 = gl_WorkGroupID.y * ROWS;
  const uint first = gl_WorkGroupID.x * (LANES * COLS) + lane;
  const uint a0 = pc.a + gl_WorkGroupID.z * pc.sa;
  const uint b0 = pc.b + gl_WorkGroupID.z * pc.sb;
  const uint c0 = pc.c + gl_WorkGroupID.z * pc.sc;

#include "lib/tile_shuffle.glsl"
}
