// First half of scatter_add: one invocation per table row and block of positions links those that name the row, in
// ascending order. head[block][row] and next[position] hold position + 1; 0 ends a list.
layout(local_size_x = 64) in;
READ_U32(0, indices);
WRITE(1, uint, head);
WRITE(2, uint, next);
// indices_at, texels of all indices and of a block; width: positions per padded row of indices.
layout(push_constant) uniform Push {
  uint indices_at, rows, texels, width, block_texels, blocks;
} pc;

void main() {
  if (FLAT_ID >= pc.rows * pc.blocks) return;
  const uint row = FLAT_ID % pc.rows, block = FLAT_ID / pc.rows;
  const uint row_texels = (pc.width + 3u) / 4u;
  const uint begin = block * pc.block_texels, end = min(begin + pc.block_texels, pc.texels);
  uint list = 0u;
  for (uint texel = end; texel-- > begin;) {  // from the end, so that lists ascend
    const uvec4 v = LOAD(indices, pc.indices_at + texel);
    const uint column = texel % row_texels * 4u;
    for (uint l = 4u; l-- > 0u;) {
      if (v[l] == row && column + l < pc.width) {
        const uint position = texel / row_texels * pc.width + column + l;
        STORE(next, position, list);
        list = position + 1u;
      }
    }
  }
  STORE(head, block * pc.rows + row, list);
}
