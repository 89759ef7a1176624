// Draws a closed curve over what is there, as light that adds up; its points are rows of a tensor [points, 1, 2],
// 4 floats apart.
#version 450
layout(local_size_x = 8, local_size_y = 8) in;
layout(binding = 0) readonly buffer Points { vec4 point[]; };
layout(binding = 1) buffer Picture { vec4 pixel[]; };
layout(push_constant) uniform Frame { uint size, points; float age; };  // age: 0 in the first frame, 1 in the last

/// From a point to the line between two others, squared.
float distance_to_line(vec2 p, vec2 a, vec2 b) {
  vec2 along = b - a, from = p - a;
  vec2 across = from - along * clamp(dot(from, along) / max(dot(along, along), 1e-9), 0.0, 1.0);
  return dot(across, across);
}

void main() {
  uvec2 at = gl_GlobalInvocationID.xy;
  if (max(at.x, at.y) >= size) return;
  vec2 p = (vec2(at) + 0.5) / float(size) * 2.4 - 1.2;
  float nearest = 9.0;
  for (uint i = 0; i < points; ++i)
    nearest = min(nearest, distance_to_line(p, point[i].xy, point[(i + 1) % points].xy));
  vec3 colour = mix(mix(vec3(0.05, 0.15, 0.5), vec3(0.7, 0.15, 0.5), 2.0 * age), vec3(1.0, 0.9, 0.6),
                    clamp(2.0 * age - 1.0, 0.0, 1.0));
  vec3 light = colour * exp(-sqrt(nearest) * mix(60.0, 50.0, age));
  vec3 old = age > 0.0 ? pixel[at.y * size + at.x].rgb : vec3(0.01, 0.01, 0.03);
  pixel[at.y * size + at.x] = vec4(max(old * 0.995, light), 1.0);
}
