// First half of scatter_add: one invocation per table row links the positions that name the row, in
// ascending order. head[row] and next[position] hold position + 1; 0 ends a list.
layout(local_size_x = 64) in;
READ_U32(0, indices);
WRITE(1, uint, head);
WRITE(2, uint, next);
layout(push_constant) uniform Push {
  uint indices_at, head_at, next_at, rows, count, width;  // width: positions per padded row of indices
} pc;

void main() {
  const uint row = FLAT_ID;
  if (row >= pc.rows) return;
  const uint row_texels = (pc.width + 3u) / 4u;
  const uint texels = pc.count / pc.width * row_texels;
  uint list = 0u;
  for (uint i = 0u; i < texels; ++i) {  // from the end, so that lists ascend
    const uint texel = texels - 1u - i;
    const uvec4 v = LOAD(indices, pc.indices_at + texel);
    const uint column = texel % row_texels * 4u;
    for (uint l = 4u; l-- > 0u;) {
      if (v[l] == row && column + l < pc.width) {
        const uint position = texel / row_texels * pc.width + column + l;
        STORE(next, pc.next_at + position, list);
        list = position + 1u;
      }
    }
  }
  STORE(head, pc.head_at + row, list);
}
