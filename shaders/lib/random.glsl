// pcg4d: Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020.
// Invariant: the same numbers as engine/graph/random.cpp.

uvec4 pcg4d(uvec4 v) {
  v = v * 1664525u + 1013904223u;
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  v ^= v >> 16u;
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  return v;
}

// Uniform in [0, 1), 24 bits.
vec4 volute_random(uint texel, uint key, uint step, uint seed) {
  return vec4(pcg4d(uvec4(texel, key, step, seed)) >> 8u) * (1.0 / 16777216.0);
}
