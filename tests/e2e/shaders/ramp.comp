// Writes what the host would feed: value i of step s is ((7 i + 3 s) mod 32) / 32 - 0.5, exact in f32, in rows of
// `row` values padded to whole texels.
#version 450
layout(local_size_x = 64) in;
layout(binding = 0) buffer Values { float values[]; };
layout(push_constant) uniform Step { uint step, count, row; };

void main() {
  uint i = gl_GlobalInvocationID.x;
  if (i >= count) return;
  uint pitch = (row + 3u) / 4u * 4u;
  values[i / row * pitch + i % row] = float((7u * i + 3u * step) % 32u) / 32.0 - 0.5;
}
