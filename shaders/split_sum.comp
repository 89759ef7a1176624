// C [M, N] as the sum of `parts` partial products, in ascending order.
// Invariant: padding lanes of the parts are zeros, and so are those of C.
layout(local_size_x = 64) in;
READ_F32(0, P);
#ifdef C_IMAGE
WRITE_IMAGE(1, rgba32f, imageBuffer, C);
#define STORE_C STORE_IMAGE
#else
WRITE(1, vec4, C);
#define STORE_C STORE
#endif
// In texels: place, pitch and width of C, its number of texels; the parts follow one another.
layout(push_constant) uniform Push {
  uint c, ldc, width, texels, parts;
} pc;

void main() {
  const uint i = FLAT_ID;
  if (i >= pc.texels) return;
  vec4 sum = LOAD(P, i);
  for (uint part = 1u; part < pc.parts; ++part) sum += LOAD(P, i + part * pc.texels);
  STORE_C(C, pc.c + i / pc.width * pc.ldc + i % pc.width, sum);
}
