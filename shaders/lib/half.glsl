// 16-bit values, four in the two words of a texel: f16 (IEEE binary16) and bf16 (the upper half of f32).
// Invariant: rounded to nearest, ties to even, by integer arithmetic, since packHalf2x16 may round either way;
// subnormals, infinities and NaN are kept. No 16-bit feature of the device is needed.

// The 16 bits of each lane.
uvec4 f16_bits(vec4 v) {
  const uvec4 bits = floatBitsToUint(v), a = bits & 0x7fffffffu;
  // Normal numbers: rebias the exponent by 112 and round the 13 digits that go; the carry may end in infinity.
  const uvec4 normal = (a - 0x38000000u + 0xfffu + ((a >> 13u) & 1u)) >> 13u;
  // Below 2^-14 the result counts steps of 2^-24: the digits of 1/2 + |v|, rounded by the addition.
  const uvec4 small = floatBitsToUint(uintBitsToFloat(a) + 0.5) - 0x3f000000u;
  const uvec4 special = mix(uvec4(0x7c00u), uvec4(0x7e00u), greaterThan(a, uvec4(0x7f800000u)));
  uvec4 r = mix(normal, small, lessThan(a, uvec4(0x38800000u)));
  r = mix(r, special, greaterThanEqual(a, uvec4(0x47800000u)));
  return r | ((bits >> 16u) & 0x8000u);
}

uvec4 bf16_bits(vec4 v) {
  const uvec4 bits = floatBitsToUint(v);
  const uvec4 nearest = (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
  return mix(nearest, (bits >> 16u) | 0x40u, greaterThan(bits & 0x7fffffffu, uvec4(0x7f800000u)));
}

uvec2 packed(uvec4 bits) { return bits.xz | (bits.yw << 16u); }

// As unpackHalf2x16, from one word a lane: what a texel image of integers gives.
vec4 from_f16_bits(uvec4 bits) {
  const uvec4 a = bits & 0x7fffu;
  const vec4 normal = uintBitsToFloat((a << 13u) + 0x38000000u);
  const vec4 small = mix(normal, normal + normal - 6.103515625e-05, lessThan(a, uvec4(0x400u)));
  const vec4 v = mix(small, uintBitsToFloat((a << 13u) + 0x70000000u), greaterThanEqual(a, uvec4(0x7c00u)));
  return uintBitsToFloat(floatBitsToUint(v) | ((bits & 0x8000u) << 16u));
}

vec4 from_f16(uvec2 texel) { return vec4(unpackHalf2x16(texel.x), unpackHalf2x16(texel.y)); }
vec4 from_bf16(uvec2 texel) { return uintBitsToFloat(uvec4(texel << 16u, texel & 0xffff0000u).xzyw); }

vec4 round_f16(vec4 v) { return from_f16_bits(f16_bits(v)); }
vec4 round_bf16(vec4 v) { return uintBitsToFloat(bf16_bits(v) << 16u); }

#ifdef VOLUTE_TEXEL
#define READ_F16(slot, name) layout(set = 0, binding = slot, rgba16ui) ACCESS uniform readonly uimageBuffer name
#define LOAD_F16(name, texel) from_f16_bits(imageLoad(name, int(texel)))
#define LOAD_BF16(name, texel) uintBitsToFloat(imageLoad(name, int(texel)) << 16u)
#else
#define READ_F16(slot, name) layout(set = 0, binding = slot, std430) ACCESS readonly buffer name##_block { uvec2 data[]; } name
#define LOAD_F16(name, texel) from_f16(name.data[texel])
#define LOAD_BF16(name, texel) from_bf16(name.data[texel])
#endif
#define READ_BF16(slot, name) READ_F16(slot, name)
#define LOAD1_F16(name, element) pick(LOAD_F16(name, (element) >> 2u), (element) & 3u)
#define LOAD1_BF16(name, element) pick(LOAD_BF16(name, (element) >> 2u), (element) & 3u)
