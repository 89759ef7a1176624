// A segment of a line strip as a quad wide enough for its glow: one instance a segment, whose ends are two vertices
// that follow each other in one buffer, bound twice. Vertices are a program's output as it is: x, y, alpha, age.
#version 450

layout(location = 0) in vec4 from;
layout(location = 1) in vec4 to;

layout(push_constant) uniform Look {
  vec2 centre, scale;  // canvas to pixels
  vec2 viewport;       // pixels
  float width, reach;  // half the line's width, how far its glow goes
  vec4 young, old;     // colours by age; w: brightness
} look;

layout(location = 0) out vec2 position;  // pixels
layout(location = 1) flat out vec4 ends;
layout(location = 2) flat out vec4 shades;  // alpha and age at both ends

void main() {
  const vec2 a = look.centre + from.xy * look.scale, b = look.centre + to.xy * look.scale;
  const vec2 step = b - a;
  const float arc = length(step);
  const vec2 along = arc > 1e-4 ? step / arc : vec2(1, 0), across = vec2(-along.y, along.x);
  const float margin = look.width + look.reach + 1;
  const vec2 corner = vec2(gl_VertexIndex & 1, gl_VertexIndex >> 1) * 2 - 1;
  position = (corner.x < 0 ? a : b) + margin * (along * corner.x + across * corner.y);
  ends = vec4(a, b);
  shades = vec4(from.zw, to.zw);
  // Nothing of a segment that cannot be seen is rasterised.
  const bool hidden = from.z <= 0 && to.z <= 0;
  gl_Position = hidden ? vec4(2, 2, 0, 1) : vec4(position / look.viewport * 2 - 1, 0, 1);
}
