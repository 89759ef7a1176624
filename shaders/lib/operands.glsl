// The operands A and B of a product, as vec4 whatever their type. Defines: A_F16, A_BF16, B_F16 or B_BF16 for
// 16-bit operands; none for f32.
#if defined(A_F16) || defined(A_BF16) || defined(B_F16) || defined(B_BF16)
#include "lib/half.glsl"
#endif
#if defined(A_F16)
#define READ_A(slot) READ_F16(slot, A)
#define LOAD_A(texel) LOAD_F16(A, texel)
#elif defined(A_BF16)
#define READ_A(slot) READ_BF16(slot, A)
#define LOAD_A(texel) LOAD_BF16(A, texel)
#else
#define READ_A(slot) READ_F32(slot, A)
#define LOAD_A(texel) LOAD(A, texel)
#endif
#if defined(B_F16)
#define READ_B(slot) READ_F16(slot, B)
#define LOAD_B(texel) LOAD_F16(B, texel)
#elif defined(B_BF16)
#define READ_B(slot) READ_BF16(slot, B)
#define LOAD_B(texel) LOAD_BF16(B, texel)
#else
#define READ_B(slot) READ_F32(slot, B)
#define LOAD_B(texel) LOAD(B, texel)
#endif
