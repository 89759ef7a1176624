// A strip of triangles that turns with the frames.
#version 450
layout(location = 0) in vec2 position;
layout(location = 0) out vec3 colour;
layout(push_constant) uniform Frame { float turn; };

void main() {
  float c = cos(turn), s = sin(turn);
  gl_Position = vec4(mat2(c, s, -s, c) * position, 0, 1);
  float i = float(gl_VertexIndex);
  colour = 0.5 + 0.5 * vec3(sin(i + turn), sin(2.0 * i), cos(3.0 * i - turn));
}
