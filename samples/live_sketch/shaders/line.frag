// Light of a capsule around the segment: a core with a soft edge and a glow that falls off. Blended by maximum, so that
// neighbours may overlap without a brighter joint.
#version 450

layout(location = 0) in vec2 position;
layout(location = 1) flat in vec4 ends;
layout(location = 2) flat in vec4 shades;

layout(push_constant) uniform Look {
  vec2 centre, scale;
  vec2 viewport;
  float width, reach;
  vec4 young, old;
} look;

layout(location = 0) out vec4 colour;

void main() {
  const vec2 step = ends.zw - ends.xy, offset = position - ends.xy;
  const float along = clamp(dot(offset, step) / max(dot(step, step), 1e-8), 0, 1);
  const float away = length(offset - along * step);
  const float core = clamp(look.width + 0.5 - away, 0, 1);
  const float outside = clamp((away - look.width) / max(look.reach, 1e-3), 0, 1);
  const float glow = look.reach > 0 ? 0.22 * (1 - outside) * (1 - outside) : 0;
  const vec2 shade = mix(shades.xy, shades.zw, along);
  const vec4 tint = mix(look.young, look.old, shade.y);
  colour = vec4(tint.rgb * tint.w * shade.x * max(core, glow), 1);
}
